//! The gate as a state machine: which block is next, and what it changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::block::{Block, BlockError};
use super::judged;
use super::order::{BlockOrder, Orders};
use super::outcome::{Figure, Outcome};
use super::plan::{Plan, PlanError};

/// What a block led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// No look is due: go on.
    Going,
    /// A look decided some figures or none: go on.
    Undecided(BTreeMap<String, Figure>),
    /// The verdict: no further block is taken.
    Decided(Outcome),
}

/// A command's gate.
#[derive(Debug, Clone)]
pub struct Gate {
    plan: Plan,
    orders: Orders,
    next: Option<BlockOrder>,
    blocks: Vec<Block>,
    /// Looks that were taken.
    looks: usize,
    figures: BTreeMap<String, Figure>,
    decided: bool,
}

impl Gate {
    /// A gate before its first block.
    ///
    /// # Errors
    /// A plan that cannot give a verdict.
    pub fn new(plan: Plan) -> Result<Gate, PlanError> {
        let plan = plan.checked()?;
        let mut orders = Orders::new(plan.seed);
        let next = orders.next();
        let (blocks, figures) = (vec![], BTreeMap::new());
        Ok(Gate { plan, orders, next, blocks, looks: 0, figures, decided: false })
    }

    /// What is fixed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The blocks that were fed.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The next four runs; none after the verdict. The same until they are fed: if a run fails, the
    /// whole block is made again.
    pub fn next_block(&self) -> Option<BlockOrder> {
        if self.decided { None } else { self.next }
    }

    /// Takes what the four runs of [`Gate::next_block`] cost, in the order of the runs.
    ///
    /// # Errors
    /// A gated figure without cost, or one that is not greater than 0: nothing was changed. A block
    /// after the verdict.
    pub fn feed(&mut self, costs: BTreeMap<String, [f64; 4]>) -> Result<Step, BlockError> {
        let order = self.next_block().ok_or(BlockError::AfterVerdict)?;
        self.blocks.push(Block { order, costs }.checked(&self.plan.figures)?);
        self.next = self.orders.next();
        // A look has whole groups of three blocks: two compare, one controls.
        let pairs = self.blocks.len() / 3 * 4;
        let due =
            self.blocks.len().is_multiple_of(3) && self.plan.looks.get(self.looks) == Some(&pairs);
        if !due {
            return Ok(Step::Going);
        }
        let look = self.looks;
        self.looks += 1;
        // A figure that an earlier look decided stays as it was.
        let open =
            |name: &str| self.figures.get(name).is_none_or(|earlier| earlier.verdict.is_none());
        let seen = judged::look(&self.plan, look, &self.blocks, open);
        self.figures.extend(seen);
        let Some(outcome) = judged::outcome(&self.plan, look, &self.blocks, &self.figures) else {
            return Ok(Step::Undecided(self.figures.clone()));
        };
        self.decided = true;
        Ok(Step::Decided(outcome))
    }
}
