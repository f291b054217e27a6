//! `sparkproof sweep`: removes what runs that died left behind, on this machine and in a cluster.
#![expect(clippy::print_stdout, reason = "what the user asked to see")]

use super::chore::with_chore;
use super::cluster_args::ClusterArgs;
use crate::error::{Exit, Result};
use crate::ledger::{self, sweep_cluster};
use crate::report::Mode;

/// Remove what runs that died left behind; in a cluster, what a run left whose Lease expired.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(super) async fn run(args: Args, mode: Mode) -> Result<Exit> {
    let cluster = args.cluster.shared();
    with_chore(async |context| {
        let phase = context.recorder.phase("sweep");
        let swept = async {
            let mut swept = ledger::sweep(context, &phase).await?;
            if let Some(cluster) = &cluster {
                sweep_cluster(context, cluster, &mut swept).await?;
            }
            Ok(swept)
        }
        .await;
        let swept = phase.end(swept, |swept| format!("{} removed", swept.removed.len()))?;
        if matches!(mode, Mode::Lines) {
            for text in &swept.removed {
                println!("removed     {text}");
            }
            for text in &swept.left_alone {
                println!("left alone  {text}");
            }
            if swept.removed.is_empty() && swept.failed.is_empty() {
                println!("nothing to remove");
            }
        }
        swept.complete()?;
        Ok(Exit::Green)
    })
    .await
}
