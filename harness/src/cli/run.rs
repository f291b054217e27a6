//! `sparkproof run`.

use std::path::PathBuf;

use crate::error::Result;
use crate::plan::{CONFIG_FILE, Machine, Plan, RawPlan};

/// Prove everything.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: PlanArgs,
}

/// The plan, from flags and file.
#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    /// Install what is missing (Debian's docker.io, debootstrap) without asking
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Configuration file; its keys are the names of the flags [default: sparkproof.toml if there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    raw: RawPlan,
}

impl PlanArgs {
    /// Validates flags over file.
    pub(super) fn plan(self) -> Result<Plan> {
        let file = match self.config {
            Some(file) => RawPlan::from_file(&file)?,
            None if PathBuf::from(CONFIG_FILE).is_file() => {
                RawPlan::from_file(&PathBuf::from(CONFIG_FILE))?
            }
            None => RawPlan::default(),
        };
        Plan::validate(self.raw.over(file), Machine::here()?)
    }
}
