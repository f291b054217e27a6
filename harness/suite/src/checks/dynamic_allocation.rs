//! Dynamic allocation with shuffle tracking: executors are added with work and removed without it,
//! except those whose shuffle blocks are still needed.

use std::collections::BTreeSet;

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{FirstFailure, judged};
use sparkproof_base::wait::{Progress, Waiting, wait};
use sparkproof_judge::{
    BlockJobs, BlocksAgain, ExecutorsAtWork, ExecutorsLook, ExpectedToStay, IdleExecutors,
    RemovedExecutors,
};
use sparkproof_kubernetes::observe::{status, unscheduled};
use sparkproof_testbed::{EndedSession, LiveSession, ScenarioContext, SessionBuilder};

use super::let_go;
use super::looks::{last_look, looks};

/// Seconds until pods are requested: after a second of backlog, and a second later; Spark's
/// defaults (`schedulerBacklogTimeout`, `allocation.batch.delay`).
const ASKED_WITHIN: u64 = 15;
/// Seconds until requested executors must work: pods need an image, a JVM and a core.
const COME_WITHIN: u64 = 90;
/// Seconds until idle executors must be gone: idle for [`IDLE`], then stopped, then deleted.
const GONE_WITHIN: u64 = 60;
/// Idle timeout of executors.
const IDLE: &str = "3s";
/// Seconds for which executors with blocks must be seen to stay: twice [`IDLE`], after which they
/// would go if their blocks did not count.
const STAY: u32 = 6;
/// Executors that get shuffle blocks: one more than the minimum.
const HOLDERS: u32 = 2;

/// Starts a session of one executor, adds work for the planned number of executors, and ends the
/// work again.
pub async fn run_dynamic_allocation_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    let most = proof.environment.plan.executors.count.max(HOLDERS + 1);
    let mut live = scales(proof.session(), most, IDLE).start().await?;
    let phase = context.recorder.phase("dynamic allocation");
    let mut first = FirstFailure::default();
    let proven = come_and_go(context, &mut live, most).await;
    first.note(phase.end(proven, |()| format!("1 to {most} executors, and back to {HOLDERS}")))?;
    stop(proof, live, first).await
}

/// Stops a session; checks that its driver was refused nothing and that it leaves nothing behind.
pub(super) async fn stop(
    proof: &ScenarioContext,
    live: LiveSession,
    mut first: FirstFailure,
) -> Result<()> {
    let ended = live.stop().await?;
    first.note(nothing_refused(&proof.context, &ended).await)?;
    first.note(let_go(proof, ended).await)?;
    first.or(())
}

/// Requests dynamic allocation with this maximum and idle timeout. The minimum is one: otherwise it
/// would be gone before the session has started.
pub(super) fn scales<'a>(session: SessionBuilder<'a>, most: u32, idle: &str) -> SessionBuilder<'a> {
    let key = |key: &str| format!("spark.dynamicAllocation.{key}");
    session
        .executors(most)
        .dynamic_allocation()
        .conf(&key("shuffleTracking.enabled"), "true")
        .conf(&key("minExecutors"), "1")
        .conf(&key("maxExecutors"), &most.to_string())
        .conf(&key("executorIdleTimeout"), idle)
}

async fn come_and_go(context: &Context, live: &mut LiveSession, most: u32) -> Result<()> {
    come(context, live, HOLDERS).await?;
    live.session().unload().await?;
    // Tasks on all at once, so that none has been idle for long.
    let made = live.session().blocks(HOLDERS, false).await?.shuffled;
    let holders: BTreeSet<String> = made.computed_by.into_iter().collect();
    come(context, live, most).await?;
    go(context, live, &holders, GONE_WITHIN).await?;
    kept(context, live).await
}

/// Checks that `most` long tasks bring `most` executors, with one task on each. The tasks run until
/// the caller calls [`sparkproof_spark::session::Session::unload`].
pub async fn come(context: &Context, live: &mut LiveSession, most: u32) -> Result<()> {
    let title = format!("{most} tasks bring {most} executors, each registered and working");
    judged(context, ("dynamic-allocation.come", &title), most, async || {
        let before = live.executor_pods().len();
        live.session().load(most).await?;
        let waiting = Waiting::up_to(ASKED_WITHIN, "another executor's pod");
        let asked = wait(context, waiting, live.pods().changes(), async || {
            match live.executor_pods().len() {
                now if now > before => Progress::Met(()),
                now => live.pods().not_yet(format!("{now} pods of executors")),
            }
        });
        match asked.await {
            Ok(()) => {
                let seen = at_work(context, live, most).await?;
                // Also if the pod is gone again.
                Ok(ExecutorsAtWork { before, most_pods: seen.most_pods.max(before + 1), ..seen })
            }
            Err(error) if error.is_interruption() => Err(error),
            Err(_) => Ok(ExecutorsAtWork { before, ..state(live).await? }),
        }
    })
    .await
    .map(drop)
}

/// The executors once so many are registered and Running, with one task each, or when the time is
/// over.
pub(super) async fn at_work(
    context: &Context,
    live: &mut LiveSession,
    most: u32,
) -> Result<ExecutorsAtWork> {
    let waiting = Waiting::up_to(COME_WITHIN, format!("{most} executors at work"));
    let missing = |seen: &ExecutorsAtWork| seen.missing(most);
    last_look(context, waiting, async || state(live).await, missing).await
}

/// The executors now.
async fn state(live: &mut LiveSession) -> Result<ExecutorsAtWork> {
    let registered = live.session().registered().await?;
    let pods = live.executor_pods();
    let words = |pod| match unscheduled(pod) {
        Some(why) => format!("{}: {why}", status(pod)),
        None => status(pod),
    };
    Ok(ExecutorsAtWork {
        before: 0,
        most_pods: pods.len(),
        pods: pods.iter().map(|(name, pod)| (name.clone(), words(pod))).collect(),
        executors: live.agreement().await?,
        tasks: registered.iter().map(|(id, executor)| (*id, executor.active_tasks)).collect(),
    })
}

/// Ends the work. Checks that executors without needed blocks are deleted within so many seconds,
/// that Spark says that it stopped them, and that the others stay.
pub async fn go(
    context: &Context,
    live: &mut LiveSession,
    holders: &BTreeSet<String>,
    within: u64,
) -> Result<()> {
    let title = "idle executors are stopped and their pods deleted; those with shuffle blocks stay";
    let expected = ExpectedToStay { executors: HOLDERS as usize, seconds: STAY };
    judged(context, ("dynamic-allocation.go", title), expected, async || {
        let before = live.session().pods().into_keys().collect();
        let removed = RemovedExecutors::new();
        let seen = IdleExecutors { before, holders: holders.clone(), looks: Vec::new(), removed };
        live.session().unload().await?;
        let only_holders = |look: &ExecutorsLook, _: &_| seen.only_holders(look);
        let looks = looks(context, live, (within, STAY), only_holders).await?;
        let removed = live.session().removed().await?;
        Ok(IdleExecutors { looks, removed, ..seen })
    })
    .await
    .map(drop)
}

/// Checks that the blocks for which executors stayed are used.
async fn kept(context: &Context, live: &mut LiveSession) -> Result<()> {
    let title = "shuffle blocks of the remaining executors are not computed again";
    let jobs = BlockJobs { tasks: HOLDERS, cached: false };
    let again = async || live.session().blocks(HOLDERS, false).await.map(BlocksAgain);
    judged(context, ("dynamic-allocation.kept", title), jobs, again).await.map(drop)
}

/// Checks the driver's log for refusals, which show nowhere else.
pub async fn nothing_refused(context: &Context, ended: &EndedSession) -> Result<()> {
    let title = "the driver was refused nothing while executors were added and removed";
    let id = "dynamic-allocation.rights";
    judged(context, (id, title), (), async || Ok(ended.refusals())).await.map(drop)
}
