//! What the four runs of a block cost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::order::{BlockOrder, Side};

/// A block that was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// In which order.
    pub order: BlockOrder,
    /// Of each gated figure, what each run cost, in the order of the runs. Any unit, greater than 0.
    pub costs: BTreeMap<String, [f64; 4]>,
}

/// A block that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BlockError {
    /// The plan names it, the block lacks it.
    #[error("block {block} has no cost of {figure}")]
    Missing {
        /// The block's number.
        block: usize,
        /// The figure.
        figure: String,
    },
    /// A cost that has no logarithm.
    #[error("run {run} of block {block} cost {cost} of {figure}, expected more than 0")]
    NotPositive {
        /// The block's number.
        block: usize,
        /// Counted from 1.
        run: usize,
        /// The figure.
        figure: String,
        /// What was given.
        cost: f64,
    },
    /// The gate has decided.
    #[error("a block after the verdict")]
    AfterVerdict,
}

impl Block {
    /// That it has a usable cost of each figure.
    pub(super) fn checked(self, figures: &[String]) -> Result<Block, BlockError> {
        let block = self.order.number;
        for figure in figures {
            let Some(costs) = self.costs.get(figure) else {
                return Err(BlockError::Missing { block, figure: figure.clone() });
            };
            if let Some(run) = costs.iter().position(|c| !(c.is_finite() && *c > 0.0)) {
                let (figure, cost) = (figure.clone(), costs[run]);
                return Err(BlockError::NotPositive { block, run: run + 1, figure, cost });
            }
        }
        Ok(self)
    }

    /// The log ratios of its two pairs, B (or the control) to A.
    pub(super) fn log_ratios(&self, figure: &str) -> [f64; 2] {
        let costs = self.costs[figure];
        let first = (costs[1] / costs[0]).ln();
        let second = (costs[2] / costs[3]).ln();
        if self.order.runs[0] == Side::A { [first, second] } else { [-first, -second] }
    }

    /// The logarithms of what runs of A cost, those of the control included.
    pub(super) fn logs_of_a(&self, figure: &str) -> impl Iterator<Item = f64> {
        let runs = self.order.runs.into_iter().zip(self.costs[figure]);
        runs.filter(|(side, _)| *side != Side::B).map(|(_, cost)| cost.ln())
    }
}
