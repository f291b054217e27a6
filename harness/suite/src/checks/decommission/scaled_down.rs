//! An executor that dynamic allocation gives back although it holds blocks.

use std::collections::BTreeMap;

use kube::ResourceExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, FirstFailure, check, skip};
use sparkproof_base::wait::{Progress, Waiting, wait};
use sparkproof_kubernetes::access::DECOMMISSION_LABEL;
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use super::super::dynamic_allocation::{come, red, scales, stop};
use super::blocks::{BLOCKS_EACH, nothing_computed_again, spread};
use super::suite::{Word, cannot, decommissions, said};

const TOPIC: &str = "decommission-scaling";
/// One more than are kept in any case.
const EXECUTORS: u32 = 2;
/// How long an executor may be idle, and one that holds blocks.
const IDLE: &str = "5s";
/// Idle for [`IDLE`], then told, then without blocks, then deleted.
const GONE_WITHIN: u64 = 90;
/// What Spark writes on the pod of an executor before it tells it to hand its blocks over.
const LABEL: &str = "sparkproof.test/decommissioned";
const SAID: Word = Word {
    check: "decommission-scaling.said",
    title: "Spark says of the executor given back that it was decommissioned",
    expected: "decommission",
    remedy: "is spark.decommission.enabled in force?",
};

/// Starts a session of one executor, which dynamic allocation makes two and then one again, and
/// proves that the one that goes is decommissioned. Skipped in a namespace of the user's, whose role
/// has no verb for the label.
pub async fn run_scale_down_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    let role = format!("in a namespace of yours the driver's role is yours: {DECOMMISSION_LABEL}");
    if let Some(reason) = cannot(proof, (3, 3), &role)? {
        let title = "an executor that is given back hands its blocks over";
        skip(context, TOPIC, title, &reason);
        return Ok(());
    }
    let session = scales_down(proof.session());
    // Between two looks at what is left: so long its pod is there with the label.
    let session = decommissions(session, "3s")
        .conf("spark.kubernetes.executor.decommissionLabel", LABEL)
        .conf("spark.kubernetes.executor.decommissionLabelValue", "true")
        .verbs(&[DECOMMISSION_LABEL]);
    let mut live = session.start().await?;
    let mut first = FirstFailure::default();
    let phase = context.recorder.phase("decommission by dynamic allocation");
    let proven = scaled_down(context, &mut live).await;
    first.note(phase.end(proven, |()| format!("{EXECUTORS} to 1 executors, no block lost")))?;
    stop(context, live, first).await
}

/// Asks for dynamic allocation that gives executors back although they hold blocks, when nobody has
/// used those for a while.
pub fn scales_down(session: SessionBuilder<'_>) -> SessionBuilder<'_> {
    let key = |key: &str| format!("spark.dynamicAllocation.{key}");
    scales(session, EXECUTORS, IDLE)
        .conf(&key("shuffleTracking.timeout"), IDLE)
        .conf(&key("cachedExecutorIdleTimeout"), IDLE)
}

/// Has work bring a second executor, leaves blocks on both, and proves that the one that is then
/// given back is decommissioned, not replaced, and that nothing is computed again.
pub async fn scaled_down(context: &Context, live: &mut LiveSession) -> Result<()> {
    come(context, live, EXECUTORS).await?;
    live.session().unload().await?;
    let tasks = EXECUTORS * BLOCKS_EACH;
    spread(context, live, TOPIC, tasks).await?;
    let (id, labels) = given_back(context, live, GONE_WITHIN).await?;
    let mut first = FirstFailure::default();
    first.note(labelled(context, &labels).await)?;
    first.note(said(context, live, id, &SAID).await)?;
    first.note(nothing_computed_again(context, live, TOPIC, tasks).await)?;
    first.or(())
}

/// Within so many seconds one is given back, and no other has come: its id, and the labels that its
/// pod had at last.
pub async fn given_back(
    context: &Context,
    live: &mut LiveSession,
    within: u64,
) -> Result<(u32, BTreeMap<String, String>)> {
    let title = "an executor that holds blocks nobody uses is given back, and not replaced";
    check(context, "decommission-scaling.gone", title, async |findings: &mut Findings| {
        let before = live.session().pods();
        let mut labels: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
        let waiting = Waiting::up_to(within, "an idle executor to go");
        let pods = live.pods().changes();
        let gone = wait(context, waiting, pods, async || {
            let now = live.session().pods();
            for (id, pod) in &now {
                labels.insert(*id, pod.labels().clone());
            }
            match before.keys().find(|id| !now.contains_key(id)) {
                Some(id) => Progress::Met(*id),
                None => Progress::NotYet(format!("executors {:?}", now.keys())),
            }
        })
        .await;
        let id = gone.map_err(|error| red(error, "no executor is given back".to_owned()))?;
        findings.add("gone", id);
        let stay = before.len() - 1;
        let (listed, difference) = live.session().compared(stay).await?;
        findings.add("stay", format!("{:?}", listed.keys()));
        let another = listed.keys().find(|id| !before.contains_key(id));
        match (difference, another) {
            (None, None) => Ok((id, labels.remove(&id).unwrap_or_default())),
            (Some(difference), _) => Err(Error::red(format!("{stay} is to stay: {difference}"))),
            (None, Some(id)) => Err(Error::red(format!("executor {id} came in its place"))),
        }
    })
    .await
}

/// For those who look at pods, e.g. disruption budgets.
async fn labelled(context: &Context, labels: &BTreeMap<String, String>) -> Result<()> {
    let title = "the pod of the executor given back was labelled beforehand as asked";
    check(context, "decommission-scaling.label", title, async |findings: &mut Findings| {
        findings.add("labels", format!("{labels:?}"));
        match labels.get(LABEL).map(String::as_str) {
            Some("true") => Ok(()),
            other => Err(Error::red(format!(
                "label {LABEL} of the pod that went: {other:?}, expected: true"
            ))
            .remedy("may the driver's account get and patch pods?")),
        }
    })
    .await
}
