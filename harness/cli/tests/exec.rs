//! The command of `exec` is checked before a cluster is booted.

use std::process::Command;

#[test]
fn a_cargo_subcommand_that_is_missing_ends_it_before_anything_is_made() {
    let home = tempfile::tempdir().expect("temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .args(["exec", "--", "cargo", "nextest-of-nobody", "run"])
        .current_dir(home.path())
        .env("XDG_STATE_HOME", home.path().join("state"))
        .env("XDG_CACHE_HOME", home.path().join("cache"))
        .env("DOCKER_HOST", format!("unix://{}", home.path().join("no-daemon.sock").display()))
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("cargo has no `nextest-of-nobody`"), "{said}");
    assert!(said.contains("cargo install --locked cargo-nextest-of-nobody"), "{said}");
    let made = std::fs::read_dir(home.path()).expect("listed").count();
    assert_eq!(made, 0, "no state, no cache, no report");
}
