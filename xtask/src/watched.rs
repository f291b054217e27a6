//! A sparkproof process whose events are read, so that it can be interrupted or killed at a known
//! moment.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic, WrapErr, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Every process of a run has the run's id in this variable (`ledger::labels::RUN_VARIABLE`).
const OWNER: &str = "SPARKPROOF_OWNER_RUN";

/// A running `sparkproof --json …`.
#[derive(Debug)]
pub struct Watched {
    child: Child,
    /// The run's id, once it has been read.
    pub run: String,
}

impl Watched {
    /// Starts sparkproof with these arguments.
    pub fn start(exe: &Path, args: &[&str]) -> miette::Result<Self> {
        let child = Command::new(exe)
            .arg("--json")
            .args(args)
            // Reports go below the workspace's target directory.
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .into_diagnostic()
            .wrap_err_with(|| format!("starting {}", exe.display()))?;
        Ok(Watched { child, run: String::new() })
    }

    /// Reads events until the phase begins. An error if the process ends before that.
    pub fn reach(&mut self, phase: &str) -> miette::Result<()> {
        let Some(output) = self.child.stdout.take() else { bail!("its output was taken before") };
        let mut lines = BufReader::new(output).lines();
        while let Some(Ok(line)) = lines.next() {
            let event: serde_json::Value = serde_json::from_str(&line).into_diagnostic()?;
            let body = &event["body"];
            if let Some(id) = body["run"].as_str() {
                id.clone_into(&mut self.run);
            }
            if body["event"] == "phase-started" && body["phase"] == phase {
                // Drains the pipe, so that the run does not block.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(());
            }
        }
        bail!("the run ended before its phase {phase} began")
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: Signal) -> miette::Result<()> {
        match Pid::from_raw(self.child.id().cast_signed()) {
            Some(pid) => kill_process(pid, signal).into_diagnostic(),
            None => bail!("no process"),
        }
    }

    /// SIGKILL to every process with the run's variable (tools, drivers), and with `engine`
    /// to sparkproof's Docker daemon, its containerd and its shims.
    pub fn kill_all(&self, engine: bool) -> miette::Result<()> {
        for process in procfs::process::all_processes().into_diagnostic()?.flatten() {
            let environ = process.environ().unwrap_or_default();
            let marked = environ.get(OsStr::new(OWNER)).is_some_and(|value| *value == *self.run);
            let words = process.cmdline().unwrap_or_default();
            let of_engine = engine && words.iter().any(|word| word.contains("/sparkproof/engine/"));
            if (marked || of_engine)
                && let Some(pid) = Pid::from_raw(process.pid)
            {
                // A process may have ended meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        Ok(())
    }

    /// Waits for its end and reaps it; kills it after `within`.
    pub fn end(mut self, within: Duration) -> miette::Result<ExitStatus> {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().into_diagnostic()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                self.child.kill().into_diagnostic()?;
                self.child.wait().into_diagnostic()?;
                bail!("it had not ended after {} s", within.as_secs());
            }
            pause(Duration::from_millis(100));
        }
    }
}

/// The one pause outside the library's wait. Waiting for a child cannot time out without unsafe
/// code, and a seeded kill needs its exact time.
#[expect(clippy::disallowed_methods, reason = "see above")]
pub fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
