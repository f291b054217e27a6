//! A run whose last resources another run removes: that of a scenario, which ends before its
//! namespaces do.

use std::io::ErrorKind;
use std::path::Path;

use super::run::{HALF_MADE, HANDED_OVER, LABEL, LOCK, id_of};
use super::stale::{RunListing, entries, is_held};
use super::{Run, file};
use crate::dirs::{private_dir, private_file, remove_below};
use crate::error::{Error, ErrorContext, Result};

/// File name of the name of a run that was handed over, in its directory.
const TITLE: &str = "title";

/// A run that another process handed over.
#[derive(Debug)]
pub struct HandedOver {
    /// The run, locked.
    pub run: Run,
    /// Its name, e.g. that of a scenario.
    pub name: String,
}

impl Run {
    /// Accepts runs of other processes from now on ([`Run::hand_over`]), until this one ends.
    ///
    /// # Errors
    /// Environment: their directory cannot be made.
    pub fn accept(&self) -> Result<()> {
        private_dir(&self.dir().join(HANDED_OVER))
    }

    /// Hands this run over to the one in `owner`, which removes the resources that are left. One
    /// rename moves the ledger there, so that at any moment it is in exactly one place, and a sweep
    /// knows both. Nothing else goes along. False if no process holds that run, if it is on another
    /// disk, or if it accepts none: [`Run::accept`] was not called, or it is ending.
    ///
    /// # Errors
    /// Environment: the directory cannot be moved.
    pub fn hand_over(&self, owner: &Path, name: &str) -> Result<bool> {
        let accepted = owner.join(HANDED_OVER);
        if !accepted.is_dir() || !is_held(owner)? {
            return Ok(false);
        }
        let what = || format!("handing over run {}", self.id());
        for entry in fs_err::read_dir(self.dir()).or_environment(what())? {
            let entry = entry.or_environment(what())?;
            if entry.file_type().or_environment(what())?.is_dir() {
                remove_below(self.dir(), &entry.path())?;
            } else if ![LOCK, LABEL, file::NAME].iter().any(|name| *name == entry.file_name()) {
                fs_err::remove_file(entry.path()).or_environment(what())?;
            }
        }
        private_file(&self.dir().join(TITLE), name.as_bytes())?;
        match std::fs::rename(self.dir(), accepted.join(self.id().as_str())) {
            Ok(()) => {
                self.forget();
                Ok(true)
            }
            Err(e) if [ErrorKind::NotFound, ErrorKind::CrossesDevices].contains(&e.kind()) => {
                Ok(false)
            }
            Err(e) => Err(Error::environment(what()).with_source(e)),
        }
    }

    /// The runs that were handed over to this one and have not ended, without those that another
    /// process holds or whose resources are not known. Changes nothing.
    ///
    /// # Errors
    /// Environment: their directory cannot be read.
    pub fn handed_over(&self) -> Result<RunListing<HandedOver>> {
        let mut dirs = entries(&self.dir().join(HANDED_OVER))?;
        dirs.retain(|dir| !id_of(dir).starts_with(HALF_MADE));
        Ok(RunListing::at(dirs, |dir| {
            let Some((run, _)) = Run::take(dir.to_owned())? else {
                return Err(Error::environment("another process holds it"));
            };
            run.not_understood().map_or(Ok(()), Err)?;
            let name =
                fs_err::read_to_string(dir.join(TITLE)).or_environment("reading its name")?;
            Ok(Some(HandedOver { run, name }))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OwnedResource, Scope, StaleRun};
    use super::*;
    use crate::dirs::Dirs;

    fn dirs() -> (Dirs, tempfile::TempDir) {
        let keep = tempfile::tempdir().expect("temporary directory");
        let dirs = Dirs::at(keep.path().join("s"), keep.path().join("c")).expect("directories");
        (dirs, keep)
    }

    fn namespace() -> OwnedResource {
        let (kubeconfig, name) = ("/nowhere/kubeconfig".into(), "spark-1".to_owned());
        OwnedResource::Namespace { kubeconfig, context: None, name }
    }

    /// A run that owns a namespace, with a token and a driver's directory.
    fn run(dirs: &Dirs) -> Run {
        let run = Run::begin(dirs, Scope::Run).expect("run");
        run.record(namespace()).expect("written");
        private_dir(&run.dir().join("driver")).expect("made");
        private_file(&run.dir().join("driver/token"), b"secret").expect("written");
        private_file(&run.dir().join("kubeconfig"), b"secret").expect("written");
        run
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).expect("read").map(|entry| entry.expect("listed"));
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_ledger_goes_to_the_owner_alone_and_the_owner_cannot_end_before_it() {
        let (dirs, _keep) = dirs();
        let owner = Run::begin(&dirs, Scope::Run).expect("run");
        owner.accept().expect("accepts");
        let scenario = run(&dirs);
        assert!(scenario.hand_over(owner.dir(), "scenario x").expect("handed over"));
        assert!(scenario.owned().is_empty() && !scenario.dir().exists());
        let held = owner.handed_over().expect("listed");
        assert!(held.found.is_empty() && held.failed[0].contains("another process holds it"));
        // Twice is an error, and the first time counts.
        scenario.hand_over(owner.dir(), "scenario x").expect_err("it has nothing more");
        drop(scenario);
        assert!(StaleRun::find(&dirs).expect("readable").found.is_empty(), "the owner lives");
        let late = owner.handed_over().expect("listed").found;
        assert_eq!((late.len(), late[0].name.as_str()), (1, "scenario x"));
        assert_eq!(late[0].run.owned(), [namespace()]);
        assert_eq!(names(late[0].run.dir()), ["label", "ledger.jsonl", "lock", "title"]);
        let early = owner.end().expect_err("something is left").to_string();
        assert!(early.contains("has not ended"), "{early}");
        late[0].run.end().expect_err("its namespace is left");
        late[0].run.released(&namespace()).expect("written");
        late[0].run.end().expect("ended");
        assert!(owner.handed_over().expect("listed").found.is_empty());
        owner.end().expect("ended");
        assert!(!owner.dir().exists());
    }

    #[test]
    fn without_a_living_owner_that_accepts_it_a_ledger_stays_where_it_is() {
        let (dirs, _keep) = dirs();
        let scenario = run(&dirs);
        let stays = |owner: &Path| {
            assert!(!scenario.hand_over(owner, "scenario x").expect("looked"));
            assert_eq!(scenario.owned(), [namespace()]);
            assert!(scenario.dir().join(file::NAME).exists());
        };
        let owner = Run::begin(&dirs, Scope::Run).expect("run");
        let dir = owner.dir().to_owned();
        stays(&dir);
        owner.accept().expect("accepts");
        drop(owner);
        stays(&dir);
        let owner = StaleRun::find(&dirs).expect("readable").found.remove(0).run;
        owner.end().expect("ended");
        stays(&dir);
        drop(scenario);
        let stale = StaleRun::find(&dirs).expect("readable").found;
        assert_eq!(stale[0].run.owned(), [namespace()], "a sweep knows it");
    }

    /// The owner was killed, before or while it ended what it had accepted.
    #[test]
    fn what_a_dead_owner_accepted_is_found_with_it() {
        let (dirs, _keep) = dirs();
        let owner = Run::begin(&dirs, Scope::Run).expect("run");
        owner.accept().expect("accepts");
        run(&dirs).hand_over(owner.dir(), "scenario x").expect("handed over");
        let accepted = owner.dir().join(HANDED_OVER);
        let half = accepted.join(format!("{HALF_MADE}1-abc"));
        private_dir(&half).expect("made");
        drop(owner);
        let owner = StaleRun::find(&dirs).expect("readable").found.remove(0).run;
        let late = owner.handed_over().expect("listed");
        assert_eq!((late.found.len(), late.failed.len()), (1, 0), "{:?}", late.failed);
        late.found[0].run.released(&namespace()).expect("written");
        late.found[0].run.end().expect("ended");
        assert!(half.exists());
        owner.end().expect("ended");
    }

    #[test]
    fn a_ledger_that_is_not_understood_is_named_and_keeps_the_owner_from_ending() {
        let (dirs, _keep) = dirs();
        let owner = Run::begin(&dirs, Scope::Run).expect("run");
        owner.accept().expect("accepts");
        let scenario = run(&dirs);
        let path = owner.dir().join(HANDED_OVER).join(scenario.id().as_str());
        scenario.hand_over(owner.dir(), "scenario x").expect("handed over");
        drop(scenario);
        std::fs::write(path.join(file::NAME), "{\"version\":9}\n").expect("written");
        let late = owner.handed_over().expect("listed");
        assert!(late.found.is_empty() && late.failed[0].contains("does not understand"));
        owner.end().expect_err("it may own anything");
    }
}
