//! An executor whose pod is deleted, as by `kubectl delete pod` or `kubectl drain`.

use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::DeleteParams;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{FirstFailure, judged, skip};
use sparkproof_base::wait::{Progress, Waiting, wait};
use sparkproof_judge::EndOfPod;
use sparkproof_kubernetes::observe::status;
use sparkproof_testbed::{LiveSession, ScenarioContext};

use super::super::dynamic_allocation::stop;
use super::super::executors::delete;
use super::super::replaced;
use super::blocks::{BLOCKS_EACH, nothing_computed_again, spread};
use super::suite::{Word, cannot, decommissions, said};

const TOPIC: &str = "decommission";
/// Grace period in seconds: so long that Kubernetes does not end the executor in this suite.
const GRACE: u32 = 300;
/// Seconds until the executor must have ended by itself: about 4 s (measured), with one retry of
/// the migration a second.
const ENDED_WITHIN: u32 = 90;
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
    stop(proof, live, first).await
}

/// Why an executor's pod cannot be deleted here, or decommissioning cannot be proven.
pub(super) fn cannot_be_deleted(
    proof: &ScenarioContext,
    since: (u64, u64),
) -> Result<Option<String>> {
    let reason = "it deletes an executor's pod, which sparkproof does not do in your namespace";
    cannot(proof, since, reason)
}

/// Runs jobs that leave blocks on each executor, deletes one pod with a long grace period, and
/// checks that the executor ended by itself, that Spark decommissioned and replaced it and computes
/// nothing again. Returns the number of its blocks.
pub async fn decommissioned(context: &Context, live: &mut LiveSession) -> Result<usize> {
    let tasks = live.executors() * BLOCKS_EACH;
    let (id, blocks) = spread(context, live, TOPIC, tasks).await?;
    let mut first = FirstFailure::default();
    let pod =
        delete_executor(context, live, id, &DeleteParams::default().grace_period(GRACE)).await?;
    first.note(ended(context, live, &pod).await)?;
    first.note(replaced(context, live, &pod).await)?;
    first.note(said(context, live, id, &SAID).await)?;
    first.note(nothing_computed_again(context, live, TOPIC, tasks).await)?;
    first.or(blocks)
}

/// Checks that an executor whose pod was just deleted ends by itself.
async fn ended(context: &Context, live: &LiveSession, pod: &str) -> Result<()> {
    let title = "the executor whose pod was deleted ends by itself, long before its grace period";
    judged(context, ("decommission.ended", title), ENDED_WITHIN, async || {
        let (begun, mut exit_code) = (Instant::now(), None);
        let waiting = Waiting::up_to(ENDED_WITHIN.into(), format!("the end of {pod}"));
        let gone =
            wait(context, waiting, live.pods().changes(), async || match live.pods().get(pod) {
                None => Progress::Met(begun.elapsed().as_secs_f64()),
                Some(now) => {
                    exit_code = exit_code_of(&now).or(exit_code);
                    live.pods().not_yet(status(&now))
                }
            })
            .await;
        let over = begun.elapsed().as_secs() >= u64::from(ENDED_WITHIN);
        let gone_after_seconds = match gone {
            Ok(seconds) => Some(seconds),
            Err(error) if error.is_interruption() || !over => return Err(error),
            Err(_) => None,
        };
        Ok(EndOfPod { pod: pod.to_owned(), grace_seconds: GRACE, gone_after_seconds, exit_code })
    })
    .await
    .map(drop)
}

fn exit_code_of(pod: &Pod) -> Option<i32> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    container.state.as_ref()?.terminated.as_ref().map(|ended| ended.exit_code)
}

/// Deletes an executor's pod; returns its name.
pub(super) async fn delete_executor(
    context: &Context,
    live: &mut LiveSession,
    id: u32,
    how: &DeleteParams,
) -> Result<String> {
    let pod = live.session().pods().remove(&id).map(|pod| pod.name_any());
    let pod = pod.ok_or_else(|| Error::red(format!("executor {id} has no pod")))?;
    delete(context, live, &pod, how).await?;
    Ok(pod)
}
