//! A Clojure REPL in a terminal, as a user starts it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::DRIVER_ENDS;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::plan::ClassPath;
use sparkproof_machine::exec::{Group, Terminal};
use tokio::process::Command;

use super::super::driver::foreign;

/// What `clojure.main` prints when it waits for a form.
const PROMPT: &str = "user=> ";
/// Deadline from the start of the JVM to the first prompt.
const START: Duration = Duration::from_secs(60);
/// Deadline of a form: Geni's sources may have to be compiled, and a session waits up to 120 s for
/// executors.
const FORM: Duration = Duration::from_secs(240);

/// Parameters for starting a REPL.
#[derive(Debug)]
pub(super) struct Start<'a> {
    /// Its working directory.
    pub(super) dir: &'a Path,
    /// The directory for temporary files and the REPL's output.
    pub(super) private: &'a Path,
    /// Spark's home. Its jars come first on the class path, so that driver and executors run the same.
    pub(super) spark_home: &'a Path,
    pub(super) geni: &'a ClassPath,
    pub(super) java_home: Option<&'a Path>,
    /// The kubeconfig for kubectl and Spark.
    pub(super) kubeconfig: &'a Path,
    /// The command line of `clj`.
    pub(super) line: &'a str,
}

/// A running REPL. It is killed when this value is dropped.
#[derive(Debug)]
pub(super) struct Repl {
    context: Context,
    jvm: Group,
    terminal: Terminal,
    log: PathBuf,
    forms: usize,
}

impl Repl {
    /// Starts it; returns it and its output up to the first prompt.
    pub(super) async fn start(context: &Context, start: &Start<'_>) -> Result<(Self, String)> {
        let log = start.private.join("terminal");
        let (jvm, terminal) = spawn(context, start, &log)?;
        let repl = Repl { context: context.clone(), jvm, terminal, log, forms: 0 };
        let said = repl.answer("the REPL", START).await?;
        Ok((repl, said))
    }

    /// Types one form; returns the output up to the next prompt. An exception is an answer, too.
    pub(super) async fn type_in(&mut self, form: &str) -> Result<String> {
        self.forms += 1;
        self.terminal.type_in(form).await?;
        self.answer(form, FORM).await
    }

    /// The output between the last form and the next prompt.
    async fn answer(&self, what: &str, deadline: Duration) -> Result<String> {
        let waiting = Waiting { what: format!("the answer to {what}"), deadline };
        let (log, forms, jvm) = (&self.log, self.forms, &self.jvm);
        // The output file is polled.
        wait(&self.context, waiting, Source::Backoff, async || {
            let text = printed(log);
            let mut answers = text.split(PROMPT).skip(forms);
            let answer = answers.next().unwrap_or_default();
            if answers.next().is_some() {
                return Progress::Met(answer.to_owned());
            }
            match jvm.status() {
                None => Progress::NotYet(last_line(answer)),
                Some(status) => Progress::Never(
                    Error::environment(format!("the REPL ended: {status}")).with_source(answer),
                ),
            }
        })
        .await
    }

    /// Closes it by Ctrl-D, and waits for its end.
    pub(super) async fn close(mut self) -> Result<()> {
        self.terminal.end_input().await?;
        self.ended("the closed REPL").await
    }

    /// Kills the JVM by kill -9, and waits for its end.
    pub(super) async fn kill(self) -> Result<()> {
        self.jvm.signal(Signal::KILL);
        self.ended("the killed REPL").await
    }

    async fn ended(&self, what: &str) -> Result<()> {
        let waiting = Waiting { what: format!("the end of {what}"), deadline: DRIVER_ENDS };
        wait(&self.context, waiting, Source::Backoff, async || match self.jvm.status() {
            None => Progress::NotYet("running".to_owned()),
            Some(_) => Progress::Met(()),
        })
        .await
    }
}

fn spawn(context: &Context, start: &Start<'_>, log: &Path) -> Result<(Group, Terminal)> {
    let what = "preparing the REPL";
    let file = fs_err::File::create(log).or_environment(what)?.into_parts().0;
    let temporary = start.private.join("tmp");
    fs_err::create_dir_all(&temporary).or_environment(what)?;
    let jars = format!("{}/jars/*:{}", start.spark_home.display(), start.geni);
    let line = Line::of(start.line);
    let java = start.java_home.map_or("java".into(), |home| home.join("bin/java"));
    let mut command = Command::new(java);
    for key in foreign() {
        command.env_remove(key);
    }
    command
        .args(line.options)
        .args(["-cp", &jars, "clojure.main"])
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .env("KUBECONFIG", start.kubeconfig)
        .env("TMPDIR", &temporary)
        // As for other drivers; Clojure prints its report of an exception to the terminal.
        .env(
            "JDK_JAVA_OPTIONS",
            format!(
                "-Xmx1g -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Djava.io.tmpdir={} \
                 -Dclojure.main.report=stderr",
                temporary.display()
            ),
        )
        .envs(line.variables)
        .current_dir(start.dir);
    Terminal::spawn(context, command, "a REPL's JVM", file, |e| {
        let error = Error::environment("starting a REPL at a terminal").with_source(e);
        error.remedy("a Java runtime on PATH (or JAVA_HOME)")
    })
}

/// The environment and JVM options in a line of clj. Its dependencies are not used: the class path is
/// given.
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
    // Removes Spark's log lines, except those with a prompt.
    let quiet = |line: &str| line.contains(" INFO ") && !line.contains(PROMPT);
    text.split_inclusive('\n').filter(|line| !quiet(line)).collect()
}

fn last_line(text: &str) -> String {
    text.trim().lines().next_back().unwrap_or("nothing printed").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

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

    /// In the place of Clojure: says its prompt, and the last form.
    const PROMPTS: &str = "#!/bin/sh\nprintf 'Clojure\\nuser=> '\n\
                           while read -r form; do printf 'said %s\\nuser=> ' \"$form\"; done\n";

    async fn started(context: &Context, dir: &Path) -> (Repl, String) {
        use std::os::unix::fs::PermissionsExt;
        let java = dir.join("bin/java");
        std::fs::create_dir_all(dir.join("bin")).expect("made");
        std::fs::write(&java, PROMPTS).expect("written");
        std::fs::set_permissions(&java, PermissionsExt::from_mode(0o700)).expect("set");
        let start = Start {
            dir,
            private: dir,
            spark_home: dir,
            geni: &ClassPath::new(""),
            java_home: Some(dir),
            kubeconfig: dir,
            line: "clj",
        };
        Repl::start(context, &start).await.expect("started")
    }

    #[tokio::test]
    async fn an_answer_ends_at_the_next_prompt_and_ctrl_d_ends_all() {
        let (context, keep) = test_context();
        let (mut repl, said) = started(&context, keep.path()).await;
        assert_eq!(said, "Clojure\n");
        assert_eq!(repl.type_in("(+ 1 2)").await.expect("answered"), "said (+ 1 2)\n");
        assert_eq!(context.run.owned().len(), 1, "in the ledger");
        repl.close().await.expect("ended");
        let (repl, _) = started(&context, keep.path()).await;
        repl.kill().await.expect("ended");
        assert!(context.run.owned().is_empty());
    }

    #[tokio::test]
    async fn a_repl_that_ended_says_so() {
        let (context, keep) = test_context();
        let (mut repl, _) = started(&context, keep.path()).await;
        repl.jvm.signal(Signal::KILL);
        repl.jvm.ended().await;
        let error = repl.type_in("1").await.expect_err("ended");
        assert!(error.to_string().contains("the REPL ended: signal: 9"), "{error}");
    }
}
