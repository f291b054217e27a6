//! What tests of the binary share.

use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary with its own state, cache and working directory.
pub fn sparkproof(home: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .args(args)
        .current_dir(home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        // No daemon answers: what begins tears down at once.
        .env("DOCKER_HOST", format!("unix://{}", home.join("no-daemon.sock").display()))
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}
