//! Dynamic allocation with shuffle tracking: executors come with work and go without it, but for
//! those whose shuffle blocks are still needed.

use std::collections::{BTreeMap, BTreeSet};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, FirstFailure, check};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_kubernetes::observe::{status, unscheduled};
use sparkproof_spark::session::{BlocksResult, Executor};
use sparkproof_testbed::{EndedSession, LiveSession, ScenarioContext, SessionBuilder};

use super::{namespace_gone, nothing_left};

/// Spark asks after a second of backlog and makes pods a second later; both are its defaults
/// (`schedulerBacklogTimeout`, `allocation.batch.delay`).
const ASKED_WITHIN: u64 = 15;
/// Pods need an image, a JVM and a core.
const COME_WITHIN: u64 = 90;
/// Idle for [`IDLE`], then told to end, then deleted.
const GONE_WITHIN: u64 = 60;
/// How long an executor may be idle.
const IDLE: &str = "3s";
/// Executors that get blocks of a shuffle: one more than are kept in any case.
const HOLDERS: u32 = 2;

/// Starts a session of one executor, gives it work for as many as planned, and takes the work away
/// again.
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

/// Stops a session whose executors came and went: it was refused nothing, and leaves nothing.
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

/// Asks for dynamic allocation of at most so many, each idle for so long at most. One is kept in any
/// case: without work it would be gone before the session has started.
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
    // A task on each, at once: none has been idle for long.
    let made = live.session().blocks(HOLDERS, false).await?.shuffled;
    let holders: BTreeSet<String> = made.computed_by.into_iter().collect();
    come(context, live, most).await?;
    live.session().unload().await?;
    go(context, live, &holders, GONE_WITHIN).await?;
    kept(context, live).await
}

/// `most` tasks that last bring `most` executors, one task on each. They go on; who has seen enough
/// ends them with [`sparkproof_spark::session::Session::unload`].
pub async fn come(context: &Context, live: &mut LiveSession, most: u32) -> Result<()> {
    let title = format!("{most} tasks bring {most} executors, each registered and at work");
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
            red(error, format!("no executor was asked for beside {before}, for {most} tasks"))
                .remedy("is spark.dynamicAllocation.enabled in force?")
        })?;
        let come = at_work(context, live, most).await?;
        let rows = come.iter().map(|(id, e)| format!("executor {id}, added {}", e.added));
        findings.add("executors", rows.collect::<Vec<_>>().join("\n"));
        Ok(())
    })
    .await
}

/// Waits until so many executors, registered and Running, have one task each.
pub(super) async fn at_work(
    context: &Context,
    live: &mut LiveSession,
    most: u32,
) -> Result<BTreeMap<u32, Executor>> {
    let waiting = Waiting::up_to(COME_WITHIN, format!("{most} executors at work"));
    // A task begins in Spark's list and moves no pod: polled.
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

/// Within so many seconds those without a block that is still needed are deleted, and Spark says that
/// it ended them.
pub async fn go(
    context: &Context,
    live: &mut LiveSession,
    holders: &BTreeSet<String>,
    within: u64,
) -> Result<()> {
    let title = "idle executors are ended and their pods deleted; those with shuffle blocks stay";
    check(context, "dynamic-allocation.go", title, async |findings: &mut Findings| {
        let before: BTreeSet<u32> = live.session().pods().into_keys().collect();
        let holds = |id: &u32| holders.contains(&id.to_string());
        findings.add("hold shuffle blocks", format!("{holders:?}"));
        if holders.len() < HOLDERS as usize {
            let reason = format!("{HOLDERS} executors are to hold blocks, {holders:?} do");
            return Err(Error::red(reason));
        }
        let waiting = Waiting::up_to(within, "idle executors to go");
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
            return Err(Error::red(format!("{holders:?} are to stay: {difference}")));
        }
        findings.add("stay", format!("{:?}", listed.keys()));
        let removed = live.session().removed().await?;
        findings.add("Spark's reasons", format!("{removed:?}"));
        let ended = |id: &&u32| removed.get(id).is_some_and(|why| why.contains("killed by driver"));
        match before.iter().filter(|id| !holds(id)).find(|id| !ended(id)) {
            None => Ok(()),
            Some(id) => Err(Error::red(format!(
                "Spark is to say that the driver ended executor {id}, it says {:?}",
                removed.get(id)
            ))),
        }
    })
    .await
}

/// The blocks for which executors stayed are used.
async fn kept(context: &Context, live: &mut LiveSession) -> Result<()> {
    let title = "what the remaining executors hold of a shuffle is not computed again";
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

/// What is refused while executors go is said in the log only.
pub async fn nothing_refused(context: &Context, ended: &EndedSession) -> Result<()> {
    let title = "the driver was refused nothing while executors came and went";
    check(context, "dynamic-allocation.rights", title, async |_: &mut Findings| {
        match ended.denied_in_driver_log().as_slice() {
            [] => Ok(()),
            denied => Err(Error::red(denied.join("\n")).remedy("grant the verb that is named")),
        }
    })
    .await
}

/// The executors' pods in words, with what keeps one from a node.
fn executors(live: &LiveSession) -> String {
    let pods = live.executor_pods();
    let words = pods.iter().map(|(name, pod)| match unscheduled(pod) {
        Some(why) => format!("{name} {}: {why}", status(pod)),
        None => format!("{name} {}", status(pod)),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A wait that ran out, with what it means; an interruption stays one.
pub(super) fn red(error: Error, what: String) -> Error {
    if error.is_interruption() { error } else { Error::red(what).with_source(error) }
}
