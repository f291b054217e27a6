//! Dynamic allocation with shuffle tracking: executors are added with work and removed without it,
//! except those whose shuffle blocks are still needed.

use std::collections::{BTreeMap, BTreeSet};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, FirstFailure, check, judged};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_kubernetes::observe::{status, unscheduled};
use sparkproof_spark::session::{BlocksResult, Executor};
use sparkproof_testbed::{EndedSession, LiveSession, ScenarioContext, SessionBuilder};

use super::{namespace_gone, nothing_left};

/// Seconds until pods are requested: after a second of backlog, and a second later; Spark's
/// defaults (`schedulerBacklogTimeout`, `allocation.batch.delay`).
const ASKED_WITHIN: u64 = 15;
/// Seconds until requested executors must work: pods need an image, a JVM and a core.
const COME_WITHIN: u64 = 90;
/// Seconds until idle executors must be gone: idle for [`IDLE`], then stopped, then deleted.
const GONE_WITHIN: u64 = 60;
/// Idle timeout of executors.
const IDLE: &str = "3s";
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
    stop(context, live, first).await
}

/// Stops a session; checks that its driver was refused nothing and that it leaves nothing behind.
pub(super) async fn stop(
    context: &Context,
    live: LiveSession,
    mut first: FirstFailure,
) -> Result<()> {
    let ended = live.stop().await?;
    first.note(nothing_refused(context, &ended).await)?;
    first.note(nothing_left(context, &ended).await)?;
    first.note(namespace_gone(context, &ended).await)?;
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
    live.session().unload().await?;
    go(context, live, &holders, GONE_WITHIN).await?;
    kept(context, live).await
}

/// Checks that `most` long tasks bring `most` executors, with one task on each. The tasks run until
/// the caller calls [`sparkproof_spark::session::Session::unload`].
pub async fn come(context: &Context, live: &mut LiveSession, most: u32) -> Result<()> {
    let title = format!("{most} tasks bring {most} executors, each registered and working");
    check(context, "dynamic-allocation.come", &title, async |findings: &mut Findings| {
        let before = live.executor_pods().len();
        live.session().load(most).await?;
        let waiting = Waiting::up_to(ASKED_WITHIN, "another executor's pod");
        let pods = live.pods().changes();
        wait(context, waiting, pods, async || match live.executor_pods().len() {
            now if now > before => Progress::Met(()),
            _ => Progress::NotYet(executors(live)),
        })
        .await
        .map_err(|error| {
            red(error, format!("no executor was requested besides {before}, for {most} tasks"))
                .remedy("check that spark.dynamicAllocation.enabled is in force")
        })?;
        let come = at_work(context, live, most).await?;
        let rows = come.iter().map(|(id, e)| format!("executor {id}, added {}", e.added));
        findings.add("executors", rows.collect::<Vec<_>>().join("\n"));
        Ok(())
    })
    .await
}

/// Waits until so many executors are registered and Running, with one task each.
pub(super) async fn at_work(
    context: &Context,
    live: &mut LiveSession,
    most: u32,
) -> Result<BTreeMap<u32, Executor>> {
    let waiting = Waiting::up_to(COME_WITHIN, format!("{most} executors at work"));
    // Polled: the start of a task changes no pod.
    let at_work = wait(context, waiting, Source::Backoff, async || {
        match live.session().compared(most as usize).await {
            Err(error) => Progress::NotYet(error.to_string()),
            Ok((_, Some(difference))) => {
                Progress::NotYet(format!("{difference}: {}", executors(live)))
            }
            Ok((all, None)) => {
                let tasks: Vec<u32> = all.values().map(|e| e.active_tasks).collect();
                match tasks.iter().all(|tasks| *tasks == 1) {
                    true => Progress::Met(all),
                    false => Progress::NotYet(format!("tasks of each: {tasks:?}")),
                }
            }
        }
    })
    .await;
    at_work.map_err(|e| red(e, format!("{most} tasks did not bring {most} executors")))
}

/// Checks that executors without needed blocks are deleted within so many seconds, and that Spark
/// says that it stopped them.
pub async fn go(
    context: &Context,
    live: &mut LiveSession,
    holders: &BTreeSet<String>,
    within: u64,
) -> Result<()> {
    let title = "idle executors are stopped and their pods deleted; those with shuffle blocks stay";
    check(context, "dynamic-allocation.go", title, async |findings: &mut Findings| {
        let before: BTreeSet<u32> = live.session().pods().into_keys().collect();
        let holds = |id: &u32| holders.contains(&id.to_string());
        findings.add("hold shuffle blocks", format!("{holders:?}"));
        if holders.len() < HOLDERS as usize {
            let reason = format!("{HOLDERS} executors expected to hold blocks, {holders:?} do");
            return Err(Error::red(reason));
        }
        let waiting = Waiting::up_to(within, "the end of idle executors");
        let pods = live.pods().changes();
        let gone =
            wait(context, waiting, pods, async || match live.session().pods().keys().all(holds) {
                true => Progress::Met(()),
                false => Progress::NotYet(executors(live)),
            })
            .await;
        gone.map_err(|error| red(error, "idle executors stay".to_owned()))?;
        let (listed, difference) = live.session().compared(holders.len()).await?;
        if let Some(difference) = difference {
            return Err(Error::red(format!("{holders:?} should have stayed: {difference}")));
        }
        findings.add("stay", format!("{:?}", listed.keys()));
        let removed = live.session().removed().await?;
        findings.add("Spark's reasons", format!("{removed:?}"));
        let ended = |id: &&u32| removed.get(id).is_some_and(|why| why.contains("killed by driver"));
        match before.iter().filter(|id| !holds(id)).find(|id| !ended(id)) {
            None => Ok(()),
            Some(id) => Err(Error::red(format!(
                "expected that Spark says of executor {id} `killed by driver`, it says {:?}",
                removed.get(id)
            ))),
        }
    })
    .await
}

/// Checks that the blocks for which executors stayed are used.
async fn kept(context: &Context, live: &mut LiveSession) -> Result<()> {
    let title = "shuffle blocks of the remaining executors are not computed again";
    check(context, "dynamic-allocation.kept", title, async |findings: &mut Findings| {
        let again = live.session().blocks(HOLDERS, false).await?.shuffled;
        findings.add("computed again", again.computed_by.len());
        match again.computed_by.is_empty() && again.sum == BlocksResult::expected_sum(HOLDERS) {
            true => Ok(()),
            false => Err(Error::red(format!(
                "sum {} expected and no block computed again, seen: sum {}, computed by {:?}",
                BlocksResult::expected_sum(HOLDERS),
                again.sum,
                again.computed_by
            ))),
        }
    })
    .await
}

/// Checks the driver's log for refusals, which show nowhere else.
pub async fn nothing_refused(context: &Context, ended: &EndedSession) -> Result<()> {
    let title = "the driver was refused nothing while executors were added and removed";
    let id = "dynamic-allocation.rights";
    judged(context, (id, title), (), async || Ok(ended.refusals())).await.map(drop)
}

/// The executors' pods in words, with the reason why one is not scheduled.
fn executors(live: &LiveSession) -> String {
    let pods = live.executor_pods();
    let words = pods.iter().map(|(name, pod)| match unscheduled(pod) {
        Some(why) => format!("{name} {}: {why}", status(pod)),
        None => format!("{name} {}", status(pod)),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Turns the error of a wait into a red one; an interruption stays one.
pub(super) fn red(error: Error, what: String) -> Error {
    if error.is_interruption() { error } else { Error::red(what).with_source(error) }
}
