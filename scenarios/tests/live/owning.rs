//! A run's resources are deleted with it: after a signal by the run itself, after kill -9 by a sweep,
//! which does not touch other runs.

use rstest::rstest;
use rustix::process::Signal;
use scenarios::commands::{LONG, docker, exe, red, sweep};
use scenarios::frame::{Outcome, proof};
use sparkproof::Error;
use sparkproof::ledger::labels;
use sparkproof::testbed::ScenarioContext;
use sparkproof::wait::{Progress, Source, Waiting, wait};
use xtask::watched::Watched;

/// Checks that everything that a run owned is gone: its state, and Docker's objects with its name.
fn nothing_of(p: &ScenarioContext, run: &str) -> sparkproof::Result<()> {
    let state = p.context.dirs.runs().join(run);
    if state.exists() {
        return Err(Error::red(format!("{} is still there", state.display())));
    }
    let cluster = format!("sparkproof-{run}");
    let label = format!("label={}={cluster}", labels::KIND_CLUSTER);
    let label_of_run = format!("label={}={run}", labels::RUN);
    for asked in [
        ["ps", "-aq", "--filter", &label],
        ["ps", "-aq", "--filter", &label_of_run],
        ["network", "ls", "-q", &format!("--filter={label_of_run}")],
    ] {
        let said = docker(p, &asked)?;
        if !said.trim().is_empty() {
            return Err(Error::red(format!("docker {} shows {said}", asked.join(" "))));
        }
    }
    Ok(())
}

#[rstest]
#[ignore = "full: a signal in the session is in ci"]
#[case("cluster", Signal::INT, 130)]
#[case("session", Signal::TERM, 143)]
#[ignore = "full: a signal in the session is in ci"]
#[case("executors", Signal::HUP, 129)]
#[tokio::test]
async fn a_signal_gives_everything_back(
    #[case] phase: &str,
    #[case] signal: Signal,
    #[case] code: i32,
) -> Outcome {
    proof(&format!("a_signal_in_{phase}_gives_everything_back"), async |p| {
        let run = ["run", "--executors", "1", "--strategies", "none"];
        let mut run = Watched::start(&exe(), &run).map_err(red)?;
        run.reach(phase).map_err(red)?;
        run.signal(signal).map_err(red)?;
        let id = run.run.clone();
        let status = run.end(LONG).map_err(red)?;
        assert_eq!(status.code(), Some(code), "exit code after the signal");
        nothing_of(p, &id)
    })
    .await
}

/// A command of `exec` finishes its cleanup before the environment is deleted.
#[tokio::test]
async fn an_interrupted_command_of_exec_cleans_up() -> Outcome {
    proof("an_interrupted_command_of_exec_cleans_up", async |p| {
        let (ready, cleaned) =
            (p.context.run.dir().join("ready"), p.context.run.dir().join("cleaned"));
        let paths = [ready.to_string_lossy(), cleaned.to_string_lossy()];
        let kubeconfig = p.environment.cluster.kubeconfig.to_string_lossy();
        let image = &p.environment.image.reference;
        // Longer than the teardown takes.
        let script = "trap 'sleep 3; touch \"$2\"; exit 0' TERM; touch \"$1\"; \
                      while :; do sleep 0.1; done";
        let exec = ["exec", "--kubeconfig", &kubeconfig, "--image", image];
        let command = ["--", "sh", "-c", script, "sh", &paths[0], &paths[1]];
        let mut run = Watched::start(&exe(), &[&exec[..], &command].concat()).map_err(red)?;
        run.reach("exec").map_err(red)?;
        let waiting = Waiting::up_to(60, "the command to be ready");
        wait(&p.context, waiting, Source::Backoff, async || match ready.exists() {
            true => Progress::Met(()),
            false => Progress::NotYet("not started".to_owned()),
        })
        .await?;
        run.signal(Signal::INT).map_err(red)?;
        let id = run.run.clone();
        let status = run.end(LONG).map_err(red)?;
        assert_eq!(status.code(), Some(130), "exit code after the signal");
        assert!(cleaned.exists(), "the command came to its end");
        nothing_of(p, &id)
    })
    .await
}

/// Two runs side by side, one killed with all of its processes, a sweep: the other stays green.
#[tokio::test]
async fn a_sweep_takes_the_killed_run_and_leaves_the_live_one() -> Outcome {
    proof("a_sweep_takes_the_killed_run_and_leaves_the_live_one", async |p| {
        // Without reading, which takes most of a run's time and is not affected by a sweep.
        let run = ["run", "--executors", "1", "--strategies", "none"];
        let mut doomed = Watched::start(&exe(), &run).map_err(red)?;
        doomed.reach("cluster").map_err(red)?;
        let mut other = Watched::start(&exe(), &run).map_err(red)?;
        other.reach("cluster").map_err(red)?;
        doomed.signal(Signal::KILL).map_err(red)?;
        doomed.kill_all(false).map_err(red)?;
        let id = doomed.run.clone();
        doomed.end(LONG).map_err(red)?;
        let said = sweep()?;
        nothing_of(p, &id)?;
        let survivor = other.run.clone();
        let status = other.end(LONG).map_err(red)?;
        assert_eq!(status.code(), Some(0), "the live run stays green; the sweep said: {said}");
        nothing_of(p, &survivor)
    })
    .await
}
