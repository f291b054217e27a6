//! Helpers for unit tests of all crates.

use crate::context::{Cancel, Context, Installs};
use crate::dirs::Dirs;
use crate::events::{Recorder, Secrets, Silent};
use crate::ledger::{Run, Scope};

/// A context in a temporary directory, for unit tests.
pub fn test_context() -> (Context, tempfile::TempDir) {
    let keep = tempfile::tempdir().expect("temporary directory");
    let dirs = Dirs::at(keep.path().join("state"), keep.path().join("cache")).expect("directories");
    let recorder = Recorder::open(&keep.path().join("run"), Secrets::default(), Box::new(Silent));
    let context = Context {
        run: std::sync::Arc::new(Run::begin(&dirs, Scope::Run).expect("run")),
        dirs,
        recorder: recorder.expect("recorder"),
        cancel: Cancel::default(),
        installs: Installs::default(),
    };
    (context, keep)
}
