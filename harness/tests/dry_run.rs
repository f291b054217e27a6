//! `sparkproof sweep --dry-run` as a user sees it.

use std::path::Path;
use std::process::Command;

fn sweep(home: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .arg("sweep")
        .args(args)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("DOCKER_HOST", format!("unix://{}", home.join("no-daemon.sock").display()))
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn it_says_what_would_go_and_removes_nothing() {
    let home = tempfile::tempdir().expect("temporary directory");
    let run = home.path().join("state/sparkproof/runs/7f3a0000");
    let data = home.path().join("data-7f3a0000");
    for dir in [&run, &data] {
        std::fs::create_dir_all(dir).expect("made");
    }
    let entry = serde_json::json!({ "own": { "kind": "path", "path": data } });
    let ledger = format!("{{\"version\":1}}\n{{\"scope\":\"run\"}}\n{entry}\n");
    std::fs::write(run.join("ledger.jsonl"), ledger).expect("written");

    let said = sweep(home.path(), &["--dry-run"]);
    let why = "of run 7f3a0000: no process holds the lock of that run";
    for (kind, dir) in [("path", &data), ("state directory", &run)] {
        let line = format!("would remove  {kind} {} {why}\n", dir.display());
        assert!(said.contains(&line), "{said}");
    }
    assert!(said.ends_with("a dry run: nothing was removed\n"), "{said}");
    let said = sweep(home.path(), &["--dry-run", "--json"]);
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!((&lines[0]["kind"], &lines[0]["run"]), (&"path".into(), &"7f3a0000".into()));
    assert!(run.exists() && data.exists());

    let said = sweep(home.path(), &[]);
    assert!(said.contains(&format!("removed     {}\n", data.display())), "{said}");
    assert!(!run.exists() && !data.exists());
    assert_eq!(sweep(home.path(), &["--dry-run"]), "nothing to remove\n");
}
