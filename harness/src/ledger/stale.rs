//! Runs of this machine as others see them: dead ones, live ones, and what a user keeps.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::file::{self, Content};
use super::run::HALF_MADE;
use super::{Owned, Run, Scope};
use crate::dirs::{Dirs, remove_below};
use crate::engine::locks::{Hold, try_lock_file};
use crate::error::{Error, OrFail, Result};

/// A run directory whose lock was free; ours now, until dropped.
#[derive(Debug)]
pub struct StaleRun {
    /// The run, locked by us.
    pub run: Run,
    /// Its scope.
    pub scope: Scope,
}

impl StaleRun {
    /// Every run on this machine that no process holds.
    ///
    /// # Errors
    /// Environment: the state directory, or a ledger in it, cannot be read.
    pub fn find(dirs: &Dirs) -> Result<Vec<StaleRun>> {
        let taken = run_dirs(dirs)?.into_iter().filter_map(|dir| Run::take(dir).transpose());
        let stale = taken.map(|taken| {
            let (run, scope) = taken?;
            Ok(StaleRun { run, scope: scope.unwrap_or(Scope::Run) })
        });
        stale.collect()
    }

    /// Ids of runs that a process holds now.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn live(dirs: &Dirs) -> Result<Vec<String>> {
        let mut live = Vec::new();
        for dir in run_dirs(dirs)? {
            if is_held(&dir)? {
                live.push(id_of(&dir));
            }
        }
        Ok(live)
    }

    /// Removes what processes that were killed while they began a run left of it; their names.
    ///
    /// # Errors
    /// Environment: it cannot be looked at or removed.
    pub fn remove_half_made(dirs: &Dirs) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        for dir in entries(&dirs.runs())? {
            let id = id_of(&dir);
            let Some(rest) = id.strip_prefix(HALF_MADE) else { continue };
            let maker = rest.split('-').next().unwrap_or_default();
            if !Path::new("/proc").join(maker).exists() && !is_held(&dir)? {
                remove_below(&dirs.runs(), &dir)?;
                removed.push(id);
            }
        }
        Ok(removed)
    }
}

/// A run that no process holds, as it was when it was looked at: its lock is free again.
#[derive(Debug)]
pub struct IdleRun {
    /// Its id.
    pub id: String,
    /// Its private directory.
    pub dir: PathBuf,
    /// Its scope.
    pub scope: Scope,
}

impl IdleRun {
    /// All of them, by id.
    ///
    /// # Errors
    /// Environment: the state directory, or a ledger in it, cannot be read.
    pub fn all(dirs: &Dirs) -> Result<Vec<IdleRun>> {
        let mut idle = Vec::new();
        for dir in run_dirs(dirs)? {
            if !is_held(&dir)? {
                let scope = file::read(&dir)?.scope.unwrap_or(Scope::Run);
                idle.push(IdleRun { id: id_of(&dir), dir, scope });
            }
        }
        Ok(idle)
    }
}

/// What the run of a directory owns, alive or not.
///
/// # Errors
/// Environment: its ledger cannot be read, or is not understood.
pub(super) fn owned_by(dir: &Path) -> Result<Vec<Owned>> {
    let Content { owned, unknown, .. } = file::read(dir)?;
    match unknown {
        None => Ok(owned),
        Some(unknown) => Err(unknown.error(dir)),
    }
}

/// Whether something of scope user is so, whether its run is held or not. Of a run whose ledger is
/// not understood everything may be so.
///
/// # Errors
/// Environment: a ledger cannot be read.
pub(crate) fn any_of_user(dirs: &Dirs, mut is_so: impl FnMut(&Owned) -> bool) -> Result<bool> {
    for dir in run_dirs(dirs)? {
        let Content { scope, owned, unknown, .. } = file::read(&dir)?;
        if unknown.is_some() || (scope == Some(Scope::User) && owned.iter().any(&mut is_so)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a process holds the run of a directory. Who looks shares the lock for an instant, so that
/// several who look do not take each other for its holder.
fn is_held(dir: &Path) -> Result<bool> {
    match try_lock_file(&dir.join("lock"), Hold::Shared) {
        Ok(lock) => Ok(lock.is_none()),
        // It ended between the listing and the look.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::environment(format!("looking at {}", dir.display())).because(e)),
    }
}

fn id_of(dir: &Path) -> String {
    dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Directories of runs, by id.
fn run_dirs(dirs: &Dirs) -> Result<Vec<PathBuf>> {
    let mut all = entries(&dirs.runs())?;
    all.retain(|dir| !id_of(dir).starts_with('.'));
    Ok(all)
}

/// Directories in a directory, by name; a symbolic link is none.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let what = "looking for runs";
    let listed = match fs_err::read_dir(dir) {
        Ok(listed) => listed,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::environment(what).because(e)),
    };
    let mut all = Vec::new();
    for entry in listed {
        let entry = entry.or_environment(what)?;
        if entry.file_type().or_environment(what)?.is_dir() {
            all.push(entry.path());
        }
    }
    all.sort();
    Ok(all)
}
