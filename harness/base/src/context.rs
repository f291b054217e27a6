//! What every stage may use: directories, the recorder, the ledger of the run, cancellation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use crate::cancel::Cancel;
use crate::dirs::Dirs;
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
    /// Whether packages may be installed.
    pub installs: Installs,
}

impl Context {
    /// The same, for cleaning up: the first signal does not stop it, the second does.
    #[must_use]
    pub fn for_teardown(&self) -> Self {
        Context { cancel: self.cancel.for_teardown(), ..self.clone() }
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
    pub fn allow(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }

    /// Whether the command line allowed it.
    pub fn are_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// One installation at a time.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}
