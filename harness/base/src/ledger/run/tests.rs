use std::sync::atomic::{AtomicBool, Ordering};

use super::super::{IdleRun, StaleRun};
use super::*;

fn dirs() -> (Dirs, tempfile::TempDir) {
    let keep = tempfile::tempdir().expect("temporary directory");
    let dirs = Dirs::at(keep.path().join("s"), keep.path().join("c")).expect("directories");
    (dirs, keep)
}

fn id(text: &str) -> RunId {
    text.parse().expect("an id")
}

#[test]
fn a_live_run_is_not_stale_and_a_dead_one_is() {
    let (dirs, _keep) = dirs();
    let run = Run::begin(&dirs, Scope::Run).expect("run");
    let path = OwnedResource::Path { path: "/nowhere/x".into() };
    run.record(path.clone()).expect("written");
    assert!(StaleRun::find(&dirs).expect("readable").found.is_empty());
    assert_eq!(StaleRun::live(&dirs).expect("readable"), [run.label().clone()]);
    drop(run);
    let stale = StaleRun::find(&dirs).expect("readable").found;
    assert_eq!(stale.len(), 1);
    assert_eq!(stale[0].run.owned(), std::slice::from_ref(&path));
    assert!(stale[0].run.end().expect_err("still owned").to_string().contains("/nowhere/x"));
    stale[0].run.released(&path).expect("written");
    stale[0].run.end().expect("removed");
    assert!(!stale[0].run.dir().exists());
}

#[test]
fn who_looks_at_runs_never_locks_a_half_made_one() {
    let (dirs, _keep) = dirs();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                seen += StaleRun::find(&dirs).expect("readable").found.len();
                StaleRun::live(&dirs).expect("readable");
            }
            seen
        });
        let begun: Result<Vec<()>> =
            (0..500).map(|_| Run::begin(&dirs, Scope::Run).and_then(|run| run.end())).collect();
        done.store(true, Ordering::Relaxed);
        assert_eq!(looks.join().expect("looked"), 0, "a run that lives was taken for a dead one");
        begun.expect("every run began and ended");
    });
}

#[tokio::test]
async fn looking_at_a_run_does_not_keep_others_from_going_on_with_it() {
    let (dirs, _keep) = dirs();
    drop(Run::begin_as(&dirs, Scope::User, &id("mine")).await.expect("run"));
    let idle = IdleRun::all(&dirs).expect("readable").found;
    assert_eq!((idle[0].id.as_str(), idle[0].scope), ("mine", Scope::User));
    let run = Run::begin_as(&dirs, Scope::Run, &id("mine")).await.expect("not held");
    assert!(IdleRun::all(&dirs).expect("readable").found.is_empty());
    drop((run, idle));
    // Who takes an instant is waited for.
    let looked = StaleRun::find(&dirs).expect("readable").found;
    let looker = std::thread::spawn(move || drop(looked));
    Run::begin_as(&dirs, Scope::Run, &id("mine")).await.expect("waited for");
    looker.join().expect("looked");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_process_holds_is_refused_in_time() {
    let (dirs, _keep) = dirs();
    let _held = Run::begin_as(&dirs, Scope::User, &id("mine")).await.expect("run");
    let error = Run::begin_as(&dirs, Scope::Run, &id("mine")).await.expect_err("held");
    assert_eq!(error.exit, crate::Exit::Environment);
    assert!(error.summary().contains("another process uses it"), "{}", error.summary());
    assert!(error.summary().contains("choose another name"), "{}", error.summary());
}

#[tokio::test]
async fn a_run_whose_ledger_is_not_understood_is_kept() {
    let (dirs, _keep) = dirs();
    let run = Run::begin_as(&dirs, Scope::Run, &id("newer")).await.expect("run");
    let dir = run.dir().to_owned();
    drop(run);
    let mut ledger = std::fs::read_to_string(dir.join("ledger.jsonl")).expect("read");
    assert!(ledger.starts_with("{\"version\":1}\n"), "{ledger}");
    ledger.push_str("{\"own\":{\"kind\":\"spaceship\",\"name\":\"x\"}}\n");
    std::fs::write(dir.join("ledger.jsonl"), &ledger).expect("written");
    let said = "does not understand line 3";
    let stale = StaleRun::find(&dirs).expect("readable").found;
    let error = stale[0].run.end().expect_err("not understood");
    assert!(error.to_string().contains(said), "{error}");
    drop(stale);
    let error = Run::begin_as(&dirs, Scope::Run, &id("newer")).await.expect_err("refused");
    assert!(error.to_string().contains(said), "{error}");
    assert!(super::super::any_of_user(&dirs, |_| false).expect("read"), "it may need anything");
    assert_eq!(std::fs::read_to_string(dir.join("ledger.jsonl")).expect("kept"), ledger);
}

#[test]
fn what_a_killed_process_had_half_made_is_removed_and_that_of_a_live_one_is_not() {
    let (dirs, _keep) = dirs();
    let of = |pid: u32| dirs.runs().join(format!("{HALF_MADE}{pid}-abc"));
    // Above the kernel's own limit of process ids.
    let (dead, live) = (of(u32::MAX), of(std::process::id()));
    for dir in [&dead, &live] {
        private_dir(dir).expect("made");
    }
    assert!(StaleRun::find(&dirs).expect("readable").found.is_empty(), "they are no runs");
    let removed = StaleRun::remove_half_made(&dirs).expect("removed");
    assert_eq!((removed.found.len(), removed.failed.len()), (1, 0));
    assert!(!dead.exists() && live.exists());
}

#[test]
fn a_link_among_the_runs_is_not_followed() {
    let (dirs, keep) = dirs();
    let precious = keep.path().join("precious");
    std::fs::create_dir(&precious).expect("made");
    private_dir(&dirs.runs()).expect("made");
    std::os::unix::fs::symlink(&precious, dirs.runs().join("link")).expect("linked");
    assert!(StaleRun::find(&dirs).expect("readable").found.is_empty());
    assert_eq!(std::fs::read_dir(&precious).expect("read").count(), 0);
}

/// Names and contents of the files of a directory.
fn files(dir: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(dir).expect("read").map(|entry| entry.expect("listed"));
    let mut all: Vec<_> = entries
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_directory_without_lock_ledger_or_scope_is_kept_and_named_and_no_look_changes_it() {
    let (dirs, _keep) = dirs();
    for (id, made) in [
        ("bare", vec![("precious", "content")]),
        ("unlocked", vec![("ledger.jsonl", "{\"version\":1}\n{\"scope\":\"run\"}\n")]),
        ("no-ledger", vec![("lock", "")]),
        ("empty", vec![("lock", ""), ("ledger.jsonl", "")]),
        ("torn", vec![("lock", ""), ("ledger.jsonl", "{\"version\":1}\n{\"sco")]),
        ("newer", vec![("lock", ""), ("ledger.jsonl", "{\"version\":9}\n{\"ow")]),
    ] {
        let dir = dirs.runs().join(id);
        private_dir(&dir).expect("made");
        for (file, text) in made {
            std::fs::write(dir.join(file), text).expect("written");
        }
        let before = files(&dir);
        let stale = StaleRun::find(&dirs).expect("readable").found;
        assert_eq!(stale[0].run.id().as_str(), id);
        let said = stale[0].run.end().expect_err("not known").to_string();
        assert!(said.contains("damaged") || said.contains("does not understand line 1"), "{said}");
        let path = OwnedResource::Path { path: "/nowhere/x".into() };
        stale[0].run.record(path).expect_err("not written");
        drop(stale);
        IdleRun::all(&dirs).expect("readable");
        StaleRun::live(&dirs).expect("readable");
        let down = Run::begin_as(&dirs, Scope::Run, &self::id(id)).await;
        assert_eq!(down.expect_err("refused").exit, crate::Exit::Environment, "{id}");
        assert_eq!(files(&dir), before, "{id}");
        let needed = super::super::any_of_user(&dirs, |_| false).expect("read");
        assert!(needed || id == "unlocked", "{id} may need anything");
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}

#[test]
fn a_look_repairs_no_ledger_and_the_first_line_does() {
    let (dirs, _keep) = dirs();
    let run = Run::begin(&dirs, Scope::Run).expect("run");
    let ledger = run.dir().join("ledger.jsonl");
    drop(run);
    let mut torn = std::fs::read_to_string(&ledger).expect("read");
    torn.push_str("{\"own\":{\"ki");
    std::fs::write(&ledger, &torn).expect("written");
    let stale = StaleRun::find(&dirs).expect("readable").found;
    assert_eq!(std::fs::read_to_string(&ledger).expect("read"), torn);
    let path = OwnedResource::Path { path: "/nowhere/x".into() };
    stale[0].run.record(path.clone()).expect("written");
    drop(stale);
    let stale = StaleRun::find(&dirs).expect("readable").found;
    assert!(stale[0].run.not_understood().is_none());
    assert_eq!(stale[0].run.owned(), [path]);
}

#[test]
fn one_directory_that_cannot_be_looked_at_does_not_hide_the_others() {
    let (dirs, _keep) = dirs();
    drop(Run::begin(&dirs, Scope::User).expect("run"));
    let half = format!("{HALF_MADE}{}-", u32::MAX);
    for (dir, lock) in
        [("broken", true), (&*format!("{half}a"), true), (&*format!("{half}b"), false)]
    {
        let dir = dirs.runs().join(dir);
        private_dir(&dir).expect("made");
        if lock {
            // It cannot be opened as a file.
            std::fs::create_dir(dir.join("lock")).expect("made");
        }
    }
    let stale = StaleRun::find(&dirs).expect("looked");
    assert_eq!((stale.found.len(), stale.failed.len()), (1, 1), "{:?}", stale.failed);
    assert!(stale.failed[0].starts_with("broken: "), "{:?}", stale.failed);
    drop(stale);
    let idle = IdleRun::all(&dirs).expect("looked");
    assert_eq!((idle.found.len(), idle.failed.len()), (1, 1), "{:?}", idle.failed);
    assert_eq!(
        StaleRun::live(&dirs).expect("looked"),
        [RunLabel::from(id("broken"))],
        "it may live"
    );
    let removed = StaleRun::remove_half_made(&dirs).expect("looked");
    assert_eq!(removed.found, [format!("{half}b")]);
    assert_eq!(removed.failed.len(), 1, "{:?}", removed.failed);
}

#[tokio::test]
async fn the_label_of_a_name_that_a_user_chose_is_of_one_state_directory() {
    let keep = tempfile::tempdir().expect("temporary directory");
    let name = id("dev");
    let at = |dir: &str| Dirs::at(keep.path().join(dir), keep.path().join("cache"));
    let (one, other) = (at("one").expect("dirs"), at("other").expect("dirs"));
    let begun = Run::begin_as(&one, Scope::User, &name).await.expect("run");
    let label = begun.label().clone();
    assert!(label.starts_with("dev.") && label.len() == "dev.".len() + 8, "{label}");
    assert_eq!(StaleRun::live(&one).expect("looked"), std::slice::from_ref(&label));
    let elsewhere = Run::begin_as(&other, Scope::User, &name).await.expect("run");
    assert_ne!(*elsewhere.label(), label);
    drop(begun);
    let again = Run::begin_as(&one, Scope::User, &name).await.expect("goes on");
    assert_eq!(*again.label(), label, "another process sees the same");
    // As an earlier version left it.
    std::fs::remove_file(again.dir().join("label")).expect("removed");
    drop(again);
    assert_eq!(
        Run::begin_as(&one, Scope::User, &name).await.expect("goes on").label().as_str(),
        "dev"
    );
    let run = Run::begin(&one, Scope::Run).expect("run");
    assert_eq!(run.label().as_str(), run.id().as_str());
}
