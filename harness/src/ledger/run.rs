//! A run: its id, its lock, its ledger.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::Owned;
use super::file::{self, Line, Unknown};
use crate::context::Cancel;
use crate::dirs::{Dirs, private_dir, remove_below};
use crate::engine::locks::{Hold, try_lock_file};
use crate::error::{Error, OrFail, Result};
use crate::name::Name;
use crate::observe::{Progress, Source, Waiting, wait_unless};

/// How long who only looks at a run, which takes an instant, may keep us from its lock.
const LOOKED_AT_SECONDS: u64 = 2;
/// What the names of directories begin with that are not runs yet, or no more, and the process that
/// is at it. No name of a run begins so.
pub(super) const HALF_MADE: &str = ".half-";

/// How long what a run owns may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// As long as the run holds its lock.
    Run,
    /// Until the user says so (`down`).
    User,
}

/// A run that is alive as long as this value: the kernel frees its lock even after kill -9.
#[derive(Debug)]
pub struct Run {
    id: String,
    dir: PathBuf,
    ledger: Mutex<(File, Vec<Owned>)>,
    unknown: Option<Unknown>,
    // Held, never read: the lock is what matters.
    _lock: File,
}

impl Run {
    /// Begins a run with a random id of 8 hex digits.
    ///
    /// # Errors
    /// Environment: its directory could not be made.
    pub fn begin(dirs: &Dirs, scope: Scope) -> Result<Self> {
        loop {
            // Taken once in four thousand million times.
            if let Some(run) = Self::create(dirs, scope, &Name::random())? {
                return Ok(run);
            }
        }
    }

    /// Begins a run with an id of the caller's, or goes on with the one of that id: names of the
    /// user's choice.
    ///
    /// # Errors
    /// Environment: another process holds it, or its ledger is not understood.
    pub async fn begin_as(dirs: &Dirs, scope: Scope, name: &Name) -> Result<Self> {
        let waiting = Waiting::up_to(LOOKED_AT_SECONDS, format!("run {name}"));
        let cancel = Cancel::default();
        let begun = wait_unless(&cancel, waiting, Source::Backoff, async || {
            let run = match Self::create(dirs, scope, name) {
                Ok(None) => Self::go_on(dirs, scope, name),
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
    fn create(dirs: &Dirs, scope: Scope, name: &Name) -> Result<Option<Self>> {
        let what = || format!("making the directory of run {name}");
        let runs = dirs.runs();
        private_dir(&runs)?;
        let made = tempfile::Builder::new()
            .prefix(&format!("{HALF_MADE}{}-", std::process::id()))
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(&runs)
            .or_environment(what())?;
        let lock = lock(made.path()).or_environment(what())?;
        let lock = lock.ok_or_else(|| Error::internal(what()))?;
        let mut ledger = file::open(made.path(), &file::Content::default())?;
        file::append(&mut ledger, &Line::Version(file::VERSION))?;
        file::append(&mut ledger, &Line::Scope(scope))?;
        let dir = dirs.run(name);
        match std::fs::rename(made.path(), &dir) {
            Ok(()) => drop(made.keep()),
            Err(e)
                if [ErrorKind::DirectoryNotEmpty, ErrorKind::AlreadyExists].contains(&e.kind()) =>
            {
                return Ok(None);
            }
            Err(e) => return Err(Error::environment(what()).because(e)),
        }
        let (id, ledger) = (name.as_str().to_owned(), Mutex::new((ledger, Vec::new())));
        Ok(Some(Run { id, dir, ledger, unknown: None, _lock: lock }))
    }

    /// Takes over a run that is there; `None` when it is held, or just went.
    fn go_on(dirs: &Dirs, scope: Scope, name: &Name) -> Result<Option<Self>> {
        let Some((run, _)) = Self::take(dirs.run(name))? else { return Ok(None) };
        if let Some(unknown) = &run.unknown {
            return Err(unknown.error(&run.dir));
        }
        run.write(Line::Scope(scope), |_| {})?;
        Ok(Some(run))
    }

    /// Takes over the run of a directory, with its scope as written; `None` when it is held, or
    /// just went.
    pub(super) fn take(dir: PathBuf) -> Result<Option<(Self, Option<Scope>)>> {
        let lock = match lock(&dir) {
            Ok(Some(lock)) => lock,
            Ok(None) => return Ok(None),
            // The run ended and took its directory along.
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => {
                let what = format!("locking the run of {}", dir.display());
                return Err(Error::environment(what).because(e));
            }
        };
        let content = file::read(&dir)?;
        let ledger = file::open(&dir, &content)?;
        let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let ledger = Mutex::new((ledger, content.owned));
        let run = Run { id, dir, ledger, unknown: content.unknown, _lock: lock };
        Ok(Some((run, content.scope)))
    }

    /// The run id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its private directory (0700): kubeconfigs, tokens, properties, sockets.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Why what it owns is not known, when that is so.
    pub(super) fn not_understood(&self) -> Option<Error> {
        self.unknown.as_ref().map(|unknown| unknown.error(&self.dir))
    }

    fn write(&self, line: Line, change: impl FnOnce(&mut Vec<Owned>)) -> Result<()> {
        let mut ledger =
            self.ledger.lock().map_err(|_| Error::internal("the ledger is poisoned"))?;
        file::append(&mut ledger.0, &line)?;
        change(&mut ledger.1);
        Ok(())
    }

    /// Writes down, on disk, what is about to be created.
    pub fn own(&self, owned: Owned) -> Result<()> {
        self.write(Line::Own(owned.clone()), |all| all.push(owned))
    }

    /// Writes down that it is gone.
    pub fn gave_back(&self, owned: &Owned) -> Result<()> {
        self.write(Line::GaveBack(owned.clone()), |all| all.retain(|other| other != owned))
    }

    /// What is not given back yet, oldest first.
    pub fn owned(&self) -> Vec<Owned> {
        self.ledger.lock().map(|l| l.1.clone()).unwrap_or_default()
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
                Err(e) => return Err(Error::environment("removing the run's state").because(e)),
            }
            return remove_below(runs, &half);
        }
        let names = left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Error::environment(format!("not given back: {names}")).remedy("run `sparkproof sweep`"))
    }
}

/// The lock of a run's directory; `None` when somebody holds it.
fn lock(dir: &Path) -> std::io::Result<Option<File>> {
    try_lock_file(&dir.join("lock"), Hold::Exclusive)
}

/// A context in a temporary directory, for unit tests.
#[cfg(test)]
pub(crate) fn test_context() -> (crate::Context, tempfile::TempDir) {
    use crate::events::{Recorder, Secrets, Silent};
    let keep = tempfile::tempdir().expect("temporary directory");
    let dirs = Dirs::at(keep.path().join("state"), keep.path().join("cache")).expect("directories");
    let recorder = Recorder::open(&keep.path().join("run"), Secrets::default(), Box::new(Silent));
    let context = crate::Context {
        run: std::sync::Arc::new(Run::begin(&dirs, Scope::Run).expect("run")),
        dirs,
        recorder: recorder.expect("recorder"),
        cancel: crate::context::Cancel::default(),
        installs: crate::context::Installs::default(),
    };
    (context, keep)
}

#[cfg(test)]
mod tests;
