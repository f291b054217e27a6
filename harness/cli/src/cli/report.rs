//! `sparkproof report DIR`.

use std::path::PathBuf;

use sparkproof_base::error::{Error, Exit, Result};
use sparkproof_report::{Mode, pages, print_closing, write_all};

/// Derive junit.xml, summary.json and report.html of a run again, from its events.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The run directory: the one that holds events-*.jsonl.
    pub dir: PathBuf,
    /// Also write what the run proved into the marked blocks of the pages in this directory
    #[arg(long, value_name = "DIR")]
    pub docs: Option<PathBuf>,
    /// Also write which tests of Spark's own suite the run covered into the marked block of this page
    #[arg(long, value_name = "FILE")]
    pub coverage: Option<PathBuf>,
}

/// Writes the reports and prints how the run came out. Succeeds when they could be written,
/// whatever they say: the run has had its exit code.
pub fn run(args: &Args, mode: Mode) -> Result<Exit> {
    if !args.dir.is_dir() {
        return Err(Error::input(format!("{} is not a directory", args.dir.display()))
            .remedy("give the directory of a run, the one with events-*.jsonl"));
    }
    let summary = write_all(&args.dir)?;
    print_closing(&summary, &args.dir, mode);
    if let Some(docs) = &args.docs {
        say(&pages::write(&summary.model, docs)?, mode);
    }
    if let Some(page) = &args.coverage {
        say(&pages::write_coverage(&args.dir, page)?, mode);
    }
    Ok(Exit::Green)
}

#[expect(clippy::print_stdout, reason = "what the user asked for")]
fn say(lines: &[String], mode: Mode) {
    if mode == Mode::Lines {
        lines.iter().for_each(|line| println!("{line}"));
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::missing("nowhere")]
    #[case::empty(".")]
    fn no_run_is_bad_input(#[case] name: &str) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let args = Args { dir: dir.path().join(name), docs: None, coverage: None };
        let error = run(&args, Mode::Quiet).expect_err("nothing to read");
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.remedy.is_some_and(|r| r.contains("events-*.jsonl")));
    }
}
