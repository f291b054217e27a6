//! A Docker daemon that answers is found before anything is installed.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// A daemon that answers with its version, and with 404 to everything else; returns its address.
fn daemon() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut lines = BufReader::new(&connection).lines().map_while(Result::ok);
            let request = lines.next().unwrap_or_default();
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            let (status, body) = match () {
                () if request.contains("/_ping") => ("200 OK", "OK"),
                () if request.contains("/version") => (
                    "200 OK",
                    r#"{"Version": "99.1", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}"#,
                ),
                () => ("404 Not Found", r#"{"message": "no such thing"}"#),
            };
            let _ = write!(
                &connection,
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\napi-version: 1.41\r\n\
                 content-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    format!("tcp://{address}")
}

fn sparkproof(home: &Path, args: &[&str], more: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .args(args)
        .current_dir(home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("NO_COLOR", "1")
        .env_remove("DOCKER_HOST")
        .env_remove("DOCKER_CONTEXT")
        .envs(more.iter().copied())
        .output()
        .expect("the binary runs")
}

#[test]
fn with_a_daemon_that_answers_nothing_is_installed() {
    let home = tempfile::tempdir().expect("temporary directory");
    let programs = home.path().join("programs");
    std::fs::create_dir(&programs).expect("made");
    let apt = programs.join("apt-get");
    let script = format!("#!/bin/sh\necho \"$@\" >>{}/installed\nexit 1\n", home.path().display());
    std::fs::write(&apt, script).expect("written");
    std::fs::set_permissions(&apt, std::fs::Permissions::from_mode(0o755)).expect("executable");
    // Neither debootstrap nor Maven is there.
    let (docker, path) = (daemon(), programs.display().to_string());
    let more = [("DOCKER_HOST", docker.as_str()), ("PATH", path.as_str())];
    let output = sparkproof(home.path(), &["store", "up", "s3", "--yes"], &more);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let installed = std::fs::read_to_string(home.path().join("installed")).unwrap_or_default();
    assert_eq!(installed, "", "{said}");
}

#[test]
fn the_daemon_of_dockers_context_is_used() {
    let home = tempfile::tempdir().expect("temporary directory");
    let docker = daemon();
    // The id of a context is the digest of its name.
    let meta = home.path().join("docker/contexts/meta").join(context_id("elsewhere"));
    std::fs::create_dir_all(&meta).expect("made");
    let text = format!(
        r#"{{"Name": "elsewhere", "Metadata": {{}}, "Endpoints": {{"docker": {{"Host": "{docker}"}}}}}}"#
    );
    std::fs::write(meta.join("meta.json"), text).expect("written");
    let config = r#"{"currentContext": "elsewhere"}"#;
    std::fs::write(home.path().join("docker/config.json"), config).expect("written");
    let directory = home.path().join("docker").display().to_string();
    let more = [("DOCKER_CONFIG", directory.as_str())];
    let output = sparkproof(home.path(), &["doctor"], &more);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&format!("99.1, running at {docker}")), "{said}");
}

fn context_id(name: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(name.as_bytes()))
}
