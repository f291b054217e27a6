//! Cancellation by signals.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::deadlines::{CUT_SHORT, OWNER_ENDS};
use crate::error::{Error, Exit, Result};

/// The cancellation of a process, by SIGINT, SIGTERM or SIGHUP.
///
/// Waits are guarded and end with an interruption. Code that holds something to be ended properly
/// (a driver, a tool, a half-made cache entry) runs to its end. The first signal ends the work, a
/// second one cuts cleanup short.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    token: CancellationToken,
    /// The state of cleanup.
    second: CancellationToken,
    signal: Arc<OnceLock<Exit>>,
    cleans_up: bool,
}

impl Cancel {
    /// Records a signal. The first one ends all work that waits through [`Cancel::guard`], and its
    /// exit counts; the second one ends cleanup, too.
    pub fn cancel(&self, exit: Exit) {
        if self.signal.set(exit).is_err() {
            self.second.cancel();
        }
        self.token.cancel();
    }

    /// The cancellation for cleanup, which only a second signal cancels.
    pub(crate) fn for_teardown(&self) -> Self {
        Cancel { token: self.second.clone(), cleans_up: true, ..self.clone() }
    }

    /// Resolves at a second signal.
    pub async fn cut_short(&self) {
        self.second.cancelled().await;
    }

    /// Resolves when cancelled.
    pub async fn cancelled(&self) -> Error {
        self.token.cancelled().await;
        self.error()
    }

    /// The exit of the first signal, if there was one.
    pub fn exit(&self) -> Option<Exit> {
        self.signal.get().copied()
    }

    /// After a signal, the interruption in place of an error, which may be a consequence of the
    /// signal. Errors of cleanup are kept: they name what is left.
    pub fn interruption(&self) -> Option<Error> {
        (self.token.is_cancelled() && !self.cleans_up).then(|| self.error())
    }

    fn error(&self) -> Error {
        Error::interrupted(self.exit().unwrap_or(Exit::Interrupt))
    }

    /// The future's result, or the interruption if that comes first; the future is then dropped.
    pub async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            error = self.cancelled() => Err(error),
            result = work => result,
        }
    }

    /// The future's result, or the interruption if one came before its end. Unlike in
    /// [`Cancel::guard`] the future is not dropped: it ends by itself, since its waits are guarded,
    /// and so can release what it holds. It is dropped only [`OWNER_ENDS`] after the first signal,
    /// or [`CUT_SHORT`] after the second.
    pub async fn to_its_end<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.to_its_end_within(OWNER_ENDS, work).await
    }

    /// [`Cancel::to_its_end`] with another limit after the first signal.
    pub async fn to_its_end_within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let late = async {
            self.token.cancelled().await;
            let end = Instant::now() + limit;
            tokio::select! {
                () = sleep_until(end) => {}
                () = self.cut_short() => sleep_until(end.min(Instant::now() + CUT_SHORT)).await,
            }
        };
        let result = tokio::select! {
            result = work => result,
            () = late => Err(self.error()),
        };
        match self.interruption() {
            Some(error) => Err(error),
            None => result,
        }
    }

    /// Handles SIGINT, SIGTERM and SIGHUP from now on.
    pub fn on_signals(&self) -> Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        for (kind, exit) in [
            (SignalKind::interrupt(), Exit::Interrupt),
            (SignalKind::terminate(), Exit::Terminate),
            (SignalKind::hangup(), Exit::Hangup),
        ] {
            let mut signals = signal(kind)
                .map_err(|e| Error::internal("listening for signals").with_source(e))?;
            let cancel = self.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    // A closing terminal sends SIGHUP, and its shell sends it again: that is not a
                    // second signal.
                    if exit != Exit::Hangup || cancel.exit().is_none() {
                        cancel.cancel(exit);
                    }
                }
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn interrupted_work_is_not_dropped_but_ends_by_itself() {
        let cancel = Cancel::default();
        let mut ended = false;
        let work = async {
            cancel.cancel(Exit::Terminate);
            sleep_until(Instant::now() + OWNER_ENDS / 2).await;
            ended = true;
            Err::<(), _>(Error::environment("a tool ended"))
        };
        let error = cancel.to_its_end(work).await.expect_err("interrupted");
        assert!(ended);
        assert_eq!(error.exit, Exit::Terminate);
    }

    #[tokio::test(start_paused = true)]
    async fn interrupted_work_that_hangs_is_given_up() {
        let cancel = Cancel::default();
        cancel.cancel(Exit::Interrupt);
        let error = cancel.to_its_end(std::future::pending::<Result<()>>()).await;
        assert_eq!(error.expect_err("interrupted").exit, Exit::Interrupt);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_work_that_does_not_end_and_cleaning_up_and_the_first_exit_stays()
    {
        let (context, _keep) = crate::testing::test_context();
        let teardown = context.for_teardown().for_teardown();
        context.cancel.cancel(Exit::Interrupt);
        let begun = Instant::now();
        let second = async {
            sleep_until(begun + CUT_SHORT).await;
            assert!(teardown.cancel.guard(async { Ok(()) }).await.is_ok(), "the first is not it");
            context.cancel.cancel(Exit::Terminate);
            Ok::<_, Error>(())
        };
        let hangs = context.cancel.to_its_end(std::future::pending::<Result<()>>());
        let cleaning = teardown.cancel.guard(std::future::pending::<Result<()>>());
        let cleaning = async { (cleaning.await, begun.elapsed()) };
        let (work, (cleaning, cut_at), _) = tokio::join!(hangs, cleaning, second);
        assert_eq!(cut_at, CUT_SHORT, "at once");
        assert_eq!(begun.elapsed(), 2 * CUT_SHORT);
        for cut in [work, cleaning] {
            assert_eq!(cut.expect_err("cut short").exit, Exit::Interrupt);
        }
    }

    #[tokio::test]
    async fn what_nobody_interrupts_has_its_own_result() {
        let cancel = Cancel::default();
        assert_eq!(cancel.to_its_end(async { Ok(1) }).await.expect("done"), 1);
        let red = cancel.to_its_end(async { Err::<(), _>(Error::red("no")) }).await;
        assert_eq!(red.expect_err("red").exit, Exit::Red);
    }
}
