//! A run on Minikube, as in the guide: the same checks as on kind, and nothing of it remains.
//!
//! Each scenario starts a second cluster beside that of the tests, so only the profile `full` has them.

use std::time::Duration;

use rstest::rstest;
use rustix::process::Signal;
use scenarios::commands::{docker, exe, red, sweep};
use scenarios::frame::{Outcome, proof};
use sparkproof::Error;
use sparkproof::testbed::ScenarioContext;
use xtask::watched::Watched;

/// The base image may have to be assembled first.
const LONG: Duration = Duration::from_secs(40 * 60);
const RUN: [&str; 7] =
    ["run", "--provider", "minikube", "--strategies", "none", "--executors", "1"];

/// Containers, networks and volumes of Docker with the name of a run's profile.
fn shown(p: &ScenarioContext, run: &str) -> sparkproof::Result<Vec<String>> {
    let filter = format!("--filter=name=sparkproof-{run}");
    let mut shown = Vec::new();
    for kind in [&["ps", "-aq"][..], &["network", "ls", "-q"], &["volume", "ls", "-q"]] {
        let said = docker(p, &[kind, &[filter.as_str()]].concat())?;
        shown.extend(said.lines().map(|line| format!("{} {line}", kind[0])));
    }
    Ok(shown)
}

/// Checks that nothing of the run is left in Docker or in its state directory, which has Minikube's home.
fn nothing_of(p: &ScenarioContext, run: &str) -> sparkproof::Result<()> {
    let mut left = shown(p, run)?;
    let state = p.context.dirs.runs().join(run);
    left.extend(state.exists().then(|| state.display().to_string()));
    match left.as_slice() {
        [] => Ok(()),
        left => Err(Error::red(format!("left of run {run}: {}", left.join(", ")))),
    }
}

#[tokio::test]
#[ignore = "full: a second cluster"]
async fn a_session_on_minikube_is_proven() -> Outcome {
    proof("a_session_on_minikube_is_proven", async |p| {
        let mut run = Watched::start(&exe(), &RUN).map_err(red)?;
        run.reach("session").map_err(red)?;
        let id = run.run.clone();
        // The control of the last check: a container, a network and a volume are found.
        assert!(shown(p, &id)?.len() >= 3, "{:?}", shown(p, &id)?);
        assert!(nothing_of(p, &id).is_err());
        let status = run.end(LONG).map_err(red)?;
        assert_eq!(status.code(), Some(0));
        nothing_of(p, &id)
    })
    .await
}

#[rstest]
#[case::while_it_starts("cluster")]
#[case::in_use("session")]
#[tokio::test]
#[ignore = "full: a second cluster"]
async fn a_killed_run_on_minikube_is_swept(#[case] phase: &str) -> Outcome {
    proof(&format!("a_run_on_minikube_killed_in_{phase}_is_swept"), async |p| {
        let mut run = Watched::start(&exe(), &RUN).map_err(red)?;
        run.reach(phase).map_err(red)?;
        run.signal(Signal::KILL).map_err(red)?;
        run.kill_all(false).map_err(red)?;
        let id = run.run.clone();
        run.end(LONG).map_err(red)?;
        sweep()?;
        nothing_of(p, &id)
    })
    .await
}
