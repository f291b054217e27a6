//! Each command writes a separate run directory, also if several share a name.

use std::path::Path;
use std::process::Command;

/// The titles of the runs whose events lie in a directory.
fn titles(dir: &Path) -> Vec<String> {
    let files = std::fs::read_dir(dir).expect("a directory").map(|file| file.expect("listed"));
    let events = files.filter(|file| file.file_name().to_string_lossy().ends_with(".jsonl"));
    let text: String = events.flat_map(|file| std::fs::read_to_string(file.path())).collect();
    let event = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let begun = text.lines().map(event).filter(|event| event["body"]["event"] == "run-started");
    begun.map(|event| event["body"]["title"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn up_and_down_of_one_name_do_not_share_one() {
    let home = tempfile::tempdir().expect("temporary directory");
    for command in ["up", "down", "up"] {
        if command == "down" {
            // What an `up` that succeeded leaves of a run.
            let run = home.path().join("state/sparkproof/runs/mine");
            std::fs::create_dir_all(&run).expect("made");
            std::fs::write(run.join("lock"), "").expect("written");
            std::fs::write(run.join("ledger.jsonl"), "{\"scope\":\"user\"}\n").expect("written");
        }
        let output = Command::new(env!("CARGO_BIN_EXE_sparkproof"))
            .args([command, "--name", "mine"])
            .current_dir(home.path())
            .env("XDG_STATE_HOME", home.path().join("state"))
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            // No daemon answers: each ends after it has begun.
            .env("DOCKER_HOST", format!("unix://{}", home.path().join("no-daemon.sock").display()))
            .output()
            .expect("the binary runs");
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let dirs = std::fs::read_dir(home.path().join("sparkproof-runs")).expect("run directories");
    let mut all: Vec<_> = dirs.map(|dir| titles(&dir.expect("listed").path())).collect();
    all.sort();
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().all(|titles| titles.len() == 1), "{all:?}");
    assert_eq!(all[0], ["down mine"]);
    assert!(all[1][0].ends_with("up mine"), "{all:?}");
}

#[test]
fn a_report_directory_that_was_used_is_refused() {
    let home = tempfile::tempdir().expect("temporary directory");
    let dir = home.path().join("report");
    let events = dir.join("events-1.jsonl");
    std::fs::create_dir(&dir).expect("made");
    std::fs::write(&events, "as it was").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .args(["run", "--report-dir"])
        .arg(&dir)
        .current_dir(home.path())
        .env("XDG_STATE_HOME", home.path().join("state"))
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("it holds an earlier run's report"), "{said}");
    assert_eq!(std::fs::read_to_string(&events).expect("read"), "as it was");
    assert!(!home.path().join("state").exists(), "nothing was made");
}
