//! A run's resources are deleted with it: after a signal by the run itself, after kill -9 by a sweep,
//! which does not touch other runs.

use std::path::Path;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use rstest::rstest;
use rustix::process::Signal;
use scenarios::commands::{LONG, docker, exe, red, sweep};
use scenarios::frame::{Outcome, proof};
use serde_json::json;
use sparkproof::Error;
use sparkproof::error::ErrorContext;
use sparkproof::events::Outcome::Red;
use sparkproof::events::{Body, Verdict};
use sparkproof::ledger::{OwnedResource, labels};
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

/// Set for the command of `exec` in the scenario below: this very test again.
const INNER: &str = "SPARKPROOF_TEST_INNER";

/// A scenario hands over its namespace, which ends before the environment does. Here a finalizer holds
/// it: the environment waits, and is red with the names of both when it may not wait any longer. A
/// sweep then removes the namespace.
#[tokio::test]
async fn a_namespace_that_a_scenario_handed_over_is_proven_gone() -> Outcome {
    const NAME: &str = "a_namespace_that_a_scenario_handed_over_is_proven_gone";
    if std::env::var_os(INNER).is_some() {
        return proof("inner", async |p| hold_a_namespace(p).await).await;
    }
    proof(NAME, async |p| {
        let kubeconfig = p.environment.cluster.kubeconfig.to_string_lossy();
        let image = &p.environment.image.reference;
        let this = std::env::current_exe().or_internal("finding this test")?;
        let inner = format!("{INNER}=1");
        let test = format!("owning::{NAME}");
        let exec = ["exec", "--kubeconfig", &kubeconfig, "--image", image, "--"];
        // Not to this command's output, which are events.
        let script = "exec \"$1\" --exact \"$2\" >&2";
        let command = ["env", &inner, "sh", "-c", script, "sh", &this.to_string_lossy(), &test];
        let mut run = Watched::start(&exe(), &[&exec[..], &command].concat()).map_err(red)?;
        run.reach("teardown").map_err(red)?;
        let id = run.run.clone();
        let held = held_namespaces(p).await?;
        assert_eq!(held.len(), 1, "the scenario ended before its namespace: {held:?}");
        // The second one cuts the teardown short. Two of one kind might arrive as one.
        run.signal(Signal::INT).map_err(red)?;
        run.signal(Signal::TERM).map_err(red)?;
        run.end(LONG).map_err(red)?;
        let report = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sparkproof").join(&id);
        let events = sparkproof::report::stored_events(&report)?;
        let reason = events.into_iter().find_map(|event| match event.body {
            Body::Check(Verdict { id, outcome: Red { reason, .. }, .. })
                if id == "teardown.run" =>
            {
                Some(reason)
            }
            _ => None,
        });
        let expected = format!("left: namespace {} of scenario inner", held[0]);
        let reason = reason.ok_or_else(|| Error::red("teardown.run is not red"))?;
        assert!(reason.contains(&expected), "{reason}");
        let maps: Api<ConfigMap> = Api::namespaced(p.client().clone(), &held[0]);
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": [] } }));
        let patched = maps.patch("held", &PatchParams::default(), &patch).await;
        patched.or_environment("taking the finalizer away")?;
        let said = sweep()?;
        assert!(said.contains(&format!("namespace {} of scenario inner", held[0])), "{said}");
        assert!(held_namespaces(p).await?.is_empty());
        nothing_of(p, &id)
    })
    .await
}

/// The value of a label of the namespace that is held.
const HELD: &str = "sparkproof.test/held";

async fn held_namespaces(p: &ScenarioContext) -> sparkproof::Result<Vec<String>> {
    let held = ListParams::default().labels(HELD);
    let listed = Api::<Namespace>::all(p.client().clone()).list(&held).await;
    Ok(listed.or_environment("listing namespaces")?.iter().map(ResourceExt::name_any).collect())
}

/// Makes a namespace of the scenario with a ConfigMap that stays until its finalizer goes.
async fn hold_a_namespace(p: &ScenarioContext) -> sparkproof::Result<()> {
    let cluster = &p.environment.cluster;
    let name = format!("held-{}", p.context.run.id());
    let mut labels = labels::kube(p.context.run.id(), labels::Lifetime::Run);
    labels.insert(HELD.to_owned(), String::new());
    p.context.run.record(OwnedResource::Namespace {
        kubeconfig: cluster.kubeconfig.clone(),
        context: cluster.context.clone(),
        name: name.clone(),
    })?;
    let meta = |name: &str| ObjectMeta { name: Some(name.to_owned()), ..Default::default() };
    let namespace = Namespace {
        metadata: ObjectMeta { labels: Some(labels), ..meta(&name) },
        ..Default::default()
    };
    let finalizers = Some(vec!["example.com/control".to_owned()]);
    let map =
        ConfigMap { metadata: ObjectMeta { finalizers, ..meta("held") }, ..Default::default() };
    let made = async {
        let create = PostParams::default();
        Api::all(p.client().clone()).create(&create, &namespace).await?;
        Api::namespaced(p.client().clone(), &name).create(&create, &map).await
    };
    made.await.map(drop).or_environment("making a namespace")
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
