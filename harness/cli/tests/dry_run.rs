//! `sparkproof sweep --dry-run` as a user sees it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An empty Docker daemon; it serves as long as the test's process lives.
fn empty_docker(home: &Path) -> PathBuf {
    let socket = home.join("docker.sock");
    let listener = UnixListener::bind(&socket).expect("bound");
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    socket
}

/// One answer a connection.
fn answer(mut stream: UnixStream) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => request.extend_from_slice(&part[..read]),
            // Only a look whether anything listens.
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    let body = match path.split('?').next().unwrap_or_default() {
        path if path.ends_with("/_ping") => "OK",
        path if path.ends_with("/version") => {
            r#"{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12"}"#
        }
        path if path.ends_with("/volumes") => r#"{"Volumes":[]}"#,
        _ => "[]",
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn command_at(docker: &Path, home: &Path, command: &str, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .arg(command)
        .args(args)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("DOCKER_HOST", format!("unix://{}", docker.display()))
        .output()
        .expect("the binary runs")
}

fn sweep(docker: &Path, home: &Path, args: &[&str]) -> String {
    let output = command_at(docker, home, "sweep", args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a killed run left: its directory, and a data directory.
fn killed_run(home: &Path) -> (PathBuf, PathBuf) {
    let run = home.join("state/sparkproof/runs/7f3a0000");
    let data = home.join("data-7f3a0000");
    for dir in [&run, &data] {
        std::fs::create_dir_all(dir).expect("made");
    }
    let entry = serde_json::json!({ "own": { "kind": "path", "path": data } });
    let ledger = format!("{{\"version\":1}}\n{{\"scope\":\"run\"}}\n{entry}\n");
    std::fs::write(run.join("lock"), "").expect("written");
    std::fs::write(run.join("ledger.jsonl"), ledger).expect("written");
    (run, data)
}

#[test]
fn a_docker_that_does_not_answer_is_said_and_the_rest_is_swept() {
    let home = tempfile::tempdir().expect("temporary directory");
    let (run, data) = killed_run(home.path());
    let docker = home.path().join("no-daemon.sock");
    for args in [&["--dry-run"][..], &[], &["--dry-run"]] {
        let output = command_at(&docker, home.path(), "sweep", args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("the container engine: DOCKER_HOST="), "{said}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains("nothing to remove"), "{said}");
    }
    assert!(!run.exists() && !data.exists());
}

#[test]
fn it_says_what_would_go_and_removes_nothing() {
    let home = tempfile::tempdir().expect("temporary directory");
    let docker = empty_docker(home.path());
    let (run, data) = killed_run(home.path());

    let said = sweep(&docker, home.path(), &["--dry-run"]);
    let why = "of run 7f3a0000: no process holds the lock of that run";
    for (kind, dir) in [("path", &data), ("state directory", &run)] {
        let line = format!("would remove  {kind} {} {why}\n", dir.display());
        assert!(said.contains(&line), "{said}");
    }
    assert!(said.ends_with("dry run: nothing was removed\n"), "{said}");
    let said = sweep(&docker, home.path(), &["--dry-run", "--json"]);
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!((&lines[0]["kind"], &lines[0]["run"]), (&"path".into(), &"7f3a0000".into()));
    assert!(run.exists() && data.exists());

    let said = sweep(&docker, home.path(), &[]);
    assert!(said.contains(&format!("removed     {}\n", data.display())), "{said}");
    assert!(!run.exists() && !data.exists());
    assert_eq!(sweep(&docker, home.path(), &["--dry-run"]), "nothing to remove\n");
}

#[test]
fn an_inventory_says_that_docker_was_not_looked_at() {
    let home = tempfile::tempdir().expect("temporary directory");
    let docker = home.path().join("no-daemon.sock");
    let output = command_at(&docker, home.path(), "inventory", &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    for kind in ["container", "network", "volume"] {
        assert!(said.contains(&format!("\n{kind}: not listed: DOCKER_HOST=")), "{said}");
        assert!(!said.contains(&format!("{kind}: 0")), "{said}");
    }
}
