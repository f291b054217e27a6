//! One run of an external tool.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::FutureExt;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::TERMINATED;
use sparkproof_base::error::{Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::{Instant, sleep_until};

use super::Group;
use crate::engine::LinuxDistribution;

/// How long output is read after a tool has ended: some programs leave a process behind that holds
/// the pipes open for ever.
const LINGER: Duration = Duration::from_secs(2);
/// Lines of a failed tool's output in its error.
const QUOTED_LINES: usize = 12;

/// An external tool: program, arguments, environment, deadline.
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

/// The output of a tool that ended with status 0.
#[derive(Debug, Clone)]
pub struct ToolOutput {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// The output of a tool that ended with a status other than 0: the source of its error.
#[derive(Debug)]
pub struct Failed {
    /// Its last lines.
    pub said: String,
}

impl Failed {
    /// The output of the tool that caused an error, if a tool did.
    pub fn of(error: &Error) -> Option<&Failed> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Failed {}

impl Tool {
    /// A program on `PATH`, with a deadline of 60 s.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let name = Path::new(program)
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Tool { command, name, deadline: Duration::from_secs(60), stdin: None, on_line: None }
    }

    /// As [`Tool::new`], but the kernel kills it when this process is killed: for tools that write
    /// to files that the next process would write, too.
    pub fn bound(program: &str) -> Self {
        let mut tool = Tool::new("setpriv");
        tool.command.args(["--pdeathsig", "KILL", "--", program]);
        tool.name = program.to_owned();
        tool
    }

    /// Adds arguments. Never a secret: they can be read in `/proc/*/cmdline`.
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

    /// Removes inherited environment variables. Call it before setting others.
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

    /// Sets its standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.stdin = Some(bytes.into());
        self
    }

    /// Calls a function for each line of standard error as it comes, for progress.
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

    /// Runs to the end of the program, and at most 2 s longer if other processes hold its output
    /// open.
    ///
    /// # Errors
    /// Environment: the program is not found, a status other than 0, the deadline passed; the
    /// latter two with the last lines of its output. Interrupted.
    pub async fn run(mut self, context: &Context) -> Result<ToolOutput> {
        let words = self.words();
        // A killed tool's temporary files are removed with the run's state.
        self.command.env("TMPDIR", context.run.dir());
        let program = self.command.as_std().get_program().to_owned();
        let mut group = Group::spawn(context, &mut self.command, &self.name, |e| {
            let remedy = remedy(&program, &e);
            Error::environment(format!("starting `{words}`")).with_source(e).remedy(remedy)
        })?;
        let mut output = Output::default();
        let in_time = converse(context, &mut group, &mut output, self).await;
        // The status is kept until here: the leader is reaped only now, after its group.
        let status = group.status();
        group.finish()?;
        let finished = output.text();
        let said = || {
            let (errors, other) = (&finished.stderr, &finished.stdout);
            let said = if errors.trim().is_empty() { other } else { errors };
            match last_lines(&context.recorder.secrets().scrub(said), QUOTED_LINES) {
                said if said.is_empty() => "it printed nothing".to_owned(),
                said => said,
            }
        };
        match (in_time, status) {
            (Ok(()), Some(status)) if status.success() => Ok(finished),
            (Ok(()), Some(status)) => {
                let said = said();
                let what = format!("`{words}` ended with {status}: {said}");
                Err(Error::environment(what).with_source(Failed { said }))
            }
            (Ok(()), None) => {
                Err(Error::internal(format!("the exit status of `{words}` is not known")))
            }
            (Err(Stopped::Interrupted(error)), _) => Err(error),
            (Err(Stopped::Late(deadline)), _) => Err(Error::environment(format!(
                "`{words}` had not ended after {} s: {}",
                deadline.as_secs(),
                said()
            ))),
        }
    }
}

/// The remedy for a program that could not be started.
fn remedy(program: &OsStr, error: &std::io::Error) -> String {
    let missing = error.kind() == std::io::ErrorKind::NotFound;
    let name = program.to_string_lossy();
    match missing && !name.contains('/') {
        true => LinuxDistribution::here().how_to_get(&name),
        false => format!("check that {name} exists and is executable"),
    }
}

/// Why a tool was ended.
enum Stopped {
    Late(Duration),
    Interrupted(Error),
}

/// The output of a tool so far.
#[derive(Default)]
struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    fn text(&self) -> ToolOutput {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        ToolOutput { stdout: text(&self.stdout), stderr: text(&self.stderr) }
    }
}

/// Writes its input and reads its output until it has ended, or ends it.
async fn converse(
    context: &Context,
    group: &mut Group,
    output: &mut Output,
    tool: Tool,
) -> Result<(), Stopped> {
    let Tool { deadline, stdin, on_line, .. } = tool;
    let pipes = group.pipes();
    let (input, printed, errors) = (pipes.stdin.take(), pipes.stdout.take(), pipes.stderr.take());
    let feed = async {
        if let (Some(mut pipe), Some(bytes)) = (input, stdin) {
            // A tool that ends without reading its input reports that by its status.
            let _ = pipe.write_all(&bytes).await;
        }
    };
    let sink = |line: &str| {
        if let Some(sink) = &on_line {
            sink.0(line);
        }
    };
    let read = async {
        let printed = drain(printed, &mut output.stdout, |_| {});
        tokio::join!(feed, printed, drain(errors, &mut output.stderr, sink));
    };
    let read = read.fuse();
    tokio::pin!(read);
    let group = &*group;
    let all = async {
        let lingering = async {
            group.ended().await;
            sleep_until(Instant::now() + LINGER).await;
        };
        tokio::select! {
            () = &mut read => drop(group.ended().await),
            () = lingering => {}
        }
    };
    let stopped = tokio::select! {
        () = all => return Ok(()),
        () = sleep_until(Instant::now() + deadline) => Stopped::Late(deadline),
        error = context.cancel.cancelled() => Stopped::Interrupted(error),
    };
    // It may print the reason while it ends.
    let reading = async {
        read.await;
        std::future::pending().await
    };
    tokio::select! {
        () = group.terminate(TERMINATED) => {}
        () = reading => {}
    }
    Err(stopped)
}

/// Reads to the end of the pipe; what was read is kept if this future is dropped.
async fn drain(
    pipe: Option<impl AsyncRead + Unpin>,
    into: &mut Vec<u8>,
    mut line: impl FnMut(&str),
) {
    let Some(mut pipe) = pipe else { return };
    let mut seen = 0;
    while pipe.read_buf(into).await.is_ok_and(|read| read > 0) {
        while let Some(length) = into[seen..].iter().position(|byte| *byte == b'\n') {
            line(&String::from_utf8_lossy(&into[seen..seen + length]));
            seen += length + 1;
        }
    }
    if seen < into.len() {
        line(&String::from_utf8_lossy(&into[seen..]));
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn output_status_and_deadline() {
        let (context, _keep) = test_context();
        let done =
            Tool::new("sh").args(["-c", "cat; echo err >&2"]).stdin("in").run(&context).await;
        let done = done.expect("sh runs");
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("in", "err\n"));

        let failed = Tool::new("sh").args(["-c", "echo why >&2; exit 3"]).run(&context).await;
        let failed = failed.expect_err("status 3");
        assert!(failed.to_string().ends_with("ended with exit status: 3: why"), "{failed}");
        assert_eq!(Failed::of(&failed).map(|f| f.said.as_str()), Some("why"));

        let late =
            Tool::new("sleep").args(["600"]).deadline(Duration::from_millis(50)).run(&context);
        assert!(late.await.expect_err("deadline").to_string().contains("had not ended"));
        assert!(context.run.owned().is_empty(), "every process was removed");
    }

    #[tokio::test]
    async fn what_a_late_tool_printed_is_in_the_error() {
        let (context, _keep) = test_context();
        let script = "echo downloading $((40 + 2)) jars >&2; exec sleep 600";
        let late =
            Tool::new("sh").args(["-c", script]).deadline(Duration::from_millis(500)).run(&context);
        let text = late.await.expect_err("deadline").to_string();
        assert!(text.contains("had not ended") && text.contains("downloading 42 jars"), "{text}");
    }

    #[tokio::test]
    async fn a_child_that_holds_the_output_open_does_not_keep_a_tool_running() {
        let (context, keep) = test_context();
        let begun = std::time::Instant::now();
        // In a separate group, which ending the tool's group does not reach.
        let pid = keep.path().join("pid");
        let script = "echo done; setsid sh -c 'echo $$ > \"$0\"; exec sleep 600' \"$1\" &";
        let tool = Tool::new("sh").args(["-c", script, "sh"]).args([&pid]);
        let done = tool.deadline(Duration::from_secs(60)).run(&context).await.expect("it ended");
        assert_eq!(done.stdout, "done\n");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert_eq!(crate::exec::end_strays(&context).await.expect("ended"), 1);
    }

    #[tokio::test]
    async fn a_missing_program_is_answered_with_what_to_install_here() {
        let (context, _keep) = test_context();
        let missing = Tool::new("debootstrap-missing").run(&context).await.expect_err("missing");
        let remedy = missing.remedy.expect("a remedy");
        assert!(remedy.starts_with("put debootstrap-missing on PATH: "), "{remedy}");
        let here = LinuxDistribution::here();
        let go = remedy_of("go");
        assert_eq!(go, here.how_to_get("go"), "the package of this distribution: {go}");
        assert!(remedy_of("/opt/spark/bin/x").contains("exists and is executable"));
    }

    fn remedy_of(program: &str) -> String {
        remedy(OsStr::new(program), &std::io::ErrorKind::NotFound.into())
    }

    #[tokio::test]
    async fn a_dropped_run_leaves_no_process() {
        let (context, _keep) = test_context();
        let run = Tool::new("sh").args(["-c", "sleep 600 & sleep 600"]).run(&context);
        assert!(tokio::time::timeout(Duration::from_millis(100), run).await.is_err());
        assert!(context.run.owned().is_empty(), "removed");
    }

    #[tokio::test]
    async fn an_interruption_ends_the_tool() {
        let (context, _keep) = test_context();
        context.cancel.cancel(sparkproof_base::Exit::Terminate);
        let error = Tool::new("sleep").args(["600"]).run(&context).await.expect_err("cancelled");
        assert_eq!(error.exit, sparkproof_base::Exit::Terminate);
    }
}
