//! A run: its id, its lock, its ledger.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::file::{LedgerLine, Tail, Unknown};
use super::{OwnedResource, Scope, file};
use crate::cancel::Cancel;
use crate::dirs::{Dirs, private_dir, private_file, remove_below};
use crate::error::{Error, ErrorContext, Result};
use crate::locks::{LockMode, try_existing_lock, try_lock_file};
use crate::run_id::{RunId, RunLabel};
use crate::wait::{Progress, Source, Waiting, wait_unless};

/// How long to wait for a lock that another process may hold for an instant, to inspect the run.
const LOOKED_AT_SECONDS: u64 = 2;
/// Prefix of directories that become runs or are being removed; the id of the process follows. No
/// name of a run begins with it.
pub const HALF_MADE: &str = ".half-";

/// File name of a run's lock, in its directory.
pub const LOCK: &str = "lock";
/// File name of the value of a run's label, in its directory.
pub(super) const LABEL: &str = "label";
/// Directory, in the run of an environment's owner, of the runs that were handed over to it.
pub(super) const HANDED_OVER: &str = "handed-over";

/// The value of the label of the run in a directory; its id if there is no such file.
pub(super) fn label_of(dir: &Path) -> Result<RunLabel> {
    match std::fs::read_to_string(dir.join(LABEL)) {
        Ok(label) => label.parse(),
        Err(e) if e.kind() == ErrorKind::NotFound => id_of(dir).parse(),
        Err(e) => {
            Err(e).or_environment(format!("reading the label of the run of {}", dir.display()))
        }
    }
}

/// The id of the run in a directory.
pub(super) fn id_of(dir: &Path) -> String {
    dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A run, alive as long as this value exists: the kernel frees its lock even after kill -9.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    label: RunLabel,
    dir: PathBuf,
    ledger: Mutex<Ledger>,
    unknown: Option<Unknown>,
    // Keeps the lock, never read. `None` for a damaged directory without a lock file.
    _lock: Option<File>,
}

/// The content of the ledger, and the file to append to.
#[derive(Debug)]
struct Ledger {
    /// Opened for the first write: reading alone changes nothing.
    file: Option<File>,
    /// How the file ended when it was read.
    tail: Tail,
    owned: Vec<OwnedResource>,
}

impl Run {
    /// Begins a run with a random id of 8 hex digits.
    ///
    /// # Errors
    /// Environment: its directory could not be created.
    pub fn begin(dirs: &Dirs, scope: Scope) -> Result<Self> {
        loop {
            // A random id that is taken: one in four thousand million.
            let id = RunId::random();
            if let Some(run) = Self::create(dirs, scope, &id, RunLabel::from(id.clone()))? {
                return Ok(run);
            }
        }
    }

    /// Begins a run with a name that the user chose, or continues the existing one. Continuing
    /// changes nothing, not even the scope: [`Run::becomes`] does.
    ///
    /// # Errors
    /// Environment: another process holds it, its ledger is not understood, or it is damaged.
    pub async fn begin_as(dirs: &Dirs, scope: Scope, id: &RunId) -> Result<Self> {
        let waiting = Waiting::up_to(LOOKED_AT_SECONDS, format!("run {id}"));
        let cancel = Cancel::default();
        let begun = wait_unless(&cancel, waiting, Source::Backoff, async || {
            let run = match Self::create(dirs, scope, id, RunLabel::for_name(id)) {
                Ok(None) => Self::go_on(dirs, id),
                created => created,
            };
            match run {
                Ok(Some(run)) => Progress::Met(run),
                Ok(None) => Progress::NotYet("another process uses it".to_owned()),
                Err(error) => Progress::Never(error),
            }
        });
        begun.await.map_err(|error| match error.remedy {
            Some(_) => error,
            None => error.remedy("wait for it to end, or choose another name"),
        })
    }

    /// Creates the run's directory; `None` if there is one of that name. It appears with its lock
    /// held, so that no sweep takes an incomplete one for a dead run.
    fn create(dirs: &Dirs, scope: Scope, id: &RunId, label: RunLabel) -> Result<Option<Self>> {
        let what = || format!("making the directory of run {id}");
        let runs = dirs.runs();
        private_dir(&runs)?;
        let made = tempfile::Builder::new()
            .prefix(&format!("{HALF_MADE}{}-", std::process::id()))
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(&runs)
            .or_environment(what())?;
        let lock = try_lock_file(&made.path().join(LOCK), LockMode::Exclusive);
        let lock = lock.or_environment(what())?.ok_or_else(|| Error::internal(what()))?;
        private_file(&made.path().join(LABEL), label.as_bytes())?;
        let mut file = file::open(made.path(), Tail::Whole)?;
        file::append(&mut file, &LedgerLine::Version(file::VERSION))?;
        file::append(&mut file, &LedgerLine::Scope(scope))?;
        let dir = dirs.run(id);
        match std::fs::rename(made.path(), &dir) {
            Ok(()) => drop(made.keep()),
            Err(e)
                if [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists].contains(&e.kind()) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(Error::environment(what()).with_source(e)),
        }
        let ledger = Ledger { file: Some(file), tail: Tail::Whole, owned: Vec::new() };
        let (id, ledger) = (id.clone(), Mutex::new(ledger));
        Ok(Some(Run { id, label, dir, ledger, unknown: None, _lock: Some(lock) }))
    }

    /// Takes over an existing run; `None` if it is locked, or was just removed.
    fn go_on(dirs: &Dirs, id: &RunId) -> Result<Option<Self>> {
        let Some((run, _)) = Self::take(dirs.run(id))? else { return Ok(None) };
        match run.not_understood() {
            Some(error) => Err(error),
            None => Ok(Some(run)),
        }
    }

    /// Records the scope of the run's resources from now on.
    ///
    /// # Errors
    /// Environment: the ledger cannot be written.
    pub fn becomes(&self, scope: Scope) -> Result<()> {
        self.write(LedgerLine::Scope(scope), |_| {})
    }

    /// Takes over the run of a directory, with its recorded scope; `None` if it is locked, or was
    /// just removed. Reads only: nothing in the directory changes.
    pub fn take(dir: PathBuf) -> Result<Option<(Self, Option<Scope>)>> {
        let lock = match try_existing_lock(&dir.join(LOCK), LockMode::Exclusive) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Ok(None),
            // The run ended and removed its directory.
            Err(e) if e.kind() == ErrorKind::NotFound && !dir.exists() => return Ok(None),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => {
                let what = format!("locking the run of {}", dir.display());
                return Err(Error::environment(what).with_source(e));
            }
        };
        let content = file::read(&dir)?;
        let (id, label) = (id_of(&dir).parse()?, label_of(&dir)?);
        let ledger = Ledger { file: None, tail: content.tail, owned: content.owned };
        let damaged = lock.is_none().then_some(Unknown::Missing(LOCK));
        let unknown = content.unknown.or(damaged);
        let run = Run { id, label, dir, ledger: Mutex::new(ledger), unknown, _lock: lock };
        Ok(Some((run, content.scope)))
    }

    /// The run id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The value of the label of its Docker objects and of its processes: the id. A run of another
    /// state directory may have the same name, so a random part follows a name that a user chose.
    pub fn label(&self) -> &RunLabel {
        &self.label
    }

    /// Its private directory (0700): kubeconfigs, tokens, properties, sockets.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Why its resources are not known, if they are not.
    pub fn not_understood(&self) -> Option<Error> {
        self.unknown.as_ref().map(|unknown| unknown.error(&self.dir))
    }

    fn write(&self, line: LedgerLine, change: impl FnOnce(&mut Vec<OwnedResource>)) -> Result<()> {
        if let Some(error) = self.not_understood() {
            return Err(error);
        }
        let mut ledger =
            self.ledger.lock().map_err(|_| Error::internal("the ledger is poisoned"))?;
        let Ledger { file, tail, owned } = &mut *ledger;
        let file = match file {
            Some(file) => file,
            none => none.insert(file::open(&self.dir, *tail)?),
        };
        file::append(file, &line)?;
        change(owned);
        Ok(())
    }

    /// Records, on disk, a resource that is about to be created.
    pub fn record(&self, owned: OwnedResource) -> Result<()> {
        self.write(LedgerLine::Own(owned.clone()), |all| all.push(owned))
    }

    /// Records that a resource is gone.
    pub fn released(&self, owned: &OwnedResource) -> Result<()> {
        self.write(LedgerLine::GaveBack(owned.clone()), |all| all.retain(|other| other != owned))
    }

    /// Forgets the resources: another run has the ledger.
    pub(super) fn forget(&self) {
        if let Ok(mut ledger) = self.ledger.lock() {
            ledger.owned.clear();
        }
    }

    /// Resources that are not removed yet, oldest first.
    pub fn owned(&self) -> Vec<OwnedResource> {
        self.ledger.lock().map(|ledger| ledger.owned.clone()).unwrap_or_default()
    }

    /// Accepts no more runs of other processes.
    ///
    /// # Errors
    /// Environment: one that was handed over has not ended.
    fn accept_no_more(&self) -> Result<()> {
        let dir = self.dir.join(HANDED_OVER);
        let what = || format!("removing {}", dir.display());
        // Those of a process that was killed while it ended them are half removed.
        for entry in std::fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.or_environment(what())?.path();
            if id_of(&path).starts_with(HALF_MADE) {
                remove_below(&dir, &path)?;
            }
        }
        // Fails if one is in it, even if that came just now. A later one finds no directory.
        match std::fs::remove_dir(&dir) {
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => {
                Err(Error::environment("a run that was handed over has not ended")
                    .remedy("run `sparkproof sweep`"))
            }
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(Error::environment(what()).with_source(e))
            }
            _ => Ok(()),
        }
    }

    /// Ends the run: removes its directory if all its resources are removed.
    ///
    /// # Errors
    /// Environment: resources are left for `sweep`, or not known; the directory stays.
    pub fn end(&self) -> Result<()> {
        if let Some(error) = self.not_understood() {
            return Err(error);
        }
        let left = self.owned();
        if left.is_empty() {
            self.accept_no_more()?;
            let runs = self
                .dir
                .parent()
                .ok_or_else(|| Error::internal("a run without a parent directory"))?;
            let half = runs.join(format!("{HALF_MADE}{}-{}", std::process::id(), self.id));
            // Renamed first, so that no other process sees a part of it.
            match std::fs::rename(&self.dir, &half) {
                Ok(()) => {}
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
                Err(e) => return Err(Error::environment("removing the run's state").with_source(e)),
            }
            return remove_below(runs, &half);
        }
        let names = left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Error::environment(format!("not removed: {names}")).remedy("run `sparkproof sweep`"))
    }
}

#[cfg(test)]
mod tests;
