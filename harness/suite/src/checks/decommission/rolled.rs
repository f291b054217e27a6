//! Executors that Spark's plugin replaces one after the other, when they have run enough tasks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, FirstFailure, check, skip};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use super::super::dynamic_allocation::{red, stop};
use super::super::min_version::too_old;
use super::blocks::{nothing_computed_again, spread};
use super::suite::decommissions;

const TOPIC: &str = "decommission-rolling";
const EXECUTORS: u32 = 2;
/// Blocks of each kind for each executor.
const BLOCKS_EACH: u32 = 2;
/// Seconds between two executors: longer than the rest of the job that makes them due and the jobs
/// that look for the first one's blocks, during which the other must not go.
const INTERVAL: u32 = 20;
/// Tasks after which an executor is due: more than the jobs that leave and look for blocks have, so
/// that no executor is due too early, and a replacement is not due at all.
const DUE_AFTER: u32 = 15;
/// Tasks of the job that makes each executor due, even if they are unevenly distributed.
const DUE: u32 = 10 * DUE_AFTER;
/// Seconds for all: an interval for each executor, and the start of the last replacement.
const ROLLED_WITHIN: u64 = 150;

/// Starts a session with Spark's plugin that rolls executors, makes all due, and checks that they
/// are decommissioned one after the other and replaced.
pub async fn run_roll_suite(proof: &ScenarioContext) -> Result<()> {
    let context = &proof.context;
    if let Some(reason) = too_old(&proof.environment.image.version, (3, 3)) {
        skip(context, TOPIC, "executors are rolled one after the other", &reason);
        return Ok(());
    }
    let mut live = rolls(decommissions(proof.session().executors(EXECUTORS), "1s")).start().await?;
    let mut first = FirstFailure::default();
    let phase = context.recorder.phase("rolling decommission");
    let proven = due_are_rolled(context, &mut live, ROLLED_WITHIN).await;
    first.note(phase.end(proven, |()| format!("{EXECUTORS} executors rolled and replaced")))?;
    stop(context, live, first).await
}

fn rolls(session: SessionBuilder<'_>) -> SessionBuilder<'_> {
    let key = |key: &str| format!("spark.kubernetes.executor.{key}");
    session
        .conf("spark.plugins", "org.apache.spark.scheduler.cluster.k8s.ExecutorRollPlugin")
        .conf(&key("rollInterval"), &format!("{INTERVAL}s"))
        .conf(&key("rollPolicy"), "ID")
        .conf(&key("minTasksPerExecutorBeforeRolling"), &DUE_AFTER.to_string())
}

/// Leaves blocks on each executor, makes each due, and checks that the executor with the lowest id
/// goes first and migrates its blocks, and that all are replaced within so many seconds.
pub async fn due_are_rolled(context: &Context, live: &mut LiveSession, within: u64) -> Result<()> {
    let tasks = live.executors() * BLOCKS_EACH;
    spread(context, live, TOPIC, tasks).await?;
    let due: Vec<u32> = live.session().pods().into_keys().collect();
    live.session().job(u64::from(DUE), DUE).await?;
    let end = Instant::now() + Duration::from_secs(within);
    let mut first = FirstFailure::default();
    first.note(lowest_first(context, live, &due, end).await)?;
    first.note(nothing_computed_again(context, live, TOPIC, tasks).await)?;
    first.note(all_replaced(context, live, &due, end).await)?;
    first.or(())
}

/// Checks which executor Spark decommissions first.
async fn lowest_first(
    context: &Context,
    live: &mut LiveSession,
    due: &[u32],
    end: Instant,
) -> Result<()> {
    let title = "the executor with the lowest id is decommissioned first";
    check(context, "decommission-rolling.first", title, async |findings: &mut Findings| {
        let removed = rolled(context, live, 1, end).await?;
        findings.add("removed", format!("{removed:?}"));
        match (removed.keys().next(), due.iter().min()) {
            (Some(first), Some(lowest)) if first == lowest => Ok(()),
            (first, lowest) => Err(Error::red(format!(
                "of {due:?} executor {lowest:?} expected to go first, {first:?} did"
            ))),
        }
    })
    .await
}

/// Checks that all were replaced.
async fn all_replaced(
    context: &Context,
    live: &mut LiveSession,
    due: &[u32],
    end: Instant,
) -> Result<()> {
    let title = "each executor that was due is decommissioned and replaced";
    check(context, "decommission-rolling.replaced", title, async |findings: &mut Findings| {
        let removed = rolled(context, live, due.len(), end).await?;
        findings.add("Spark's reasons", format!("{removed:?}"));
        if let Some(id) = due.iter().find(|id| !removed.contains_key(id)) {
            return Err(Error::red(format!("executor {id} stays: {removed:?} went")));
        }
        let waiting = Waiting { what: "their replacements".to_owned(), deadline: until(end) };
        let others = wait(context, waiting, Source::Backoff, async || {
            match live.session().compared(due.len()).await {
                Ok((all, None)) => Progress::Met(all),
                Ok((_, Some(difference))) => Progress::NotYet(difference),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await;
        let others = others.map_err(|error| {
            red(error, "the decommissioned executors are not replaced".to_owned())
        })?;
        findings.add("replacements", format!("{:?}", others.keys()));
        Ok(())
    })
    .await
}

/// Waits until Spark has decommissioned so many executors.
async fn rolled(
    context: &Context,
    live: &mut LiveSession,
    many: usize,
    end: Instant,
) -> Result<BTreeMap<u32, String>> {
    let what = format!("the decommissioning of {many}");
    let waiting = Waiting { what, deadline: until(end) };
    let removed =
        wait(context, waiting, Source::Backoff, async || match live.session().removed().await {
            Ok(removed) if removed.len() >= many => Progress::Met(removed),
            Ok(removed) => Progress::NotYet(format!("removed: {removed:?}")),
            Err(error) => Progress::NotYet(error.to_string()),
        })
        .await;
    let removed = removed.map_err(|error| {
        red(error, "executors that are due are not decommissioned".to_owned())
            .remedy("check that spark.plugins has the plugin")
    })?;
    match removed.iter().find(|(_, why)| !why.to_lowercase().contains("decommission")) {
        None => Ok(removed),
        Some((id, why)) => Err(Error::red(format!("executor {id} is gone, and Spark says: {why}"))),
    }
}

fn until(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}
