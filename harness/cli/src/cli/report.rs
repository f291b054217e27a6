//! `sparkproof report DIR`.

use std::path::{Path, PathBuf};

use sparkproof_base::error::{Error, Exit, Result};
use sparkproof_judge::{Rejudged, rejudge};
use sparkproof_report::{Mode, pages, print_closing, stored_events, write_all};

/// Write junit.xml, summary.json and report.html of a run again, from its events.
#[derive(Debug, Clone, clap::Args)]
pub struct ReportArgs {
    /// The run directory, with events-*.jsonl
    pub dir: PathBuf,
    /// Also write what the run proved into the marked blocks of the pages in this directory
    /// (docs/strategies)
    #[arg(long, value_name = "DIR")]
    pub docs: Option<PathBuf>,
    /// Also write which tests of Spark's own suite the run covered into this page
    /// (docs/coverage.md)
    #[arg(long, value_name = "FILE")]
    pub coverage: Option<PathBuf>,
    /// Derive the verdicts again from the stored observations; exit code 1 where one differs
    #[arg(long)]
    pub rejudge: bool,
}

/// Writes the reports and prints the run's result. Succeeds when they were written, whatever the
/// result: the run itself had its exit code.
pub fn run(args: &ReportArgs, mode: Mode) -> Result<Exit> {
    if !args.dir.is_dir() {
        return Err(Error::input(format!("{} is not a directory", args.dir.display()))
            .remedy("name the directory of a run, the one with events-*.jsonl"));
    }
    let summary = write_all(&args.dir)?;
    print_closing(&summary, &args.dir, mode);
    if let Some(docs) = &args.docs {
        say(&pages::write(&summary.model, docs)?, mode);
    }
    if let Some(page) = &args.coverage {
        say(&pages::write_coverage(&args.dir, page)?, mode);
    }
    match args.rejudge {
        true => judge_again(&args.dir, mode),
        false => Ok(Exit::Green),
    }
}

/// Red if a stored verdict does not follow from its observation, or if an observation was changed.
fn judge_again(dir: &Path, mode: Mode) -> Result<Exit> {
    let Rejudged { agreed, differing, without } = rejudge(&stored_events(dir)?);
    let others: usize = without.values().sum();
    say(
        &[format!(
            "{agreed} verdicts confirmed from their observations; {others} have no stored observation"
        )],
        mode,
    );
    if differing.is_empty() {
        return Ok(Exit::Green);
    }
    Err(Error::red(format!("{} verdicts differ: {}", differing.len(), differing.join("; ")))
        .remedy("trust the observations, or find out what changed the events of this run"))
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn say(lines: &[String], mode: Mode) {
    if mode == Mode::Lines {
        lines.iter().for_each(|line| println!("{line}"));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use sparkproof_base::testing::test_context;
    use sparkproof_base::verdict::judged;
    use sparkproof_judge::Granted;

    use super::*;

    #[tokio::test]
    async fn a_run_is_judged_again_and_one_changed_byte_is_found() {
        let (context, keep) = test_context();
        let granted = Granted {
            who: "account spark".to_owned(),
            why_not_as_account: None,
            namespace: "team".to_owned(),
            granted: vec!["create pods".to_owned()],
        };
        let needed = granted.granted.clone();
        judged(&context, ("access.can-i", "it may"), needed, async || Ok(granted))
            .await
            .expect("green");
        let dir = keep.path().join("run");
        let args = ReportArgs { dir: dir.clone(), docs: None, coverage: None, rejudge: true };
        assert_eq!(run(&args, Mode::Quiet).expect("as stored"), Exit::Green);
        let file = dir.join(format!("events-{}.jsonl", std::process::id()));
        let events = std::fs::read_to_string(&file).expect("events");
        std::fs::write(&file, events.replacen("team", "teal", 1)).expect("changed");
        let error = run(&args, Mode::Quiet).expect_err("changed");
        assert_eq!(error.exit, Exit::Red);
        assert!(error.to_string().contains("access.can-i: its observation was changed"), "{error}");
    }

    #[rstest]
    #[case::missing("nowhere")]
    #[case::empty(".")]
    fn no_run_is_bad_input(#[case] name: &str) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let args =
            ReportArgs { dir: dir.path().join(name), docs: None, coverage: None, rejudge: false };
        let error = run(&args, Mode::Quiet).expect_err("nothing to read");
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.remedy.is_some_and(|r| r.contains("events-*.jsonl")));
    }
}
