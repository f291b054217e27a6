//! What every stage may use: directories, the recorder, the ledger of the run, cancellation.

use std::future::Future;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::dirs::Dirs;
use crate::error::{Error, Exit, Result};
use crate::events::Recorder;
use crate::ledger::Run;

/// The longest that work may take to end by itself after an interruption: a command of
/// `sparkproof exec` and a driver may take 60 s of it.
const END: Duration = Duration::from_secs(90);

/// Borrowed by every stage; cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// Where things lie.
    pub dirs: Dirs,
    /// Where events go.
    pub recorder: Recorder,
    /// What we own.
    pub run: Arc<Run>,
    /// Whether to go on.
    pub cancel: Cancel,
    /// Whether packages may be installed.
    pub installs: Installs,
}

impl Context {
    /// The same, for giving back: an interruption that already happened does not stop it.
    #[must_use]
    pub fn for_teardown(&self) -> Self {
        Context { cancel: Cancel::default(), ..self.clone() }
    }
}

/// Whether packages may be installed (`--yes`), and whose turn it is to do so.
#[derive(Debug, Clone, Default)]
pub struct Installs {
    allowed: Arc<AtomicBool>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Installs {
    /// By the command line, for the rest of the run.
    pub(crate) fn allow(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn are_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// One installation at a time.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

/// One cancellation for SIGINT, SIGTERM and SIGHUP.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    token: CancellationToken,
    signal: Arc<OnceLock<Exit>>,
}

impl Cancel {
    /// Ends all work that goes through [`Cancel::guard`]. The first signal counts.
    pub fn cancel(&self, exit: Exit) {
        let _ = self.signal.set(exit);
        self.token.cancel();
    }

    /// Resolves when cancelled.
    pub async fn cancelled(&self) -> Error {
        self.token.cancelled().await;
        self.error()
    }

    /// The exit that a signal asked for.
    pub fn exit(&self) -> Option<Exit> {
        self.signal.get().copied()
    }

    fn error(&self) -> Error {
        Error::interrupted(self.exit().unwrap_or(Exit::Interrupt))
    }

    /// The future's result, or the interruption when that comes first.
    pub async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            error = self.cancelled() => Err(error),
            result = work => result,
        }
    }

    /// The future's result, or the interruption when one came before its end. Unlike under
    /// [`Cancel::guard`] it is not dropped then, but ends by itself, since its waits are guarded:
    /// so what must not be dropped half-way gives back what it holds. Dropped only 90 s later.
    pub async fn to_its_end<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let late = async {
            self.token.cancelled().await;
            tokio::time::sleep_until(tokio::time::Instant::now() + END).await;
        };
        let result = tokio::select! {
            result = work => result,
            () = late => Err(self.error()),
        };
        // What it says is a consequence of the interruption, perhaps in other words.
        if self.token.is_cancelled() { Err(self.error()) } else { result }
    }

    /// Cancels on the first SIGINT, SIGTERM or SIGHUP from now on.
    pub fn on_signals(&self) -> Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        for (kind, exit) in [
            (SignalKind::interrupt(), Exit::Interrupt),
            (SignalKind::terminate(), Exit::Terminate),
            (SignalKind::hangup(), Exit::Hangup),
        ] {
            let mut signals =
                signal(kind).map_err(|e| Error::internal("listening for signals").because(e))?;
            let cancel = self.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    cancel.cancel(exit);
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
            tokio::time::sleep_until(tokio::time::Instant::now() + END / 2).await;
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

    #[tokio::test]
    async fn what_nobody_interrupts_has_its_own_result() {
        let cancel = Cancel::default();
        assert_eq!(cancel.to_its_end(async { Ok(1) }).await.expect("done"), 1);
        let red = cancel.to_its_end(async { Err::<(), _>(Error::red("no")) }).await;
        assert_eq!(red.expect_err("red").exit, Exit::Red);
    }
}
