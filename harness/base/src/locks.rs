//! Advisory locks on files, with a bounded wait.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::context::Context;
use crate::error::{ErrorContext, Result};
use crate::wait::{Progress, Source, Waiting, wait};

/// How often a lock file may be replaced during locking before the lock counts as held.
const REPLACED: usize = 10;

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Shared with other processes.
    Shared,
    /// By one process.
    Exclusive,
}

/// Takes the lock if it is free; `None` if it is held. It is freed when the file is dropped, even
/// by kill -9; children do not inherit it (close-on-exec).
pub fn try_lock(path: &Path, hold: LockMode) -> Result<Option<File>> {
    try_lock_file(path, hold).or_environment(format!("locking {}", path.display()))
}

/// The same with the `io::Error`, for callers whose directory may be gone.
pub fn try_lock_file(path: &Path, hold: LockMode) -> io::Result<Option<File>> {
    try_lock_of(File::options().create(true).truncate(false).write(true), path, hold)
}

/// The same without creating the file: a missing file is an error.
pub fn try_existing_lock(path: &Path, hold: LockMode) -> io::Result<Option<File>> {
    try_lock_of(File::options().write(true), path, hold)
}

fn try_lock_of(options: &OpenOptions, path: &Path, hold: LockMode) -> io::Result<Option<File>> {
    for _ in 0..REPLACED {
        let file = options.open(path)?;
        let locked = match hold {
            LockMode::Shared => file.try_lock_shared(),
            LockMode::Exclusive => file.try_lock(),
        };
        match locked {
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            // The file was removed between opening and locking: a lock on it would not exclude any process.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether a path still names this file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Takes the lock; waits for its holder, at most so many seconds.
pub async fn lock(context: &Context, path: &Path, hold: LockMode, seconds: u64) -> Result<File> {
    let waiting = Waiting::up_to(seconds, format!("the lock {}", path.display()));
    wait(context, waiting, Source::Backoff, async || match try_lock(path, hold) {
        Ok(Some(file)) => Progress::Met(file),
        Ok(None) => Progress::NotYet("held by another run".into()),
        Err(e) => Progress::Never(e),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_that_was_replaced_or_removed_is_told_from_the_one_at_its_path() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let path = keep.path().join("lock");
        let file = try_lock(&path, LockMode::Exclusive).expect("lockable").expect("free");
        assert!(is_at(&file, &path).expect("looked"));
        std::fs::remove_file(&path).expect("removed");
        assert!(!is_at(&file, &path).expect("looked"));
        let second = try_lock(&path, LockMode::Exclusive).expect("lockable").expect("another file");
        assert!(is_at(&second, &path).expect("looked") && !is_at(&file, &path).expect("looked"));
    }

    #[test]
    fn a_shared_lock_keeps_an_exclusive_one_away_and_no_shared_one() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let path = keep.path().join("lock");
        let one = try_lock(&path, LockMode::Shared).expect("lockable");
        assert!(one.is_some() && try_lock(&path, LockMode::Shared).expect("lockable").is_some());
        assert!(try_lock(&path, LockMode::Exclusive).expect("lockable").is_none());
        drop(one);
        assert!(try_lock(&path, LockMode::Exclusive).expect("lockable").is_some());
        let gone = try_lock_file(&keep.path().join("gone/lock"), LockMode::Shared);
        assert_eq!(gone.expect_err("no directory").kind(), io::ErrorKind::NotFound);
    }
}
