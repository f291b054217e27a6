//! Types the steps of a list in order.

use std::collections::BTreeMap;
use std::path::Path;

use semver::{Version, VersionReq};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::plan::ClassPath;
use sparkproof_catalog::{Act, Step, Typed, When, filled};
use sparkproof_images::spark::SparkImage;
use sparkproof_judge::{Answer, Promise};
use tempfile::TempDir;

use super::super::driver::session_dir;
use super::repl::{Repl, Start};
use super::shell::Shell;

/// The versions in use. Java's is known once a REPL runs.
#[derive(Debug, Clone)]
pub struct Versions {
    /// Geni's version.
    pub geni: String,
    /// Spark's version.
    pub spark: SparkVersion,
}

/// A shell, a REPL, and their output so far.
#[derive(Debug)]
pub struct Typing {
    context: Context,
    image: SparkImage,
    geni: ClassPath,
    versions: Versions,
    java: Option<String>,
    values: BTreeMap<&'static str, String>,
    shell: Shell,
    repl: Option<Repl>,
    dir: TempDir,
    said: String,
}

impl Typing {
    /// Prepares a transcript with values for the guide's names.
    pub fn new(
        context: &Context,
        image: &SparkImage,
        kubeconfig: &Path,
        geni: (ClassPath, Versions),
        values: BTreeMap<&'static str, String>,
    ) -> Result<Self> {
        let dir = session_dir(context)?;
        let work = dir.path().join("scratch");
        fs_err::create_dir(&work).or_environment("preparing a transcript")?;
        Ok(Typing {
            context: context.clone(),
            image: image.clone(),
            geni: geni.0,
            versions: geni.1,
            java: None,
            values,
            shell: Shell {
                dir: work,
                kubeconfig: kubeconfig.to_owned(),
                spark_home: image.spark_home.clone(),
            },
            repl: None,
            dir,
            said: String::new(),
        })
    }

    /// Replaces the guide's names in a text by their values.
    pub fn filled(&self, text: &str) -> String {
        filled(text, &self.values)
    }

    /// Whether a step is for these versions.
    pub fn is_meant(&self, step: &Step) -> bool {
        let When { geni, spark, java } = &step.when;
        let fits = |req: &Option<VersionReq>, version: &str| {
            req.as_ref().is_none_or(|req| req.matches(&lenient(version)))
        };
        fits(geni, &self.versions.geni)
            && spark.as_ref().is_none_or(|range| self.versions.spark.is_in(range))
            && fits(java, self.java.as_deref().unwrap_or_default())
    }

    /// Runs a step; returns its answer, which is recorded before it is judged.
    pub async fn make(&mut self, step: &Step, promise: &Promise) -> Result<Answer> {
        let answered = match step.typed() {
            Typed::Shell(lines) => self.ask(step, promise, &self.filled(lines)).await,
            typed => self.answer(typed).await.map(Answer),
        };
        let typed = match step.typed() {
            Typed::Shell(text) | Typed::Repl(text) | Typed::Clojure(text) => self.filled(text),
            Typed::Act(act) => format!("({act:?})"),
        };
        let said = answered.as_ref().map_or("", |Answer(said)| said.trim());
        let Step { id, promise, .. } = step;
        self.said += &format!("== {id}: {promise}\n{}\n--\n{said}\n\n", typed.trim());
        answered
    }

    /// Types into the shell, repeatedly until the expected answer comes or the step's time is over.
    async fn ask(&self, step: &Step, promise: &Promise, lines: &str) -> Result<Answer> {
        let Some(seconds) = step.within else {
            return self.shell.type_in(&self.context, lines).await.map(Answer);
        };
        let waiting = Waiting::up_to(seconds, format!("what step {} expects", step.id));
        let mut last = None;
        let met = wait(&self.context, waiting, Source::Backoff, async || {
            match self.shell.type_in(&self.context, lines).await {
                Err(error) => Progress::Never(error),
                Ok(answer) => match last.insert(Answer(answer)).verdict(promise) {
                    Ok(_) => Progress::Met(()),
                    Err((reason, _)) => Progress::NotYet(reason),
                },
            }
        })
        .await;
        match (met, last) {
            (Err(error), _) if error.is_interruption() => Err(error),
            (_, Some(answer)) => Ok(answer),
            (Err(error), None) => Err(error),
            (Ok(()), None) => Err(Error::internal("nothing was typed")),
        }
    }

    async fn answer(&mut self, typed: Typed<'_>) -> Result<String> {
        match typed {
            Typed::Repl(line) => {
                if let Some(open) = self.repl.take() {
                    open.close().await?;
                }
                let line = self.filled(line);
                let (mut repl, said) = Repl::start(&self.context, &self.start(&line)).await?;
                let java = repl.type_in("(System/getProperty \"java.specification.version\")");
                self.java = Some(java.await?.trim().trim_matches('"').to_owned());
                self.repl = Some(repl);
                Ok(said)
            }
            Typed::Clojure(form) => {
                let form = self.filled(form.trim());
                self.open()?.type_in(&form).await
            }
            Typed::Act(act) => {
                self.open()?;
                match (act, self.repl.take()) {
                    (Act::Close, Some(repl)) => repl.close().await?,
                    (Act::Kill, Some(repl)) => repl.kill().await?,
                    (_, None) => {}
                }
                Ok(String::new())
            }
            Typed::Shell(_) => Err(Error::internal("a shell step reached the REPL")),
        }
    }

    fn open(&mut self) -> Result<&mut Repl> {
        self.repl
            .as_mut()
            .ok_or_else(|| Error::red("no REPL is open: the step that opens it failed"))
    }

    fn start<'a>(&'a self, line: &'a str) -> Start<'a> {
        Start {
            dir: &self.shell.dir,
            private: self.dir.path(),
            spark_home: &self.image.spark_home,
            geni: &self.geni,
            java_home: self.image.java_home.as_deref(),
            kubeconfig: &self.shell.kubeconfig,
            line,
        }
    }

    /// Java's version; `None` before a REPL ran.
    pub fn java(&self) -> Option<&str> {
        self.java.as_deref()
    }

    /// Everything that was typed, with its output.
    pub fn said(&self) -> &str {
        &self.said
    }
}

/// Parses a version with fewer than three numbers, such as Java's.
fn lenient(version: &str) -> Version {
    let numbers = version.split(['.', '-', '+']).map_while(|number| number.parse().ok());
    let numbers: Vec<u64> = numbers.chain([0, 0, 0]).take(3).collect();
    Version::new(numbers[0], numbers[1], numbers[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_less_than_three_numbers_are_compared() {
        let req = VersionReq::parse(">=17").expect("valid");
        for (version, fits) in [("17", true), ("21", true), ("11", false), ("1.8", false)] {
            assert_eq!(req.matches(&lenient(version)), fits, "{version}");
        }
        assert_eq!(lenient("0.0.42"), Version::new(0, 0, 42));
        assert_eq!(lenient("unknown"), Version::new(0, 0, 0));
    }
}
