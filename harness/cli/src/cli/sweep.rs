//! `sparkproof sweep`: removes what killed runs left behind, on this machine and in a cluster.
#![expect(clippy::print_stdout, reason = "the output of the command")]

use sparkproof_base::error::{ErrorContext, Exit, Result};
use sparkproof_report::Mode;
use sparkproof_suite::reclaim::{self, SweepMode, Swept, sweep_cluster};

use super::cluster_args::ClusterArgs;
use super::ephemeral_run::with_ephemeral_run;

/// Remove what killed runs left behind; in a cluster, the resources of runs whose Lease expired.
#[derive(Debug, clap::Args)]
pub(super) struct SweepArgs {
    /// Remove nothing; list what would be removed, of which run, and why that run counts as dead:
    /// one line each, with --json one object each
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(super) async fn run(args: SweepArgs, mode: Mode) -> Result<Exit> {
    let cluster = args.cluster.shared();
    let how = if args.dry_run { SweepMode::DryRun } else { SweepMode::Remove };
    with_ephemeral_run(async |context| {
        let phase = context.recorder.phase("sweep");
        let swept = async {
            let mut swept = reclaim::sweep(context, &phase, how).await?;
            if let Some(cluster) = &cluster {
                sweep_cluster(context, cluster, how, &mut swept).await?;
            }
            Ok(swept)
        }
        .await;
        let swept = phase.end(swept, |swept| format!("{} removed", swept.removed.len()))?;
        print(&swept, how, mode)?;
        swept.complete()?;
        Ok(Exit::Green)
    })
    .await
}

fn print(swept: &Swept, how: SweepMode, mode: Mode) -> Result<()> {
    match mode {
        Mode::Quiet => {}
        Mode::Json => {
            for doomed in &swept.would_remove {
                let line = serde_json::to_string(doomed).or_internal("writing a line")?;
                println!("{line}");
            }
        }
        Mode::Lines => {
            for doomed in &swept.would_remove {
                println!("would remove  {doomed}");
            }
            for text in &swept.removed {
                println!("removed     {text}");
            }
            for text in &swept.kept {
                println!("kept        {text}");
            }
            let nothing = swept.removed.is_empty() && swept.would_remove.is_empty();
            if nothing && swept.failed.is_empty() {
                println!("nothing to remove");
            } else if how == SweepMode::DryRun {
                println!("dry run: nothing was removed");
            }
        }
    }
    Ok(())
}
