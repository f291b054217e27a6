//! The context of every stage: directories, the recorder, the run with its ledger, cancellation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use crate::cancel::Cancel;
use crate::dirs::Dirs;
use crate::events::Recorder;
use crate::ledger::Run;

/// Passed to every stage; cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    /// State and cache directories.
    pub dirs: Dirs,
    /// Records events.
    pub recorder: Recorder,
    /// The run, with its ledger.
    pub run: Arc<Run>,
    /// Whether a signal came.
    pub cancel: Cancel,
    /// Whether packages may be installed.
    pub installs: Installs,
}

impl Context {
    /// The context for cleanup, which only a second signal cancels.
    #[must_use]
    pub fn for_teardown(&self) -> Self {
        Context { cancel: self.cancel.for_teardown(), ..self.clone() }
    }
}

/// Whether packages may be installed (`--yes`), and a lock for doing so.
#[derive(Debug, Clone, Default)]
pub struct Installs {
    allowed: Arc<AtomicBool>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Installs {
    /// Sets what the command line allows, for the rest of the run.
    pub fn allow(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }

    /// Whether the command line allows it.
    pub fn are_allowed(&self) -> bool {
        self.allowed.load(Ordering::Relaxed)
    }

    /// Waits until no other installation runs.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}
