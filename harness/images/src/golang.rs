//! Builds Go programs from modules that `go.mod` and `go.sum` pin.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_machine::exec::Tool;

use super::Key;

/// A cold build of Kubernetes takes 8 minutes on two cores; a starved machine several times that.
const DEADLINE: Duration = Duration::from_secs(45 * 60);

/// The Go toolchain that is on `PATH`: part of every key.
#[derive(Debug, Clone)]
pub(super) struct Go {
    version: String,
    /// `amd64`, `arm64`.
    pub(super) arch: String,
}

/// Go's name of this machine's architecture, without asking Go.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl Go {
    /// Asks `go env`.
    pub(super) async fn find(context: &Context) -> Result<Self> {
        let said = Tool::new("go").args(["env", "GOVERSION", "GOARCH"]).run(context).await?.stdout;
        match said.split_whitespace().collect::<Vec<_>>().as_slice() {
            [version, arch] => Ok(Go { version: (*version).to_owned(), arch: (*arch).to_owned() }),
            _ => Err(Error::environment(format!("`go env` printed {said:?}, expected two words"))),
        }
    }

    /// Adds the toolchain to a cache key.
    pub(super) fn add(&self, key: Key) -> Key {
        key.with("go", &self.version).with("arch", &self.arch)
    }
}

/// Go in a directory with a `go.mod`.
pub(super) fn go(source: &Path) -> Tool {
    // The user's Go settings must not change the result.
    Tool::bound("go")
        .dir(source)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        .env("GOWORK", "off")
        .deadline(DEADLINE)
}

/// `go build`; `stamp` are flags of the linker, `mode` is that of `-mod`.
pub(super) async fn go_build<S: AsRef<std::ffi::OsStr>>(
    context: &Context,
    source: &Path,
    step: &StepGuard,
    mode: &str,
    stamp: &str,
    args: &[S],
) -> Result<()> {
    // Debug information is stripped anyway; not generating it saves a seventh of the time.
    let flags = ["build", "-v", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"];
    let compiled = AtomicU32::new(0);
    let report = step.reporter();
    go(source)
        .args(flags)
        .args([format!("-mod={mode}"), "-ldflags".to_owned(), format!("-s -w{stamp}")])
        .args(args)
        .on_line(move |line| {
            // `-v` prints each package as it is compiled.
            let count = compiled.fetch_add(1, Ordering::Relaxed) + 1;
            if count.is_multiple_of(25) {
                report(format!("{count} packages, {line}"));
            }
        })
        .run(context)
        .await
        .map(drop)
}
