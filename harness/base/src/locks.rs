//! Advisory locks on files, waited for within bounds.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::context::Context;
use crate::error::{ErrorContext, Result};
use crate::wait::{Progress, Source, Waiting, wait};

/// How often a lock file may be replaced while it is being locked before that counts as held.
const REPLACED: usize = 10;

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// Together with others.
    Shared,
    /// Alone.
    Exclusive,
}

/// Takes the lock if it is free, `None` when it is held. Freed when the file is dropped, even after
/// kill -9; children do not inherit it (close-on-exec).
pub fn try_lock(path: &Path, hold: LockMode) -> Result<Option<File>> {
    try_lock_file(path, hold).or_environment(format!("locking {}", path.display()))
}

/// The same, for who looks at the kind of the error: its directory may be gone.
pub fn try_lock_file(path: &Path, hold: LockMode) -> io::Result<Option<File>> {
    try_lock_of(File::options().create(true).truncate(false).write(true), path, hold)
}

/// The same, for who only looks: no file is made, where there is none that is an error.
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
            // Between opening and locking it was removed, perhaps with its directory: a lock on a
            // file that no one else can open keeps no one away.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether a path still names this very file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Takes the lock, waiting for whoever holds it, at most so many seconds.
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
