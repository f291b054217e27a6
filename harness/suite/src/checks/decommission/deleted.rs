//! An executor whose pod is deleted, as by `kubectl delete pod` or `kubectl drain`.

use kube::ResourceExt;
use kube::api::DeleteParams;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{FirstFailure, skip};
use sparkproof_testbed::{LiveSession, ScenarioContext};

use super::super::dynamic_allocation::stop;
use super::super::executors::delete;
use super::super::replaced;
use super::blocks::{BLOCKS_EACH, nothing_computed_again, spread};
use super::suite::{Word, cannot, decommissions, said};

const TOPIC: &str = "decommission";
const SAID: Word = Word {
    check: "decommission.said",
    title: "Spark says of the executor whose pod was deleted that it was decommissioned",
    expected: "decommission",
    remedy: "check that spark.decommission.enabled is in force and that the image has decom.sh",
};

/// Starts a session with decommissioning, deletes an executor's pod, and checks that its blocks
/// were not lost. Skipped in a user's namespace, where sparkproof deletes no pods.
pub async fn run_decommission_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    if let Some(reason) = cannot_be_deleted(proof, (3, 1))? {
        skip(context, TOPIC, "an executor migrates its blocks", &reason);
        return Ok(());
    }
    let mut live = decommissions(proof.session().executors(2), "1s").start().await?;
    let mut first = FirstFailure::default();
    let phase = context.recorder.phase("decommission");
    let proven = decommissioned(context, &mut live).await;
    first.note(phase.end(proven, |blocks| format!("{blocks} blocks, none computed again")))?;
    stop(context, live, first).await
}

/// Why an executor's pod cannot be deleted here, or decommissioning cannot be proven.
pub(super) fn cannot_be_deleted(
    proof: &ScenarioContext,
    since: (u64, u64),
) -> Result<Option<String>> {
    let reason = "it deletes an executor's pod, which sparkproof does not do in your namespace";
    cannot(proof, since, reason)
}

/// Runs jobs that leave blocks on each executor, deletes one pod with its grace period, and checks
/// that Spark decommissioned and replaced the executor and computes nothing again. Returns the
/// number of its blocks.
pub async fn decommissioned(context: &Context, live: &mut LiveSession) -> Result<usize> {
    let tasks = live.executors() * BLOCKS_EACH;
    let (id, blocks) = spread(context, live, TOPIC, tasks).await?;
    let mut first = FirstFailure::default();
    let pod = delete_executor(context, live, id).await?;
    first.note(replaced(context, live, &pod).await)?;
    first.note(said(context, live, id, &SAID).await)?;
    first.note(nothing_computed_again(context, live, TOPIC, tasks).await)?;
    first.or(blocks)
}

/// Deletes an executor's pod with its grace period; returns its name.
pub(super) async fn delete_executor(
    context: &Context,
    live: &mut LiveSession,
    id: u32,
) -> Result<String> {
    let pod = live.session().pods().remove(&id).map(|pod| pod.name_any());
    let pod = pod.ok_or_else(|| Error::red(format!("executor {id} has no pod")))?;
    delete(context, live, &pod, &DeleteParams::default()).await?;
    Ok(pod)
}
