use std::sync::atomic::{AtomicBool, Ordering};

use super::super::{IdleRun, StaleRun};
use super::*;

fn dirs() -> (Dirs, tempfile::TempDir) {
    let keep = tempfile::tempdir().expect("temporary directory");
    let dirs = Dirs::at(keep.path().join("s"), keep.path().join("c")).expect("directories");
    (dirs, keep)
}

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

#[test]
fn a_live_run_is_not_stale_and_a_dead_one_is() {
    let (dirs, _keep) = dirs();
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
fn who_looks_at_runs_never_locks_a_half_made_one() {
    let (dirs, _keep) = dirs();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                seen += StaleRun::find(&dirs).expect("readable").len();
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
    drop(Run::begin_as(&dirs, Scope::User, &name("mine")).await.expect("run"));
    let idle = IdleRun::all(&dirs).expect("readable");
    assert_eq!((idle[0].id.as_str(), idle[0].scope), ("mine", Scope::User));
    let run = Run::begin_as(&dirs, Scope::Run, &name("mine")).await.expect("not held");
    assert!(IdleRun::all(&dirs).expect("readable").is_empty());
    drop((run, idle));
    // Who takes an instant is waited for.
    let looked = StaleRun::find(&dirs).expect("readable");
    let looker = std::thread::spawn(move || drop(looked));
    Run::begin_as(&dirs, Scope::Run, &name("mine")).await.expect("waited for");
    looker.join().expect("looked");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_another_process_holds_is_refused_in_time() {
    let (dirs, _keep) = dirs();
    let _held = Run::begin_as(&dirs, Scope::User, &name("mine")).await.expect("run");
    let error = Run::begin_as(&dirs, Scope::Run, &name("mine")).await.expect_err("held");
    assert_eq!(error.exit, crate::Exit::Environment);
    assert!(error.told().contains("held by another process"), "{}", error.told());
    assert!(error.told().contains("choose another name"), "{}", error.told());
}

#[tokio::test]
async fn a_run_whose_ledger_is_not_understood_is_kept() {
    let (dirs, _keep) = dirs();
    let run = Run::begin_as(&dirs, Scope::Run, &name("newer")).await.expect("run");
    let dir = run.dir().to_owned();
    drop(run);
    let mut ledger = std::fs::read_to_string(dir.join("ledger.jsonl")).expect("read");
    assert!(ledger.starts_with("{\"version\":1}\n"), "{ledger}");
    ledger.push_str("{\"own\":{\"kind\":\"spaceship\",\"name\":\"x\"}}\n");
    std::fs::write(dir.join("ledger.jsonl"), &ledger).expect("written");
    let said = "does not understand line 3";
    let stale = StaleRun::find(&dirs).expect("readable");
    let error = stale[0].run.end().expect_err("not understood");
    assert!(error.to_string().contains(said), "{error}");
    drop(stale);
    let error = Run::begin_as(&dirs, Scope::Run, &name("newer")).await.expect_err("refused");
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
    assert!(StaleRun::find(&dirs).expect("readable").is_empty(), "they are no runs");
    let removed = StaleRun::remove_half_made(&dirs).expect("removed");
    assert_eq!(removed.len(), 1);
    assert!(!dead.exists() && live.exists());
}

#[test]
fn a_link_among_the_runs_is_not_followed() {
    let (dirs, keep) = dirs();
    let precious = keep.path().join("precious");
    std::fs::create_dir(&precious).expect("made");
    private_dir(&dirs.runs()).expect("made");
    std::os::unix::fs::symlink(&precious, dirs.runs().join("link")).expect("linked");
    assert!(StaleRun::find(&dirs).expect("readable").is_empty());
    assert_eq!(std::fs::read_dir(&precious).expect("read").count(), 0);
}
