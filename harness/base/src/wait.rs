//! The one wait primitive. Its condition is met; or not yet met, with the last state in words; or
//! can never be met.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::context::{Cancel, Context};
use crate::error::{Error, Result};

/// The state of a condition.
#[derive(Debug)]
pub enum Progress<T> {
    /// Met, with its result.
    Met(T),
    /// Not yet met; the last state in words.
    NotYet(String),
    /// It can never be met: the wait ends at once with this error.
    Never(Error),
}

/// When the condition is checked again.
#[derive(Debug)]
pub enum Source {
    /// On each change of a watch, and every 5 s, since a server may close a watch silently.
    Changes(watch::Receiver<u64>),
    /// Without a watch: after 50 ms, doubling up to 1 s.
    Backoff,
}

/// The condition in words, and the longest wait.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The condition, to be read after "waiting for".
    pub what: String,
    /// The longest wait.
    pub deadline: Duration,
}

impl Waiting {
    /// At most so many seconds: `Waiting::up_to(60, "the API server")`.
    pub fn up_to(seconds: u64, what: impl Into<String>) -> Self {
        Waiting { what: what.into(), deadline: Duration::from_secs(seconds) }
    }
}

/// The end of a wait that begins now. A length beyond the clock's range means no end.
pub fn end_of(deadline: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(30 * 365 * 86_400);
    let now = Instant::now();
    now.checked_add(deadline).unwrap_or(now + YEARS)
}

/// Waits until `look` returns met or never, the deadline passes, or a signal comes.
///
/// # Errors
/// Environment: the deadline passed, with the last state. The error of never. Interrupted.
pub async fn wait<T>(
    context: &Context,
    waiting: Waiting,
    source: Source,
    look: impl AsyncFnMut() -> Progress<T>,
) -> Result<T> {
    wait_unless(&context.cancel, waiting, source, look).await
}

/// [`wait`] without a run.
///
/// # Errors
/// As [`wait`].
pub async fn wait_unless<T>(
    cancel: &Cancel,
    waiting: Waiting,
    mut source: Source,
    mut look: impl AsyncFnMut() -> Progress<T>,
) -> Result<T> {
    let end = end_of(waiting.deadline);
    let mut pause = Duration::from_millis(50);
    let mut last = "nothing seen".to_owned();
    loop {
        let seen = tokio::select! {
            biased;
            error = cancel.cancelled() => return Err(error),
            seen = look() => seen,
            () = tokio::time::sleep_until(end) => {
                Progress::NotYet(format!("{last} (the last check did not return)"))
            }
        };
        match seen {
            Progress::Met(value) => return Ok(value),
            Progress::Never(error) => return Err(error),
            Progress::NotYet(state) => last = state,
        }
        let passed = || {
            let (waited, what) = (waiting.deadline.as_secs(), &waiting.what);
            Error::environment(format!("waited {waited} s for {what}; last state: {last}"))
        };
        if Instant::now() >= end {
            return Err(passed());
        }
        let silence = match &source {
            Source::Changes(_) => Duration::from_secs(5),
            Source::Backoff => pause,
        };
        let wake = tokio::time::sleep_until(end.min(Instant::now() + silence));
        tokio::select! {
            biased;
            error = cancel.cancelled() => return Err(error),
            () = next_change(&mut source) => {}
            () = wake => pause = (pause * 2).min(Duration::from_secs(1)),
        }
        // A last look would not return in time, and hide the state.
        if Instant::now() >= end {
            return Err(passed());
        }
    }
}

async fn next_change(source: &mut Source) {
    if let Source::Changes(changes) = source
        && changes.changed().await.is_ok()
    {
        return;
    }
    // Without a watch, or after its end, only the clock wakes the wait.
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test_context;

    #[tokio::test]
    async fn met_after_a_change() {
        let (context, _keep) = test_context();
        let (writer, reader) = watch::channel(0u64);
        let watched = reader.clone();
        tokio::spawn(async move { writer.send_replace(1) });
        let waiting = Waiting::up_to(30, "one");
        let met =
            wait(&context, waiting, Source::Changes(reader), async || match *watched.borrow() {
                0 => Progress::NotYet("zero".into()),
                n => Progress::Met(n),
            });
        assert_eq!(met.await.expect("met"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_out_says_the_last_state() {
        let (context, _keep) = test_context();
        let waiting = Waiting::up_to(3, "a miracle");
        let waited = wait(&context, waiting, Source::Backoff, async || {
            Progress::<()>::NotYet("still no miracle".into())
        });
        let text = waited.await.expect_err("late").to_string();
        assert_eq!(text, "waited 3 s for a miracle; last state: still no miracle");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_no_clock_can_add_does_not_end_the_wait() {
        let (context, _keep) = test_context();
        let mut looks = 0;
        let met = wait(&context, Waiting::up_to(u64::MAX, "it"), Source::Backoff, async || {
            looks += 1;
            if looks < 3 { Progress::NotYet("no".into()) } else { Progress::Met(looks) }
        });
        assert_eq!(met.await.expect("met"), 3);
    }

    #[tokio::test]
    async fn what_can_never_be_ends_at_once() {
        let (context, _keep) = test_context();
        let never = wait(&context, Waiting::up_to(600, "it"), Source::Backoff, async || {
            Progress::<()>::Never(Error::red("no"))
        });
        assert_eq!(never.await.expect_err("never").to_string(), "no");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_bounded() {
        let (context, _keep) = test_context();
        let hung = wait(&context, Waiting::up_to(3, "it"), Source::Backoff, async || {
            std::future::pending::<Progress<()>>().await
        });
        assert!(hung.await.expect_err("late").to_string().contains("did not return"));
    }
}
