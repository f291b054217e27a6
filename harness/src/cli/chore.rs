//! What commands without a report share: a run of their own, which ends with them.

use std::sync::Arc;

use super::runner::{abandoned, caught};
use crate::context::{Cancel, Context, Installs};
use crate::dirs::Dirs;
use crate::error::{Exit, Result};
use crate::events::{Recorder, Secrets, Silent};
use crate::ledger::{Run, Scope};

/// Does `body` in a run whose events end with it, since there is nothing to report.
pub(super) async fn with_chore(body: impl AsyncFnOnce(&Context) -> Result<Exit>) -> Result<Exit> {
    let cancel = Cancel::default();
    cancel.on_signals()?;
    let dirs = Dirs::of_user()?;
    let run = Run::begin(&dirs, Scope::Run)?;
    let recorder = Recorder::open(run.dir(), Secrets::default(), Box::new(Silent));
    let recorder = recorder.or_else(|error| abandoned(&run, error))?;
    let context =
        Context { dirs, recorder, run: Arc::new(run), cancel, installs: Installs::default() };
    let result = caught(body(&context)).await;
    context.run.end()?;
    result
}
