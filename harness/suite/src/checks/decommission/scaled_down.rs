//! An executor that dynamic allocation releases although it holds blocks.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{FirstFailure, judged, skip};
use sparkproof_judge::{LastLabels, ReleasedExecutor};
use sparkproof_kubernetes::access::DECOMMISSION_LABEL;
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use super::super::dynamic_allocation::{come, scales, stop};
use super::super::looks::looks;
use super::blocks::{BLOCKS_EACH, nothing_computed_again, spread};
use super::suite::{Word, cannot, decommissions, said};

const TOPIC: &str = "decommission-scaling";
/// One more than the minimum.
const EXECUTORS: u32 = 2;
/// Idle timeout of executors, with and without blocks.
const IDLE: &str = "5s";
/// Seconds until an executor must be gone: idle for [`IDLE`], then decommissioned, then deleted.
const GONE_WITHIN: u64 = 90;
/// Seconds for which the other must be seen to stay alone: Spark requests a replacement within 2 s.
const STAYS: u32 = 5;
/// The label that Spark sets on an executor's pod before it decommissions the executor.
const LABEL: &str = "sparkproof.test/decommissioned";
const SAID: Word = Word {
    check: "decommission-scaling.said",
    title: "Spark says of the released executor that it was decommissioned",
    expected: "decommission",
    remedy: "check that spark.decommission.enabled is in force",
};

/// Starts a session whose dynamic allocation goes from one executor to two and back, and checks
/// that the released one is decommissioned. Skipped in a user's namespace, whose role lacks the
/// verb for the label.
pub async fn run_scale_down_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    let role = format!(
        "it needs {DECOMMISSION_LABEL} in the driver's role, which is yours in your namespace"
    );
    if let Some(reason) = cannot(proof, (3, 3), &role)? {
        let title = "a released executor migrates its blocks";
        skip(context, TOPIC, title, &reason);
        return Ok(());
    }
    let session = scales_down(proof.session());
    // The retry interval: for so long its pod exists with the label.
    let session = decommissions(session, "3s")
        .conf("spark.kubernetes.executor.decommissionLabel", LABEL)
        .conf("spark.kubernetes.executor.decommissionLabelValue", "true")
        .verbs(&[DECOMMISSION_LABEL]);
    let mut live = session.start().await?;
    let mut first = FirstFailure::default();
    let phase = context.recorder.phase("decommission by dynamic allocation");
    let proven = scaled_down(context, &mut live).await;
    first.note(phase.end(proven, |()| format!("{EXECUTORS} to 1 executors, no block lost")))?;
    stop(proof, live, first).await
}

/// Requests dynamic allocation that releases executors with unused blocks.
pub fn scales_down(session: SessionBuilder<'_>) -> SessionBuilder<'_> {
    let key = |key: &str| format!("spark.dynamicAllocation.{key}");
    scales(session, EXECUTORS, IDLE)
        .conf(&key("shuffleTracking.timeout"), IDLE)
        .conf(&key("cachedExecutorIdleTimeout"), IDLE)
}

/// Adds work for a second executor, leaves blocks on both, and checks that the released one is
/// decommissioned and not replaced, and that nothing is computed again.
pub async fn scaled_down(context: &Context, live: &mut LiveSession) -> Result<()> {
    come(context, live, EXECUTORS).await?;
    live.session().unload().await?;
    let tasks = EXECUTORS * BLOCKS_EACH;
    spread(context, live, TOPIC, tasks).await?;
    let (id, labels) = given_back(context, live, GONE_WITHIN).await?;
    let mut first = FirstFailure::default();
    first.note(labelled(context, labels).await)?;
    first.note(said(context, live, id, &SAID).await)?;
    first.note(nothing_computed_again(context, live, TOPIC, tasks).await)?;
    first.or(())
}

/// Checks that one executor is released within so many seconds and not replaced; returns its id and
/// the last labels of its pod.
pub async fn given_back(
    context: &Context,
    live: &mut LiveSession,
    within: u64,
) -> Result<(u32, LastLabels)> {
    let title = "an executor with unused blocks is released and not replaced";
    let mut labels = BTreeMap::new();
    let seen = judged(context, ("decommission-scaling.gone", title), STAYS, async || {
        let before: BTreeSet<u32> = live.session().pods().into_keys().collect();
        let looks = looks(context, live, (within, STAYS), |_, pods| {
            labels.extend(pods.iter().map(|(id, pod)| (*id, pod.labels().clone())));
            before.iter().any(|id| !pods.contains_key(id))
        });
        let looks = looks.await?;
        Ok(ReleasedExecutor { before, looks })
    });
    let id = seen.await?.gone();
    let id = id.ok_or_else(|| Error::internal("a release of no executor is green"))?;
    Ok((id, LastLabels(labels.remove(&id))))
}

/// Checks the label, which disruption budgets can select.
async fn labelled(context: &Context, labels: LastLabels) -> Result<()> {
    let title = "the pod of the released executor had the requested label before it went";
    let expected = (LABEL.to_owned(), "true".to_owned());
    let seen = async || Ok(labels);
    judged(context, ("decommission-scaling.label", title), expected, seen).await.map(drop)
}
