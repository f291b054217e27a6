//! A run: its id, its lock, its ledger.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::Owned;
use crate::dirs::{Dirs, private_dir};
use crate::error::{Error, OrFail, Result};

/// How long what a run owns may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// As long as the run holds its lock.
    Run,
    /// Until the user says so (`down`).
    User,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Scope(Scope),
    Own(Owned),
    GaveBack(Owned),
}

/// A run of ours, alive as long as this value: the kernel frees its lock even after kill -9.
#[derive(Debug)]
pub struct Run {
    id: String,
    dir: PathBuf,
    ledger: Mutex<(File, Vec<Owned>)>,
    // Held, never read: the lock is what matters.
    _lock: File,
}

impl Run {
    /// Begins a run with a random id of 8 hex digits.
    pub fn begin(dirs: &Dirs, scope: Scope) -> Result<Self> {
        let id = format!("{:08x}", rand::random::<u32>());
        Self::begin_as(dirs, scope, &id)
    }

    /// Begins a run with an id of the caller's: cluster names of the user's choice.
    pub fn begin_as(dirs: &Dirs, scope: Scope, id: &str) -> Result<Self> {
        let dir = dirs.runs().join(id);
        private_dir(&dir)?;
        let lock = lock(&dir)?.ok_or_else(|| {
            Error::environment(format!("run {id} is held by another process"))
                .remedy("wait for it to end, or choose another name")
        })?;
        let owned = read(&dir)?.1;
        let mut ledger = File::options()
            .create(true)
            .append(true)
            .open(dir.join("ledger.jsonl"))
            .or_environment("opening the ledger")?;
        append(&mut ledger, &Line::Scope(scope))?;
        Ok(Run { id: id.to_owned(), dir, ledger: Mutex::new((ledger, owned)), _lock: lock })
    }

    /// The run id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its private directory (0700): kubeconfigs, tokens, properties, sockets.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes down, on disk, what is about to be created.
    pub fn own(&self, owned: Owned) -> Result<()> {
        let mut ledger =
            self.ledger.lock().map_err(|_| Error::internal("the ledger is poisoned"))?;
        append(&mut ledger.0, &Line::Own(owned.clone()))?;
        ledger.1.push(owned);
        Ok(())
    }

    /// Writes down that it is gone.
    pub fn gave_back(&self, owned: &Owned) -> Result<()> {
        let mut ledger =
            self.ledger.lock().map_err(|_| Error::internal("the ledger is poisoned"))?;
        append(&mut ledger.0, &Line::GaveBack(owned.clone()))?;
        ledger.1.retain(|o| o != owned);
        Ok(())
    }

    /// What is not given back yet, oldest first.
    pub fn owned(&self) -> Vec<Owned> {
        self.ledger.lock().map(|l| l.1.clone()).unwrap_or_default()
    }

    /// Ends the run: its directory goes when nothing is owned any more. Else an error names what
    /// is left for `sweep`.
    pub fn end(&self) -> Result<()> {
        let left = self.owned();
        if left.is_empty() {
            return fs_err::remove_dir_all(&self.dir).or_environment("removing the run's state");
        }
        let names = left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Err(Error::environment(format!("not given back: {names}")).remedy("run `sparkproof sweep`"))
    }
}

/// A run directory whose lock was free; ours now, until dropped.
#[derive(Debug)]
pub struct StaleRun {
    /// The run, locked by us.
    pub run: Run,
    /// Its scope.
    pub scope: Scope,
}

impl StaleRun {
    /// Every run on this machine that nobody holds.
    pub fn find(dirs: &Dirs) -> Result<Vec<StaleRun>> {
        let Ok(entries) = fs_err::read_dir(dirs.runs()) else { return Ok(Vec::new()) };
        let mut stale = Vec::new();
        for dir in entries.filter_map(|e| e.ok()).map(|e| e.path()).filter(|p| p.is_dir()) {
            let Some(lock) = lock(&dir)? else { continue };
            // A run that ended between the listing and the lock took its directory with it.
            if !dir.join("lock").exists() {
                continue;
            }
            let (scope, owned) = read(&dir)?;
            let ledger = File::options()
                .create(true)
                .append(true)
                .open(dir.join("ledger.jsonl"))
                .or_environment("opening the ledger")?;
            let id = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let run = Run { id, dir, ledger: Mutex::new((ledger, owned)), _lock: lock };
            stale.push(StaleRun { run, scope: scope.unwrap_or(Scope::Run) });
        }
        stale.sort_by(|a, b| a.run.id.cmp(&b.run.id));
        Ok(stale)
    }

    /// Ids of runs that somebody holds now.
    pub fn live(dirs: &Dirs) -> Result<Vec<String>> {
        let Ok(entries) = fs_err::read_dir(dirs.runs()) else { return Ok(Vec::new()) };
        let mut live = Vec::new();
        for dir in entries.filter_map(|e| e.ok()).map(|e| e.path()).filter(|p| p.is_dir()) {
            if lock(&dir)?.is_none() {
                live.extend(dir.file_name().map(|n| n.to_string_lossy().into_owned()));
            }
        }
        Ok(live)
    }
}

/// What a run, alive or not, owns.
pub(super) fn owned_by(dirs: &Dirs, id: &str) -> Result<Vec<Owned>> {
    Ok(read(&dirs.runs().join(id))?.1)
}

/// All that is of scope user, whether its run is held or not: the ledgers are only read.
pub(crate) fn owned_by_user(dirs: &Dirs) -> Result<Vec<Owned>> {
    let Ok(entries) = fs_err::read_dir(dirs.runs()) else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for dir in entries.filter_map(|e| e.ok()).map(|e| e.path()) {
        if let (Some(Scope::User), owned) = read(&dir)? {
            all.extend(owned);
        }
    }
    Ok(all)
}

/// The exclusive lock of a run directory; `None` when somebody holds it. Close-on-exec, as all of
/// Rust's files: a child does not keep it.
fn lock(dir: &Path) -> Result<Option<File>> {
    let path = dir.join("lock");
    let file = match File::options().create(true).truncate(false).write(true).open(&path) {
        Ok(file) => file,
        // The run ended and removed its directory: nobody can take what is no more.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::environment("opening the run's lock").because(e)),
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(e) => Err(Error::environment(format!("locking {}", path.display())).because(e)),
    }
}

fn append(ledger: &mut File, line: &Line) -> Result<()> {
    let text = serde_json::to_string(line).or_internal("writing a ledger line")?;
    ledger.write_all(format!("{text}\n").as_bytes()).or_environment("writing the ledger")?;
    // Before the thing itself exists, the line is on disk.
    ledger.sync_data().or_environment("writing the ledger")
}

/// The scope and what is still owned. A torn last line (kill -9 in the middle) says nothing was
/// created yet and is skipped.
fn read(dir: &Path) -> Result<(Option<Scope>, Vec<Owned>)> {
    let text = match fs_err::read_to_string(dir.join("ledger.jsonl")) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((None, Vec::new())),
        Err(e) => return Err(Error::environment("reading the ledger").because(e)),
    };
    let mut scope = None;
    let mut owned: Vec<Owned> = Vec::new();
    for line in text.lines().filter_map(|l| serde_json::from_str(l).ok()) {
        match line {
            Line::Scope(s) => scope = Some(s),
            Line::Own(o) => owned.push(o),
            Line::GaveBack(o) => owned.retain(|x| *x != o),
        }
    }
    Ok((scope, owned))
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
mod tests {
    use super::*;

    #[test]
    fn a_live_run_is_not_stale_and_a_dead_one_is() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let dirs = Dirs::at(keep.path().join("s"), keep.path().join("c")).expect("directories");
        let run = Run::begin(&dirs, Scope::Run).expect("run");
        let path = Owned::Path { path: "/nowhere/x".into() };
        run.own(path.clone()).expect("written");
        assert!(StaleRun::find(&dirs).expect("readable").is_empty());
        assert_eq!(StaleRun::live(&dirs).expect("readable"), [run.id().to_owned()]);
        drop(run);
        let stale = StaleRun::find(&dirs).expect("readable");
        assert_eq!(stale.len(), 1);
        assert_eq!(stale[0].run.owned(), std::slice::from_ref(&path));
        assert!(stale[0].run.end().expect_err("still owned").to_string().contains("/nowhere/x"));
        stale[0].run.gave_back(&path).expect("written");
        stale[0].run.end().expect("removed");
        assert!(!stale[0].run.dir().exists());
    }

    #[test]
    fn a_torn_line_is_skipped() {
        let keep = tempfile::tempdir().expect("temporary directory");
        std::fs::write(keep.path().join("ledger.jsonl"), "{\"scope\":\"user\"}\n{\"own\":{\"ki")
            .expect("written");
        assert_eq!(read(keep.path()).expect("readable"), (Some(Scope::User), Vec::new()));
    }
}
