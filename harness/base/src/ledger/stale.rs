//! Runs of this machine as others see them: dead ones, live ones, and what a user keeps.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::file::Content;
use super::run::{HALF_MADE, LOCK, id_of, label_of};
use super::{OwnedResource, Run, Scope, file};
use crate::dirs::{Dirs, remove_below};
use crate::error::{Error, ErrorContext, Result};
use crate::locks::{LockMode, try_existing_lock};
use crate::run_id::{RunId, RunLabel};

/// A run directory whose lock was free; ours now, until dropped.
#[derive(Debug)]
pub struct StaleRun {
    /// The run, locked by us.
    pub run: Run,
    /// Its scope; `None` when its ledger says none.
    pub scope: Option<Scope>,
}

/// What a look at the directories of runs found.
#[derive(Debug)]
pub struct Looked<T> {
    /// What was looked for.
    pub found: Vec<T>,
    /// Directories that could not be looked at, with the reason.
    pub failed: Vec<String>,
}

impl<T> Looked<T> {
    /// Looks at each directory; one that cannot be looked at does not keep from the others.
    fn at(dirs: Vec<PathBuf>, look: impl Fn(&Path) -> Result<Option<T>>) -> Self {
        let mut all = Looked { found: Vec::new(), failed: Vec::new() };
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
    pub fn find(dirs: &Dirs) -> Result<Looked<StaleRun>> {
        Ok(Looked::at(run_dirs(dirs)?, |dir| {
            let taken = Run::take(dir.to_owned())?;
            Ok(taken.map(|(run, scope)| StaleRun { run, scope }))
        }))
    }

    /// Labels of runs that a process holds now; one that cannot be looked at may be held.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn live(dirs: &Dirs) -> Result<Vec<RunLabel>> {
        let held = run_dirs(dirs)?.into_iter().filter(|dir| is_held(dir).unwrap_or(true));
        Ok(held
            .filter_map(|dir| label_of(&dir).ok().or_else(|| id_of(&dir).parse().ok()))
            .collect())
    }

    /// Removes what processes that were killed while they began a run left of it; their names.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn remove_half_made(dirs: &Dirs) -> Result<Looked<String>> {
        let runs = dirs.runs();
        Ok(Looked::at(entries(&runs)?, |dir| {
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

    /// Directories among the runs whose names no run can have: somebody else's.
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

/// A run that no process holds, as it was when it was looked at: its lock is free again.
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
    /// All of them, by id. One whose ledger says no scope could not be looked at.
    ///
    /// # Errors
    /// Environment: the state directory cannot be read.
    pub fn all(dirs: &Dirs) -> Result<Looked<IdleRun>> {
        Ok(Looked::at(run_dirs(dirs)?, |dir| {
            if is_held(dir)? {
                return Ok(None);
            }
            match file::read(dir)? {
                Content { scope: Some(scope), .. } => {
                    Ok(Some(IdleRun { id: id_of(dir).parse()?, dir: dir.to_owned(), scope }))
                }
                Content { unknown: Some(unknown), .. } => Err(unknown.error(dir)),
                // It ended between the two looks.
                Content { .. } => Ok(None),
            }
        }))
    }
}

/// What the run of a directory owns, alive or not.
///
/// # Errors
/// Environment: its ledger cannot be read, or is not understood.
pub fn owned_by(dir: &Path) -> Result<Vec<OwnedResource>> {
    let Content { owned, unknown, .. } = file::read(dir)?;
    match unknown {
        None => Ok(owned),
        Some(unknown) => Err(unknown.error(dir)),
    }
}

/// Whether something of scope user is so, whether its run is held or not. Of a run whose ledger
/// cannot be read, or is not understood, everything may be so.
///
/// # Errors
/// Environment: the state directory cannot be read.
pub fn any_of_user(dirs: &Dirs, mut is_so: impl FnMut(&OwnedResource) -> bool) -> Result<bool> {
    for dir in run_dirs(dirs)? {
        let Ok(Content { scope, owned, unknown, .. }) = file::read(&dir) else { return Ok(true) };
        if unknown.is_some() || (scope == Some(Scope::User) && owned.iter().any(&mut is_so)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a process holds the run of a directory. Who looks shares the lock for an instant, so that
/// several who look do not take each other for its holder.
fn is_held(dir: &Path) -> Result<bool> {
    match try_existing_lock(&dir.join(LOCK), LockMode::Shared) {
        Ok(lock) => Ok(lock.is_none()),
        // It ended between the listing and the look, or never was a run.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::environment(format!("looking at {}", dir.display())).with_source(e)),
    }
}

/// Directories of runs, by id.
fn run_dirs(dirs: &Dirs) -> Result<Vec<PathBuf>> {
    let mut all = entries(&dirs.runs())?;
    all.retain(|dir| id_of(dir).parse::<RunId>().is_ok());
    Ok(all)
}

/// Directories in a directory, by name; a symbolic link is none.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let what = "looking for runs";
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
