//! The runs of this machine, as other processes see them: dead runs, live runs, and clusters of
//! `up`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::file::LedgerContent;
use super::run::{HALF_MADE, LOCK, id_of, label_of};
use super::{OwnedResource, Run, Scope, file};
use crate::dirs::{Dirs, remove_below};
use crate::error::{Error, ErrorContext, Result};
use crate::locks::{LockMode, try_existing_lock};
use crate::run_id::{RunId, RunLabel};

/// A run whose lock was free; this process holds the lock until the value is dropped.
#[derive(Debug)]
pub struct StaleRun {
    /// The run, locked.
    pub run: Run,
    /// Its scope; `None` if its ledger has none.
    pub scope: Option<Scope>,
}

/// The result of reading the directories of runs.
#[derive(Debug)]
pub struct RunListing<T> {
    /// The runs that were found.
    pub found: Vec<T>,
    /// Directories that could not be read, with the reason.
    pub failed: Vec<String>,
}

impl<T> RunListing<T> {
    /// Reads each directory; an error in one does not affect the others.
    pub(super) fn at(dirs: Vec<PathBuf>, look: impl Fn(&Path) -> Result<Option<T>>) -> Self {
        let mut all = RunListing { found: Vec::new(), failed: Vec::new() };
        for dir in dirs {
            match look(&dir) {
                Ok(found) => all.found.extend(found),
                Err(error) => all.failed.push(format!("{}: {}", id_of(&dir), error.summary())),
            }
        }
        all
    }
}

impl StaleRun {
    /// Every run on this machine that no process holds. Changes nothing.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn find(dirs: &Dirs) -> Result<RunListing<StaleRun>> {
        Ok(RunListing::at(run_dirs(dirs)?, |dir| {
            let taken = Run::take(dir.to_owned())?;
            Ok(taken.map(|(run, scope)| StaleRun { run, scope }))
        }))
    }

    /// Labels of runs that are alive; one that cannot be read counts as alive.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn live(dirs: &Dirs) -> Result<Vec<RunLabel>> {
        let held = run_dirs(dirs)?.into_iter().filter(|dir| is_held(dir).unwrap_or(true));
        Ok(held
            .filter_map(|dir| label_of(&dir).ok().or_else(|| id_of(&dir).parse().ok()))
            .collect())
    }

    /// Removes directories of runs that were killed during their start; returns the names.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn remove_half_made(dirs: &Dirs) -> Result<RunListing<String>> {
        let runs = dirs.runs();
        Ok(RunListing::at(entries(&runs)?, |dir| {
            let id = id_of(dir);
            let Some(rest) = id.strip_prefix(HALF_MADE) else { return Ok(None) };
            let maker = rest.split('-').next().unwrap_or_default();
            if Path::new("/proc").join(maker).exists() || is_held(dir)? {
                return Ok(None);
            }
            remove_below(&runs, dir)?;
            Ok(Some(id))
        }))
    }

    /// Directories among the runs whose names no run can have: sparkproof did not create them.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn of_others(dirs: &Dirs) -> Result<Vec<PathBuf>> {
        let mut all = entries(&dirs.runs())?;
        all.retain(|dir| {
            !id_of(dir).starts_with(HALF_MADE) && id_of(dir).parse::<RunId>().is_err()
        });
        Ok(all)
    }
}

/// A run that no process holds, as it was when it was read; it is not locked.
#[derive(Debug)]
pub struct IdleRun {
    /// Its id.
    pub id: RunId,
    /// Its private directory.
    pub dir: PathBuf,
    /// Its scope.
    pub scope: Scope,
}

impl IdleRun {
    /// All such runs, by id. A run whose ledger has no scope counts as unreadable.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn all(dirs: &Dirs) -> Result<RunListing<IdleRun>> {
        Ok(RunListing::at(run_dirs(dirs)?, |dir| {
            if is_held(dir)? {
                return Ok(None);
            }
            match file::read(dir)? {
                LedgerContent { scope: Some(scope), .. } => {
                    Ok(Some(IdleRun { id: id_of(dir).parse()?, dir: dir.to_owned(), scope }))
                }
                LedgerContent { unknown: Some(unknown), .. } => Err(unknown.error(dir)),
                // The run ended meanwhile.
                LedgerContent { .. } => Ok(None),
            }
        }))
    }
}

/// The resources of the run in a directory, alive or not.
///
/// # Errors
/// Environment: its ledger cannot be read, or is not understood.
pub fn owned_by(dir: &Path) -> Result<Vec<OwnedResource>> {
    let LedgerContent { owned, unknown, .. } = file::read(dir)?;
    match unknown {
        None => Ok(owned),
        Some(unknown) => Err(unknown.error(dir)),
    }
}

/// Whether any resource of a run of scope user matches, alive or not. A run whose ledger cannot be
/// read or is not understood counts as a match.
///
/// # Errors
/// Environment: the state directory cannot be read.
pub fn any_of_user(dirs: &Dirs, mut is_so: impl FnMut(&OwnedResource) -> bool) -> Result<bool> {
    for dir in run_dirs(dirs)? {
        let Ok(LedgerContent { scope, owned, unknown, .. }) = file::read(&dir) else {
            return Ok(true);
        };
        if unknown.is_some() || (scope == Some(Scope::User) && owned.iter().any(&mut is_so)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a process holds the run of a directory. Takes the lock shared for an instant, so that
/// concurrent callers do not take each other for its holder.
pub(super) fn is_held(dir: &Path) -> Result<bool> {
    match try_existing_lock(&dir.join(LOCK), LockMode::Shared) {
        Ok(lock) => Ok(lock.is_none()),
        // The run ended after the listing, or the directory never was a run.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => {
            Err(Error::environment(format!("reading the run {}", dir.display())).with_source(e))
        }
    }
}

/// Directories of runs, by id.
fn run_dirs(dirs: &Dirs) -> Result<Vec<PathBuf>> {
    let mut all = entries(&dirs.runs())?;
    all.retain(|dir| id_of(dir).parse::<RunId>().is_ok());
    Ok(all)
}

/// Directories in a directory, by name, without symbolic links.
pub(super) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let what = "listing the runs";
    let listed = match fs_err::read_dir(dir) {
        Ok(listed) => listed,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::environment(what).with_source(e)),
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
