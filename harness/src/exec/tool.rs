//! One run of an external tool.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use crate::context::Context;
use crate::engine::LinuxDistribution;
use crate::error::{Error, OrFail, Result};
use crate::ledger::Owned;
use crate::ledger::labels::RUN_VARIABLE;

/// How long a tool may take to end after SIGTERM before SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// How much of a failed tool's output an error quotes.
const QUOTED_LINES: usize = 12;

/// A tool to be run: program, arguments, environment, deadline.
#[derive(Debug)]
pub struct Tool {
    command: Command,
    name: String,
    deadline: Duration,
    stdin: Option<Vec<u8>>,
    on_line: Option<LineSink>,
}

struct LineSink(Box<dyn Fn(&str) + Send + Sync>);
impl std::fmt::Debug for LineSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LineSink")
    }
}

/// What a tool that ended with status 0 printed.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Tool {
    /// A program with a deadline (default 60 s), found on `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let name = Path::new(program)
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let mut command = Command::new(program);
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A dropped future must not leave the tool behind.
        command.kill_on_drop(true);
        Tool { command, name, deadline: Duration::from_secs(60), stdin: None, on_line: None }
    }

    /// As [`Tool::new`], and the kernel kills it when we are killed: for tools that write where the
    /// next process would write, too.
    pub fn bound(program: &str) -> Self {
        let mut tool = Tool::new("setpriv");
        tool.command.args(["--pdeathsig", "KILL", "--", program]);
        tool.name = program.to_owned();
        tool
    }

    /// Adds arguments. Never a secret: they show in `/proc/*/cmdline`.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Sets environment variables.
    #[must_use]
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.command.envs(variables);
        self
    }

    /// Does not hand on these variables of ours. Before those that are set.
    #[must_use]
    pub fn without_env(mut self, keys: impl IntoIterator<Item = OsString>) -> Self {
        for key in keys {
            self.command.env_remove(key);
        }
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.command.current_dir(dir.into());
        self
    }

    /// Sets the deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Bytes for its standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(bytes.into());
        self
    }

    /// Sees each line of standard error as it comes, for progress.
    #[must_use]
    pub fn on_line(mut self, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_line = Some(LineSink(Box::new(sink)));
        self
    }

    fn words(&self) -> String {
        let std = self.command.as_std();
        let args: Vec<OsString> = std.get_args().map(OsStr::to_owned).collect();
        let args = args.iter().map(|a| a.to_string_lossy()).collect::<Vec<_>>().join(" ");
        format!("{} {args}", self.name)
    }

    /// Runs to the end. Errors (class environment): not found, non-zero status (with the last
    /// lines it printed), deadline passed, interrupted.
    pub async fn run(mut self, context: &Context) -> Result<Finished> {
        let words = self.words();
        // Whatever it starts is found by this, even when the group's leader is gone.
        self.command.env(RUN_VARIABLE, context.run.id());
        // What a killed tool leaves in its temporary directory goes with the run's state.
        self.command.env("TMPDIR", context.run.dir());
        let mut child = self.command.spawn().map_err(|e| {
            let remedy = remedy(self.command.as_std().get_program(), &e);
            Error::environment(format!("starting `{words}`")).because(e).remedy(remedy)
        })?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let owned = match group {
            Some(pid) => Owned::process(pid.as_raw_nonzero().get().cast_unsigned(), &self.name),
            None => None,
        };
        // From here on whatever ends this function, be it that its future is dropped, ends the
        // group and gives it back.
        let running = Running { context, group, owned };
        if let Some(owned) = &running.owned {
            context.run.own(owned.clone())?;
        }
        let work = collect(&mut child, self.stdin.take(), self.on_line.take());
        let ended = tokio::select! {
            result = work => Some(result),
            () = tokio::time::sleep_until(tokio::time::Instant::now() + self.deadline) => None,
            _ = context.cancel.cancelled() => None,
        };
        let result = match ended {
            Some(result) => result.or_environment(format!("running `{words}`")),
            None => {
                end_group(&mut child, group).await;
                match context.cancel.exit() {
                    Some(exit) => Err(Error::interrupted(exit)),
                    None => Err(Error::environment(format!(
                        "`{words}` had not ended after {} s",
                        self.deadline.as_secs()
                    ))),
                }
            }
        };
        drop(running);
        let (status, finished) = result?;
        if status.success() {
            return Ok(finished);
        }
        let said =
            if finished.stderr.trim().is_empty() { &finished.stdout } else { &finished.stderr };
        let said = last_lines(&context.recorder.secrets().scrub(said), QUOTED_LINES);
        Err(Error::environment(format!("`{words}` ended with {status}: {said}")))
    }
}

/// What to do about a program that could not be started.
fn remedy(program: &OsStr, error: &std::io::Error) -> String {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let name = program.to_string_lossy();
    match missing && !name.contains('/') {
        true => LinuxDistribution::here().how_to_get(&name),
        false => format!("see that {name} is there and may be run"),
    }
}

/// A tool's process group while it runs.
struct Running<'a> {
    context: &'a Context,
    group: Option<Pid>,
    owned: Option<Owned>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Whatever the tool left in its group goes with it.
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Some(owned) = &self.owned {
            // A ledger that cannot be written names a process too many: `sweep` finds it gone.
            let _ = self.context.run.gave_back(owned);
        }
    }
}

async fn collect(
    child: &mut Child,
    stdin: Option<Vec<u8>>,
    on_line: Option<LineSink>,
) -> std::io::Result<(std::process::ExitStatus, Finished)> {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let input = child.stdin.take();
    let output = child.stdout.take();
    let errors = child.stderr.take();
    let feed = async {
        if let (Some(mut pipe), Some(bytes)) = (input, stdin) {
            // A tool that ends without reading says so by its status.
            let _ = pipe.write_all(&bytes).await;
        }
    };
    let read_output = async {
        let mut text = Vec::new();
        if let Some(mut pipe) = output {
            let _ = pipe.read_to_end(&mut text).await;
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    let read_errors = async {
        let mut text = String::new();
        if let Some(pipe) = errors {
            let mut lines = BufReader::new(pipe).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let line = String::from_utf8_lossy(&line);
                if let Some(sink) = &on_line {
                    sink.0(&line);
                }
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    };
    let ((), stdout, stderr, status) = tokio::join!(feed, read_output, read_errors, child.wait());
    Ok((status?, Finished { stdout, stderr }))
}

/// SIGTERM to the whole group, then SIGKILL; the leader is reaped.
async fn end_group(child: &mut Child, group: Option<Pid>) {
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::TERM);
        if tokio::time::timeout(GRACE, child.wait()).await.is_ok() {
            return;
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait().await;
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_context;

    #[tokio::test]
    async fn output_status_and_deadline() {
        let (context, _keep) = test_context();
        let done =
            Tool::new("sh").args(["-c", "cat; echo err >&2"]).stdin("in").run(&context).await;
        let done = done.expect("sh runs");
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("in", "err\n"));

        let failed = Tool::new("sh").args(["-c", "echo why >&2; exit 3"]).run(&context).await;
        let text = failed.expect_err("status 3").to_string();
        assert!(text.contains("exit status: 3") && text.contains("why"), "{text}");

        let late =
            Tool::new("sleep").args(["600"]).deadline(Duration::from_millis(50)).run(&context);
        assert!(late.await.expect_err("deadline").to_string().contains("had not ended"));
        assert!(context.run.owned().is_empty(), "every process was given back");
    }

    #[tokio::test]
    async fn a_missing_program_is_answered_with_what_to_install_here() {
        let (context, _keep) = test_context();
        let missing = Tool::new("debootstrap-of-nobody").run(&context).await.expect_err("missing");
        let remedy = missing.remedy.expect("a remedy");
        assert!(remedy.starts_with("put debootstrap-of-nobody on PATH: "), "{remedy}");
        let here = LinuxDistribution::here();
        let go = remedy_of("go");
        assert_eq!(go, here.how_to_get("go"), "the package of this distribution: {go}");
        assert!(remedy_of("/opt/spark/bin/x").contains("is there and may be run"));
    }

    fn remedy_of(program: &str) -> String {
        remedy(OsStr::new(program), &std::io::ErrorKind::NotFound.into())
    }

    #[tokio::test]
    async fn a_dropped_run_leaves_no_process() {
        let (context, _keep) = test_context();
        let run = Tool::new("sh").args(["-c", "sleep 600 & sleep 600"]).run(&context);
        assert!(tokio::time::timeout(Duration::from_millis(100), run).await.is_err());
        assert!(context.run.owned().is_empty(), "given back");
    }

    #[tokio::test]
    async fn an_interruption_ends_the_tool() {
        let (context, _keep) = test_context();
        context.cancel.cancel(crate::Exit::Terminate);
        let error = Tool::new("sleep").args(["600"]).run(&context).await.expect_err("cancelled");
        assert_eq!(error.exit, crate::Exit::Terminate);
    }
}
