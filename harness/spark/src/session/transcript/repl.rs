//! A Clojure REPL at a terminal, as its user has it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::DRIVER_ENDS;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::plan::ClassPath;
use sparkproof_machine::exec::{Group, processes, signal_process};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};

use super::super::driver::foreign;

/// What `clojure.main` prints when it waits for a form.
const PROMPT: &str = "user=> ";
/// A JVM and Clojure, to the first prompt.
const START: Duration = Duration::from_secs(60);
/// A form: Geni's sources may have to be compiled, and a session waits for executors for 120 s.
const FORM: Duration = Duration::from_secs(240);

/// What a REPL is started with.
#[derive(Debug)]
pub(super) struct Start<'a> {
    /// Its working directory.
    pub(super) dir: &'a Path,
    /// For temporary files and what it prints.
    pub(super) private: &'a Path,
    /// Spark's own jars come first: what the driver runs is what executors run.
    pub(super) spark_home: &'a Path,
    pub(super) geni: &'a ClassPath,
    pub(super) java_home: Option<&'a Path>,
    /// What kubectl and so Spark find.
    pub(super) kubeconfig: &'a Path,
    /// The line of clj.
    pub(super) line: &'a str,
}

/// A running REPL.
#[derive(Debug)]
pub(super) struct Repl {
    context: Context,
    script: Group,
    terminal: Option<ChildStdin>,
    jvm: Option<OwnedResource>,
    log: PathBuf,
    forms: usize,
}

impl Repl {
    /// Starts it, and what it said up to its first prompt.
    ///
    /// A terminal of its own comes by util-linux' `script`, whose child is the JVM: it ends by
    /// Ctrl-D when our end is closed, and by SIGHUP when `script` is gone.
    pub(super) async fn start(context: &Context, start: &Start<'_>) -> Result<(Self, String)> {
        let log = start.private.join("terminal");
        let mut script = spawn(context, start, &log)?;
        let terminal = script.pipes().stdin.take();
        let context = context.clone();
        let mut repl = Repl { context, script, terminal, jvm: None, log, forms: 0 };
        let said = repl.answer("the REPL", START).await?;
        let id = repl.script.id().cast_signed();
        let of_terminal = |p: &procfs::process::Process| p.stat().is_ok_and(|stat| stat.ppid == id);
        let jvm = processes(of_terminal).first().map(|p| p.pid().cast_unsigned());
        let jvm = jvm.and_then(|jvm| OwnedResource::process(jvm, "a REPL's JVM"));
        let ended = || Error::environment("the REPL ended at once").with_source(repl.printed());
        let jvm = jvm.ok_or_else(ended)?;
        repl.context.run.record(jvm.clone())?;
        repl.jvm = Some(jvm);
        Ok((repl, said))
    }

    /// Types one form; what was printed until the next prompt. An exception is an answer, too.
    pub(super) async fn type_in(&mut self, form: &str) -> Result<String> {
        self.forms += 1;
        self.write(form).await.or_environment("typing into the REPL")?;
        self.answer(form, FORM).await
    }

    async fn write(&mut self, form: &str) -> std::io::Result<()> {
        let Some(terminal) = &mut self.terminal else {
            return Err(std::io::Error::other("it was closed"));
        };
        terminal.write_all(format!("{form}\n").as_bytes()).await?;
        terminal.flush().await
    }

    /// What stands between the last form and the next prompt.
    async fn answer(&mut self, what: &str, deadline: Duration) -> Result<String> {
        let waiting = Waiting { what: format!("the answer to {what}"), deadline };
        let (log, forms, script) = (&self.log, self.forms, &self.script);
        // A file that grows has no watch here: polled.
        wait(&self.context, waiting, Source::Backoff, async || {
            let text = printed(log);
            let mut answers = text.split(PROMPT).skip(forms);
            let answer = answers.next().unwrap_or_default();
            if answers.next().is_some() {
                return Progress::Met(answer.to_owned());
            }
            match script.status() {
                None => Progress::NotYet(last_line(answer)),
                Some(status) => Progress::Never(
                    Error::environment(format!("the REPL ended: {status}")).with_source(answer),
                ),
            }
        })
        .await
    }

    /// All that was printed, without the log of Spark below WARN.
    pub(super) fn printed(&self) -> String {
        printed(&self.log)
    }

    /// Ctrl-D, and the wait for its end.
    pub(super) async fn close(mut self) -> Result<()> {
        drop(self.terminal.take());
        self.ended("the closed REPL").await
    }

    /// kill -9 of the JVM.
    pub(super) async fn kill(self) -> Result<()> {
        if let Some(jvm) = &self.jvm {
            signal_process(jvm, Signal::KILL);
        }
        self.ended("the killed REPL").await
    }

    async fn ended(&self, what: &str) -> Result<()> {
        let waiting = Waiting { what: format!("the end of {what}"), deadline: DRIVER_ENDS };
        wait(&self.context, waiting, Source::Backoff, async || match self.script.status() {
            None => Progress::NotYet("running".to_owned()),
            Some(_) => Progress::Met(()),
        })
        .await
        // Dropped, it ends what is left.
    }
}

impl Drop for Repl {
    fn drop(&mut self) {
        if let Some(jvm) = self.jvm.take() {
            signal_process(&jvm, Signal::KILL);
            let _ = self.context.run.released(&jvm);
        }
    }
}

fn spawn(context: &Context, start: &Start<'_>, log: &Path) -> Result<Group> {
    let what = "preparing the REPL";
    let file = fs_err::File::create(log).or_environment(what)?.into_parts().0;
    let temporary = start.private.join("tmp");
    fs_err::create_dir_all(&temporary).or_environment(what)?;
    let jars = format!("{}/jars/*:{}", start.spark_home.display(), start.geni);
    let line = Line::of(start.line);
    let mut command = Command::new("script");
    for key in foreign() {
        command.env_remove(key);
    }
    let java = start.java_home.map_or("java".into(), |home| home.join("bin/java"));
    command
        // What is typed is known; only answers are to be read.
        .args(["--quiet", "--flush", "--echo", "never", "--command"])
        .arg("exec \"$JAVA\" $OPTIONS -cp \"$JARS\" clojure.main")
        .arg("/dev/null")
        .env("JAVA", java)
        .env("OPTIONS", line.options.join(" "))
        .env("JARS", jars)
        .env("SHELL", "/bin/sh")
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .env("KUBECONFIG", start.kubeconfig)
        .env("TMPDIR", &temporary)
        // As for other drivers; and what Clojure tells of an exception comes to the terminal.
        .env(
            "JDK_JAVA_OPTIONS",
            format!(
                "-Xmx1g -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Djava.io.tmpdir={} \
                 -Dclojure.main.report=stderr",
                temporary.display()
            ),
        )
        .envs(line.variables)
        .current_dir(start.dir)
        .stdin(Stdio::piped())
        .stdout(file.try_clone().or_environment(what)?)
        .stderr(file);
    Group::spawn(context, &mut command, "a REPL's terminal", |e| {
        let error = Error::environment("starting a terminal for the REPL").with_source(e);
        error.remedy("util-linux' `script` on PATH")
    })
}

/// What a line of clj says of the JVM; its dependencies are the class path that is given.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    variables: Vec<(&'a str, &'a str)>,
    options: Vec<&'a str>,
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let before = line.split_whitespace().take_while(|word| *word != "clj");
        let options = line.split_whitespace().filter_map(|word| word.strip_prefix("-J"));
        Line {
            variables: before.filter_map(|word| word.split_once('=')).collect(),
            options: options.collect(),
        }
    }
}

fn printed(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\r', "");
    // Most of it is Spark's log; its prompts are kept.
    let quiet = |line: &str| line.contains(" INFO ") && !line.contains(PROMPT);
    text.split_inclusive('\n').filter(|line| !quiet(line)).collect()
}

fn last_line(text: &str) -> String {
    text.trim().lines().next_back().unwrap_or("nothing printed").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_clj_says_how_its_jvm_is_started() {
        let line = "KUBECONFIG=/dev/null clj -J--add-opens=java.base/java.io=ALL-UNNAMED \
                    -Sdeps '{:deps {x {:mvn/version \"1\"}}}'";
        let expected = Line {
            variables: vec![("KUBECONFIG", "/dev/null")],
            options: vec!["--add-opens=java.base/java.io=ALL-UNNAMED"],
        };
        assert_eq!(Line::of(line), expected);
        assert_eq!(Line::of("clj").options, Vec::<&str>::new());
    }

    #[test]
    fn what_is_printed_keeps_prompts_and_warnings() {
        let keep = tempfile::tempdir().expect("dir");
        let log = keep.path().join("log");
        let text = "Clojure 1.11.1\r\nuser=> 26/11/28 07:00:00 INFO SparkContext: x\r\nnil\r\n\
                    26/11/28 07:00:01 INFO SparkContext: y\r\n26/11/28 07:00:01 WARN z\r\nuser=> ";
        std::fs::write(&log, text).expect("written");
        let printed = printed(&log);
        assert_eq!(printed.matches(PROMPT).count(), 2);
        assert!(printed.contains("nil\n26/11/28 07:00:01 WARN z\nuser=> "), "{printed}");
    }
}
