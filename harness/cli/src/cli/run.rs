//! `sparkproof run`.

use std::path::PathBuf;

use sparkproof_base::error::{Exit, Result};
use sparkproof_base::ledger::Scope;
use sparkproof_catalog::plan::{CONFIG_FILE, Machine, RawPlan, ResolvedPlan};
use sparkproof_report::Mode;
use sparkproof_suite::checks::run_suite;
use sparkproof_suite::flow::set_up;
use sparkproof_testbed::ScenarioContext;

use super::runner::{Request, with_run};

/// Prove everything.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) common: PlanArgs,
}

/// The plan, and how to read it.
#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    /// Install missing packages (Debian's docker.io, debootstrap, maven) without asking
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Configuration file; its keys are the names of the flags [default: sparkproof.toml, if it
    /// exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    raw: RawPlan,
}

impl PlanArgs {
    /// Selects these ways of reading, if the command line selects none.
    pub(super) fn or_strategies(mut self, words: &[&str]) -> Self {
        let words = || words.iter().map(|word| (*word).to_owned()).collect();
        self.raw.strategies.get_or_insert_with(words);
        self
    }

    /// Merges the flags over the file and validates the result.
    pub(super) fn plan(self) -> Result<ResolvedPlan> {
        let default = PathBuf::from(CONFIG_FILE);
        let file = self.config.or_else(|| default.is_file().then_some(default));
        let raw = match file {
            Some(file) => self.raw.over_file(&file)?,
            None => self.raw,
        };
        ResolvedPlan::new(raw, Machine::here()?)
    }
}

pub(super) async fn run(args: RunArgs, mode: Mode) -> Result<Exit> {
    let yes = args.common.yes;
    let plan = args.common.plan()?;
    let request = Request::of_plan(mode, plan.title(), &plan)?;
    with_run(request, async |context, held| {
        let name = format!("sparkproof-{}", context.run.id());
        let environment = Box::pin(set_up(context, held, &plan, &name, Scope::Run, yes)).await?;
        run_suite(&ScenarioContext::new(context.clone(), environment)).await
    })
    .await
}
