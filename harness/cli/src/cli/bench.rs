//! `sparkproof bench`.

mod bless;
mod compare;

use sparkproof_base::error::{Exit, Result};
use sparkproof_report::Mode;

/// Compare what two sessions cost, or write baselines.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: Option<BenchCommand>,
    #[command(flatten)]
    compare: compare::CompareArgs,
}

#[derive(Debug, clap::Subcommand)]
enum BenchCommand {
    /// Write the counters of a finished run as baselines; review the difference and commit it
    Bless(bless::BlessArgs),
}

pub(super) async fn run(args: BenchArgs, mode: Mode) -> Result<Exit> {
    match args.command {
        Some(BenchCommand::Bless(args)) => bless::run(&args, mode),
        None => compare::run(args.compare, mode).await,
    }
}
