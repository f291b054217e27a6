//! Commands that scenarios run: our binary, docker.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use sparkproof::error::{Error, ErrorContext};
use sparkproof::testbed::{EXECUTABLE, ScenarioContext};

/// A backstop for a hang, below nextest's own for these tests (20 min).
pub const LONG: Duration = Duration::from_secs(18 * 60);

/// The binary that holds the environment.
pub fn exe() -> PathBuf {
    std::env::var_os(EXECUTABLE).map(PathBuf::from).unwrap_or_default()
}

/// What a command of docker's says, to the engine of the scenarios.
pub fn docker(p: &ScenarioContext, args: &[&str]) -> sparkproof::Result<String> {
    let host = p.environment.engine.as_ref().map_or("", |engine| engine.host.as_str());
    let output = Command::new("docker").args(args).env("DOCKER_HOST", host).output();
    output.map(|output| said(&output)).or_environment("running docker")
}

/// What a sweep says, which must have succeeded.
pub fn sweep() -> sparkproof::Result<String> {
    let swept = Command::new(exe()).arg("sweep").output().or_environment("running a sweep")?;
    match swept.status.success() {
        true => Ok(said(&swept)),
        false => Err(Error::red(format!("the sweep failed: {}", said(&swept)))),
    }
}

/// Both streams of a command.
pub fn said(output: &Output) -> String {
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    words(&output.stdout) + &words(&output.stderr)
}

/// An error of a watched run, as one of ours.
pub fn red(error: miette::Report) -> Error {
    Error::red(format!("{error:?}"))
}
