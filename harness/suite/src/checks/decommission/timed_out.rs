//! An executor that cannot be decommissioned in time, because its task does not end.

use kube::api::DeleteParams;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{FirstFailure, skip};
use sparkproof_testbed::{LiveSession, ScenarioContext};

use super::super::dynamic_allocation::{at_work, stop};
use super::super::replaced;
use super::deleted::{cannot_be_deleted, delete_executor};
use super::suite::{Word, decommissions, said};

/// Far less than the 30 s after which Kubernetes kills a deleted pod.
const LIMIT: &str = "5s";
const SAID: Word = Word {
    check: "decommission-timeout.said",
    title: "the driver stops an executor whose task does not end in time",
    expected: "killed by driver",
    remedy: "check that spark.executor.decommission.forceKillTimeout is in force",
};

/// Starts a session with a time limit for decommissioning, deletes the pod of an executor whose
/// task does not end, and checks that the driver stopped it. Skipped in a user's namespace, where
/// sparkproof deletes no pods.
pub async fn run_decommission_timeout_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    if let Some(reason) = cannot_be_deleted(proof, (3, 2))? {
        let title = "an executor that cannot be decommissioned in time is stopped";
        skip(context, "decommission-timeout", title, &reason);
        return Ok(());
    }
    let session = decommissions(proof.session().executors(2), "1s");
    let limit = "spark.executor.decommission.forceKillTimeout";
    let mut live = session.conf(limit, LIMIT).start().await?;
    let mut first = FirstFailure::default();
    let phase = context.recorder.phase("decommission timeout");
    let proven = timed_out(context, &mut live).await;
    first.note(
        phase.end(proven, |()| format!("stopped by the driver {LIMIT} after the pod's deletion")),
    )?;
    stop(proof, live, first).await
}

/// Gives each executor a task that does not end, deletes one pod, and checks that the driver stops
/// its executor. Without a limit the executor waits for its task until Kubernetes kills it, and
/// Spark says that it was decommissioned (`CoarseGrainedSchedulerBackend.decommissionExecutors`).
pub async fn timed_out(context: &Context, live: &mut LiveSession) -> Result<()> {
    let executors = live.executors();
    live.session().load(executors).await?;
    let at_work = at_work(context, live, executors).await?;
    if let Some(missing) = at_work.missing(executors) {
        return Err(Error::red(format!("not each executor has a task: {missing}")));
    }
    let id = at_work.tasks.into_keys().next();
    let id = id.ok_or_else(|| Error::red("there is no executor"))?;
    let mut first = FirstFailure::default();
    let pod = delete_executor(context, live, id, &DeleteParams::default()).await?;
    first.note(said(context, live, id, &SAID).await)?;
    first.note(replaced(context, live, &pod).await)?;
    live.session().unload().await?;
    first.or(())
}
