//! Commands that scenarios run: sparkproof, docker.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use sparkproof::error::{Error, ErrorContext};
use sparkproof::testbed::{EXECUTABLE, ScenarioContext};

/// Time limit against hangs, below nextest's for these tests (20 min).
pub const LONG: Duration = Duration::from_secs(18 * 60);

/// The binary that owns the environment.
pub fn exe() -> PathBuf {
    std::env::var_os(EXECUTABLE).map(PathBuf::from).unwrap_or_default()
}

/// The output of a docker command on the scenarios' engine.
pub fn docker(p: &ScenarioContext, args: &[&str]) -> sparkproof::Result<String> {
    let host = p.environment.engine.as_ref().map_or("", |engine| engine.host.as_str());
    let output = Command::new("docker").args(args).env("DOCKER_HOST", host).output();
    output.map(|output| said(&output)).or_environment("running docker")
}

/// The output of a sweep, which must succeed.
pub fn sweep() -> sparkproof::Result<String> {
    let swept = Command::new(exe()).arg("sweep").output().or_environment("running a sweep")?;
    match swept.status.success() {
        true => Ok(said(&swept)),
        false => Err(Error::red(format!("the sweep failed: {}", said(&swept)))),
    }
}

/// The output of a command, both streams.
pub fn said(output: &Output) -> String {
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    words(&output.stdout) + &words(&output.stderr)
}

/// Converts the error of a watched run.
pub fn red(error: miette::Report) -> Error {
    Error::red(format!("{error:?}"))
}
