//! `sparkproof doctor`: every prerequisite, its state and its remedy.
#![expect(clippy::print_stdout, reason = "the output of the command")]

use sparkproof_base::error::{Exit, Result};

use super::ephemeral_run::with_ephemeral_run;
use super::run::PlanArgs;
use crate::doctor::{Finding, examine, install};

/// Check the prerequisites of `run` on this machine, with the same flags and file.
///
/// With --yes missing packages are installed; without it nothing is changed.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    common: PlanArgs,
}

pub(super) async fn run(args: DoctorArgs) -> Result<Exit> {
    let yes = args.common.yes;
    let plan = args.common.plan()?;
    with_ephemeral_run(async |context| {
        let mut findings = examine(context, &plan).await?;
        if yes && findings.iter().any(|finding| !finding.packages.is_empty()) {
            let phase = context.recorder.phase("doctor");
            let installed = install(context, &phase, &findings).await;
            phase.end(installed, |()| String::new())?;
            findings = examine(context, &plan).await?;
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
        (0, 0) => println!("this machine can run this proof"),
        (0, some) => println!("this machine can run this proof; --yes installs {some} of these"),
        (some, _) => {
            println!("{some} missing: `sparkproof run` with these flags would fail here")
        }
    }
}
