//! Looks that are repeated: until something is seen, or over a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_judge::ExecutorsLook;
use sparkproof_testbed::LiveSession;

/// Seconds beyond the last look that is wanted.
const SPARE: u64 = 5;

/// Looks until nothing is missing or the time is over; returns the last look.
///
/// # Errors
/// The last look failed: earlier ones are not judged.
pub(super) async fn last_look<T>(
    context: &Context,
    waiting: Waiting,
    mut look: impl AsyncFnMut() -> Result<T>,
    missing: impl Fn(&T) -> Option<String>,
) -> Result<T> {
    let mut last = None;
    let waited = wait(context, waiting, Source::Backoff, async || {
        let seen = look().await;
        let words = match &seen {
            Ok(seen) => missing(seen),
            Err(error) => Some(error.to_string()),
        };
        last = Some(seen);
        words.map_or(Progress::Met(()), Progress::NotYet)
    })
    .await;
    match (waited, last) {
        (Err(error), _) if error.is_interruption() => Err(error),
        (_, Some(Ok(seen))) => Ok(seen),
        // The time was over before there was an answer.
        _ => context.cancel.guard(look()).await,
    }
}

/// Looks at the executors until they are as `done` wants, and for `stay` seconds more; or only for
/// `within` seconds, if they are not so. `done` also gets the pods, by id.
///
/// # Errors
/// Spark's REST API never answered.
pub(super) async fn looks(
    context: &Context,
    live: &mut LiveSession,
    (within, stay): (u64, u32),
    mut done: impl FnMut(&ExecutorsLook, &BTreeMap<u32, Arc<Pod>>) -> bool,
) -> Result<Vec<ExecutorsLook>> {
    let begun = Instant::now();
    let (mut looks, mut since) = (Vec::new(), None);
    let seconds = within + u64::from(stay) + SPARE;
    let waiting = Waiting::up_to(seconds, "executors to go, and the others to stay");
    // Polled: what stays changes nothing.
    let waited = wait(context, waiting, Source::Backoff, async || {
        // Before Spark is asked: it knows earlier than Kubernetes that an executor is gone.
        let pods = live.session().pods();
        let executors = match live.agreement().await {
            Ok(executors) => executors,
            Err(error) => return Progress::NotYet(error.to_string()),
        };
        let seconds = begun.elapsed().as_secs_f64();
        let look = ExecutorsLook { seconds, pods: pods.keys().copied().collect(), executors };
        if since.is_none() && done(&look, &pods) {
            since = Some(seconds);
        }
        let count = pods.len();
        looks.push(look);
        match since {
            Some(since) if seconds - since >= f64::from(stay) => Progress::Met(()),
            None if seconds >= within as f64 => Progress::Met(()),
            _ => Progress::NotYet(format!("{count} pods of executors")),
        }
    })
    .await;
    match waited {
        Err(error) if error.is_interruption() || looks.is_empty() => Err(error),
        _ => Ok(looks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::error::Error;
    use sparkproof_base::testing::test_context;

    /// The last of looks that count up; `fails` says which of them fail.
    async fn counted(enough: u32, fails: impl Fn(u32) -> bool) -> Result<u32> {
        let (context, _keep) = test_context();
        let mut looks = 0;
        let look = async || {
            looks += 1;
            match fails(looks) {
                true => Err(Error::environment("no answer")),
                false => Ok(looks),
            }
        };
        let missing = |seen: &u32| (*seen < enough).then(|| format!("{seen} of {enough}"));
        last_look(&context, Waiting::up_to(20, "looks"), look, missing).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_seen_last_is_judged_also_when_the_time_is_over() {
        assert_eq!(counted(3, |_| false).await.expect("seen"), 3);
        let seen = counted(1_000, |_| false).await.expect("seen");
        assert!((10..1_000).contains(&seen), "{seen}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_seen_before_the_answers_failed_is_not_judged() {
        let error = counted(1_000, |look| look > 5).await.expect_err("the last look failed");
        assert!(error.to_string().contains("no answer"), "{error}");
        assert_eq!(counted(3, |look| look == 2).await.expect("seen"), 3, "one failure is no end");
    }
}
