//! A run: its id, its lock, its ledger.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::file::{Line, Tail, Unknown};
use super::{OwnedResource, Scope, file};
use crate::cancel::Cancel;
use crate::dirs::{Dirs, private_dir, private_file, remove_below};
use crate::error::{Error, ErrorContext, Result};
use crate::locks::{LockMode, try_existing_lock, try_lock_file};
use crate::run_id::{RunId, RunLabel};
use crate::wait::{Progress, Source, Waiting, wait_unless};

/// How long who only looks at a run, which takes an instant, may keep us from its lock.
const LOOKED_AT_SECONDS: u64 = 2;
/// What the names of directories begin with that are not runs yet, or no more, and the process that
/// is at it. No name of a run begins so.
pub const HALF_MADE: &str = ".half-";

/// The lock of a run, in its directory.
pub const LOCK: &str = "lock";
/// The value of a run's label, in its directory.
const LABEL: &str = "label";

/// The value of the label of the run in a directory: without a file its id.
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

/// A run that is alive as long as this value: the kernel frees its lock even after kill -9.
#[derive(Debug)]
pub struct Run {
    id: RunId,
    label: RunLabel,
    dir: PathBuf,
    ledger: Mutex<Ledger>,
    unknown: Option<Unknown>,
    // Held, never read: the lock is what matters. None of a damaged directory that has none.
    _lock: Option<File>,
}

/// What stands in the ledger, and where the next line goes.
#[derive(Debug)]
struct Ledger {
    /// Opened by the first line: who only looks changes nothing.
    file: Option<File>,
    /// How it ended when it was read.
    tail: Tail,
    owned: Vec<OwnedResource>,
}

impl Run {
    /// Begins a run with a random id of 8 hex digits.
    ///
    /// # Errors
    /// Environment: its directory could not be made.
    pub fn begin(dirs: &Dirs, scope: Scope) -> Result<Self> {
        loop {
            // Taken once in four thousand million times.
            let id = RunId::random();
            if let Some(run) = Self::create(dirs, scope, &id, RunLabel::from(id.clone()))? {
                return Ok(run);
            }
        }
    }

    /// Begins a run with an id of the caller's, or goes on with the one of that id: names of the
    /// user's choice. Of one that it goes on with nothing is changed, not even its scope: that is
    /// [`Run::becomes`]'s.
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
                Ok(None) => Progress::NotYet("it is held by another process".to_owned()),
                Err(error) => Progress::Never(error),
            }
        });
        begun.await.map_err(|error| match error.remedy {
            Some(_) => error,
            None => error.remedy("wait for it to end, or choose another name"),
        })
    }

    /// Makes the run's directory; `None` when there is one of that name. It appears with its lock
    /// held: who looks at runs at the same moment cannot take a half-made one for a dead one.
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
        file::append(&mut file, &Line::Version(file::VERSION))?;
        file::append(&mut file, &Line::Scope(scope))?;
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

    /// Takes over a run that is there; `None` when it is held, or just went.
    fn go_on(dirs: &Dirs, id: &RunId) -> Result<Option<Self>> {
        let Some((run, _)) = Self::take(dirs.run(id))? else { return Ok(None) };
        match run.not_understood() {
            Some(error) => Err(error),
            None => Ok(Some(run)),
        }
    }

    /// Writes down how long what it owns may live from now on.
    ///
    /// # Errors
    /// Environment: the ledger cannot be written.
    pub fn becomes(&self, scope: Scope) -> Result<()> {
        self.write(Line::Scope(scope), |_| {})
    }

    /// Takes over the run of a directory, with its scope as written; `None` when it is held, or
    /// just went. Only reads: nothing in the directory changes.
    pub fn take(dir: PathBuf) -> Result<Option<(Self, Option<Scope>)>> {
        let lock = match try_existing_lock(&dir.join(LOCK), LockMode::Exclusive) {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => return Ok(None),
            // The run ended and took its directory along.
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

    /// The value of the label of its objects in Docker and of its processes. A name that a user chose may
    /// be that of a run of another state directory, too: there it has something random after it.
    pub fn label(&self) -> &RunLabel {
        &self.label
    }

    /// Its private directory (0700): kubeconfigs, tokens, properties, sockets.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Why what it owns is not known, when that is so.
    pub fn not_understood(&self) -> Option<Error> {
        self.unknown.as_ref().map(|unknown| unknown.error(&self.dir))
    }

    fn write(&self, line: Line, change: impl FnOnce(&mut Vec<OwnedResource>)) -> Result<()> {
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

    /// Writes down, on disk, what is about to be created.
    pub fn record(&self, owned: OwnedResource) -> Result<()> {
        self.write(Line::Own(owned.clone()), |all| all.push(owned))
    }

    /// Writes down that it is gone.
    pub fn released(&self, owned: &OwnedResource) -> Result<()> {
        self.write(Line::GaveBack(owned.clone()), |all| all.retain(|other| other != owned))
    }

    /// What is not removed yet, oldest first.
    pub fn owned(&self) -> Vec<OwnedResource> {
        self.ledger.lock().map(|ledger| ledger.owned.clone()).unwrap_or_default()
    }

    /// Ends the run: its directory goes when nothing is owned any more.
    ///
    /// # Errors
    /// Environment: names what is left for `sweep`, or why that is not known; the directory stays.
    pub fn end(&self) -> Result<()> {
        if let Some(error) = self.not_understood() {
            return Err(error);
        }
        let left = self.owned();
        if left.is_empty() {
            let runs = self.dir.parent().ok_or_else(|| Error::internal("a run without a place"))?;
            let half = runs.join(format!("{HALF_MADE}{}-{}", std::process::id(), self.id));
            // It goes as it came: who looks at runs sees all of it or nothing.
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
