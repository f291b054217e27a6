//! What every stage may use: directories, the recorder, the ledger of the run, cancellation.

use std::future::Future;
use std::sync::Arc;
use std::sync::OnceLock;

use tokio_util::sync::CancellationToken;

use crate::dirs::Dirs;
use crate::error::{Error, Exit, Result};
use crate::events::Recorder;
use crate::ledger::Run;

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
}

impl Context {
    /// The same, for giving back: an interruption that already happened does not stop it.
    #[must_use]
    pub fn for_teardown(&self) -> Self {
        Context { cancel: Cancel::default(), ..self.clone() }
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
