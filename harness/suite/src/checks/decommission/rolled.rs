//! Executors that Spark's plugin replaces one after the other, when they have run enough tasks.

use std::time::{Duration, Instant};

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{FirstFailure, judged, skip};
use sparkproof_base::wait::Waiting;
use sparkproof_judge::{Rolled, RolledAndReplaced};
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use super::super::dynamic_allocation::stop;
use super::super::looks::last_look;
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
    stop(proof, live, first).await
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
    judged(context, ("decommission-rolling.first", title), (), async || {
        let waiting = until(end, "the first to be decommissioned");
        let missing = |seen: &Rolled| seen.removed.is_empty().then(|| "none is removed".to_owned());
        last_look(context, waiting, async || rolled(live, due).await, missing).await
    })
    .await
    .map(drop)
}

/// Checks that all were replaced.
async fn all_replaced(
    context: &Context,
    live: &mut LiveSession,
    due: &[u32],
    end: Instant,
) -> Result<()> {
    let title = "each executor that was due is decommissioned and replaced";
    judged(context, ("decommission-rolling.replaced", title), (), async || {
        let look = async || {
            let rolled = rolled(live, due).await?;
            Ok(RolledAndReplaced { rolled, executors: live.agreement().await? })
        };
        let waiting = until(end, "all to be decommissioned and replaced");
        last_look(context, waiting, look, RolledAndReplaced::missing).await
    })
    .await
    .map(drop)
}

async fn rolled(live: &mut LiveSession, due: &[u32]) -> Result<Rolled> {
    Ok(Rolled { due: due.to_vec(), removed: live.session().removed().await? })
}

fn until(end: Instant, what: &str) -> Waiting {
    let deadline: Duration = end.saturating_duration_since(Instant::now());
    Waiting { what: what.to_owned(), deadline }
}
