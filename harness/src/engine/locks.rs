//! Advisory locks on files, waited for within bounds.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::observe::{Progress, Source, Waiting, wait};

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Together with others.
    Shared,
    /// Alone.
    Exclusive,
}

/// Takes the lock if it is free. Freed when the file is dropped, even after kill -9; children do
/// not inherit it (close-on-exec).
pub(crate) fn try_lock(path: &Path, hold: Hold) -> Result<Option<File>> {
    let what = || format!("locking {}", path.display());
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .or_environment(what())?;
    let operation = match hold {
        Hold::Shared => FlockOperation::NonBlockingLockShared,
        Hold::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    match flock(&file, operation) {
        Ok(()) => Ok(Some(file)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(Error::environment(what()).because(e)),
    }
}

/// Takes the lock, waiting for whoever holds it.
pub(crate) async fn lock(context: &Context, path: &Path, hold: Hold, seconds: u64) -> Result<File> {
    let waiting = Waiting::up_to(seconds, format!("the lock {}", path.display()));
    wait(context, waiting, Source::Backoff, async || match try_lock(path, hold) {
        Ok(Some(file)) => Progress::Met(file),
        Ok(None) => Progress::NotYet("held by another run".into()),
        Err(e) => Progress::Never(e),
    })
    .await
}
