//! `sparkproof doctor`: every prerequisite, its state, what to do.
#![expect(clippy::print_stdout, reason = "what the user asked to see")]

use super::chore::with_chore;
use crate::doctor::{Finding, examine, install};
use crate::error::{Exit, Result};

/// List what a proof needs of this machine and how it stands.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Install what Debian packages can bring; without it nothing is changed
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(args: Args) -> Result<Exit> {
    with_chore(async |context| {
        let mut findings = examine(context).await?;
        if args.yes && findings.iter().any(|finding| !finding.packages.is_empty()) {
            let phase = context.recorder.phase("doctor");
            let installed = install(context, &phase, &findings).await;
            phase.end(installed, |()| String::new())?;
            findings = examine(context).await?;
        }
        show(&findings);
        let enough = findings.iter().all(Finding::is_enough);
        Ok(if enough { Exit::Green } else { Exit::Environment })
    })
    .await
}

fn show(findings: &[Finding]) {
    let width = findings.iter().map(|finding| finding.name.chars().count()).max().unwrap_or(0);
    for finding in findings {
        println!("{:width$}  {:11}  {}", finding.name, finding.state.as_str(), finding.found);
        if let Some(remedy) = &finding.remedy {
            println!("{:width$}  {:11}  {remedy}", "", "└ remedy");
        }
    }
    let missing = findings.iter().filter(|finding| !finding.is_enough()).count();
    let installable = findings.iter().filter(|finding| !finding.packages.is_empty()).count();
    println!();
    match (missing, installable) {
        (0, 0) => println!("this machine can run a proof"),
        (0, some) => println!("this machine can run a proof; --yes installs {some} of these"),
        (some, _) => println!("{some} missing: `sparkproof run` would not work here"),
    }
}
