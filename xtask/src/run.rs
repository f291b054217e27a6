//! Runs a command in the foreground; an error names the command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use miette::{IntoDiagnostic, WrapErr, bail};

/// A command to be run.
pub(crate) struct Invocation {
    command: Command,
}

/// A cargo subcommand, with the cargo that runs xtask.
pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Invocation {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    Invocation::new(cargo).args(args)
}

impl Invocation {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        // Variables that cargo sets for xtask. Build scripts that read them (ring's) would run
        // again, with everything that depends on them, whenever cargo is called by xtask and then
        // by hand.
        let of_xtask = |key: &OsString| {
            let key = key.to_string_lossy();
            key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_")
        };
        for (key, _) in std::env::vars_os().filter(|(key, _)| of_xtask(key)) {
            command.env_remove(key);
        }
        Invocation { command }
    }

    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: &Path) -> Self {
        self.command.env(key, value);
        self
    }

    /// Puts a directory in front of `PATH`.
    pub(crate) fn path(mut self, dir: &Path) -> Self {
        let old = std::env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(dir.to_owned()).chain(std::env::split_paths(&old));
        if let Ok(path) = std::env::join_paths(dirs) {
            self.command.env("PATH", path);
        }
        self
    }

    pub(crate) fn succeeds(mut self) -> miette::Result<bool> {
        let words = self.words();
        let status = self.command.status().into_diagnostic().wrap_err(words)?;
        Ok(status.success())
    }

    pub(crate) fn run(mut self) -> miette::Result<()> {
        let words = self.words();
        tell(&words);
        let status = self.command.status().into_diagnostic().wrap_err(words.clone())?;
        if !status.success() {
            bail!("`{words}` ended with {status}");
        }
        Ok(())
    }

    fn words(&self) -> String {
        let args = self.command.get_args().map(OsStr::to_string_lossy);
        let words = std::iter::once(self.command.get_program().to_string_lossy()).chain(args);
        words.collect::<Vec<_>>().join(" ")
    }
}

#[expect(clippy::print_stderr, reason = "a chore prints to its user")]
pub(crate) fn tell(text: &str) {
    eprintln!("xtask: {text}");
}
