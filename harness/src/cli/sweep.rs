//! `sparkproof sweep`: removes what runs that died left behind, on this machine and in a cluster.
#![expect(clippy::print_stdout, reason = "what the user asked to see")]

use std::path::PathBuf;

use super::chore::with_chore;
use crate::error::{Exit, Result};
use crate::ledger::{self, SharedCluster, sweep_cluster};
use crate::report::Mode;

/// Remove what runs that died left behind.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also sweep this cluster, which other machines may use: what a run left whose Lease expired
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, when not the current one
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// Only this namespace of it
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    namespace: Option<String>,
}

pub(super) async fn run(args: Args, mode: Mode) -> Result<Exit> {
    let Args { kubeconfig, context: of, namespace } = args;
    let cluster = kubeconfig.map(|kubeconfig| SharedCluster { kubeconfig, context: of, namespace });
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
