//! An executor that cannot be decommissioned in time: its task does not end.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{FirstFailure, skip};
use sparkproof_testbed::{LiveSession, ScenarioContext};

use super::super::dynamic_allocation::{at_work, stop};
use super::super::replaced;
use super::deleted::{cannot_be_deleted, delete_executor};
use super::suite::{Word, decommissions, said};

/// Far less than the 30 s after which Kubernetes ends a deleted pod.
const LIMIT: &str = "5s";
const SAID: Word = Word {
    check: "decommission-timeout.said",
    title: "an executor whose task does not end in time is ended by the driver",
    expected: "killed by driver",
    remedy: "is spark.executor.decommission.forceKillTimeout in force?",
};

/// Starts a session with a time limit for decommissioning, deletes the pod of an executor whose task
/// does not end, and proves that the driver ended it. Skipped in a namespace of the user's, where no
/// pod is deleted by hand.
pub async fn run_decommission_timeout_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    if let Some(reason) = cannot_be_deleted(proof, (3, 2))? {
        let title = "an executor that cannot be decommissioned in time is ended";
        skip(context, "decommission-timeout", title, &reason);
        return Ok(());
    }
    let session = decommissions(proof.session().executors(2), "1s");
    let limit = "spark.executor.decommission.forceKillTimeout";
    let mut live = session.conf(limit, LIMIT).start().await?;
    let mut first = FirstFailure::default();
    let phase = context.recorder.phase("decommission timeout");
    let proven = timed_out(context, &mut live).await;
    first
        .note(phase.end(proven, |()| format!("ended by the driver, {LIMIT} after it was told")))?;
    stop(context, live, first).await
}

/// Gives each executor a task that does not end, deletes the pod of one, and proves that the driver
/// ends it: without a limit it waits for its task until Kubernetes ends it, and Spark says of it what
/// it says of each that is decommissioned (`CoarseGrainedSchedulerBackend.decommissionExecutors`).
pub async fn timed_out(context: &Context, live: &mut LiveSession) -> Result<()> {
    let executors = live.executors();
    live.session().load(executors).await?;
    let at_work = at_work(context, live, executors).await?;
    let id = at_work.into_keys().next().ok_or_else(|| Error::red("there is no executor"))?;
    let mut first = FirstFailure::default();
    let pod = delete_executor(context, live, id).await?;
    first.note(said(context, live, id, &SAID).await)?;
    first.note(replaced(context, live, &pod).await)?;
    live.session().unload().await?;
    first.or(())
}
