use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use sparkproof_base::Exit;
use sparkproof_base::ledger::{Scope, StaleRun};
use sparkproof_base::testing::{server, test_context};
use sparkproof_base::verdict::judged;

use super::*;
use crate::reclaim::{SweepMode, sweep};

#[tokio::test]
async fn a_second_signal_cuts_cleanup_short_and_says_what_is_left_for_sweep() {
    let (context, _keep) = test_context();
    // A Docker daemon that accepts connections and never answers.
    let socket = context.run.dir().join("silent.sock");
    let _silent = tokio::net::UnixListener::bind(&socket).expect("bound");
    let docker = format!("unix://{}", socket.display());
    let name = format!("cluster-{}", context.run.id());
    context.run.record(OwnedResource::KindCluster { docker, name: name.clone() }).expect("written");
    context.cancel.cancel(Exit::Interrupt);
    let begun = std::time::Instant::now();
    let mut held = EngineGuard::default();
    let second = async {
        tokio::task::yield_now().await;
        context.cancel.cancel(Exit::Interrupt);
    };
    let cleanup = context.for_teardown();
    let owned = context.run.owned().iter().map(ToString::to_string).collect();
    let check = judged(&cleanup, ("teardown.run", "all goes"), owned, async || {
        Ok(tear_down(&context, &mut held).await)
    });
    let (torn, ()) = tokio::join!(check, second);
    let error = torn.expect_err("cut short");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let text = error.summary();
    assert!(text.contains(&name) && text.contains("sparkproof sweep"), "{text}");
    let verdicts = context.recorder.verdicts();
    assert!(
        matches!(&verdicts[..], [(_, sparkproof_base::events::Outcome::Red { .. })]),
        "{verdicts:?}"
    );
    assert!(context.run.dir().exists(), "its ledger is what sweep reads");
}

/// What a cluster says about the namespaces of scenarios.
#[derive(Debug, Default)]
struct Says {
    /// They exist no more.
    gone: AtomicBool,
    /// It refuses to answer.
    refuses: AtomicBool,
}

/// The run of an environment on a cluster that says this, and one of a scenario with a namespace.
struct Scene {
    exec: Context,
    scenario: Context,
    owner: Owner,
    says: Arc<Says>,
    _keep: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let (exec, keep) = test_context();
        exec.run.accept().expect("accepts");
        let run = Arc::new(Run::begin(&exec.dirs, Scope::Run).expect("run"));
        let name = format!("spark-{}", run.id());
        let labels = json!({ "sparkproof.io/run": run.id().as_str() });
        let namespace = json!({ "metadata": { "name": name, "labels": labels,
                                              "deletionTimestamp": "2026-12-01T00:00:00Z" },
                                "spec": { "finalizers": ["kubernetes"] } });
        let namespace: &'static str = namespace.to_string().leak();
        let says = Arc::new(Says::default());
        let answers = Arc::clone(&says);
        let address = server(move |path| match path.split('?').next().unwrap_or_default() {
            "/version" => (
                200,
                r#"{"major":"1","minor":"33","gitVersion":"","gitCommit":"",
                "gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#,
            ),
            _ if answers.refuses.load(Ordering::Relaxed) => {
                (403, r#"{"status":"Failure","code":403,"reason":"Forbidden","message":"not now"}"#)
            }
            path if path.matches('/').count() > 4 => (200, r#"{"metadata":{},"items":[]}"#),
            _ if answers.gone.load(Ordering::Relaxed) => {
                (404, r#"{"status":"Failure","code":404,"reason":"NotFound","message":"gone"}"#)
            }
            _ => (200, namespace),
        });
        let kubeconfig = keep.path().join("kubeconfig");
        let text = json!({
            "clusters": [{ "name": "c", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "u", "user": {} }],
            "contexts": [{ "name": "x", "context": { "cluster": "c", "user": "u" } }],
            "current-context": "x",
        });
        std::fs::write(&kubeconfig, text.to_string()).expect("written");
        let entry =
            OwnedResource::Namespace { kubeconfig: kubeconfig.clone(), context: None, name };
        run.record(entry).expect("written");
        let dir = exec.run.dir().to_owned();
        let owner = Owner { dir, kubeconfig, scenario: "scenario x".to_owned() };
        let scenario = Context { run, ..exec.clone() };
        Scene { exec, scenario, owner, says, _keep: keep }
    }

    /// The teardown of the scenario, which then exits.
    async fn ends(&mut self) -> RunReleased {
        let held = &mut EngineGuard::default();
        let torn = tear_down_within(TEARDOWN, &self.scenario, held, Some(&self.owner)).await;
        self.scenario = self.exec.clone();
        torn
    }

    /// That of the environment.
    async fn exec_ends(&self, within: Duration) -> RunReleased {
        tear_down_within(within, &self.exec, &mut EngineGuard::default(), None).await
    }
}

#[tokio::test]
async fn a_scenario_does_not_wait_for_its_namespace_and_the_environment_proves_its_end() {
    let mut scene = Scene::new();
    let name = scene.scenario.run.owned()[0].to_string();
    let torn = scene.ends().await;
    assert!(fault(&torn).is_none(), "{torn:?}");
    assert_eq!(resources(&scene.exec), [format!("{name} of scenario x")]);
    scene.says.gone.store(true, Ordering::Relaxed);
    let torn = scene.exec_ends(TEARDOWN).await;
    assert!(fault(&torn).is_none(), "{torn:?}");
    assert_eq!(torn.removed, [format!("{name} of scenario x")]);
    assert!(!scene.exec.run.dir().exists());
}

#[tokio::test]
async fn a_namespace_that_does_not_end_is_red_with_its_scenario_and_a_sweep_removes_it() {
    let mut scene = Scene::new();
    let name = scene.scenario.run.owned()[0].to_string();
    scene.ends().await;
    let torn = scene.exec_ends(Duration::from_secs(1)).await;
    let says = fault(&torn).expect("red").to_string();
    assert!(says.contains(&format!("left: {name} of scenario x")), "{says}");
    // The environment's process is gone; it was killed.
    let Scene { exec, says, owner, scenario, _keep } = scene;
    let dir = owner.dir.clone();
    let another = Arc::new(Run::begin(&exec.dirs, Scope::Run).expect("run"));
    let context = Context { run: another, ..exec.clone() };
    drop((exec, scenario));
    says.gone.store(true, Ordering::Relaxed);
    let phase = context.recorder.phase("sweep");
    let would = sweep(&context, &phase, SweepMode::DryRun).await.expect("looked");
    assert!(would.would_remove.iter().any(|it| name.ends_with(&it.name)), "{would:?}");
    let swept = sweep(&context, &phase, SweepMode::Remove).await.expect("swept");
    phase.done("");
    assert!(swept.failed.is_empty(), "{swept:?}");
    assert!(swept.removed.contains(&format!("{name} of scenario x")), "{swept:?}");
    assert!(!dir.exists());
}

#[tokio::test]
async fn a_namespace_that_could_not_be_looked_at_is_red_with_its_scenario() {
    let mut scene = Scene::new();
    scene.ends().await;
    scene.says.refuses.store(true, Ordering::Relaxed);
    let torn = scene.exec_ends(TEARDOWN).await;
    let says = fault(&torn).expect("red").to_string();
    assert!(says.starts_with("scenario x: ") && says.contains("not now"), "{says}");
    assert_eq!(torn.left.len(), 1, "{torn:?}");
    assert!(scene.exec.run.dir().exists(), "a sweep finds it");
}

#[tokio::test]
async fn without_the_environments_process_a_scenario_waits_for_its_namespace() {
    let mut scene = Scene::new();
    let (state, runs) = (scene.scenario.run.dir().to_owned(), scene.exec.dirs.clone());
    // As of a cluster of `up`, which no process holds.
    scene.owner.dir = runs.run(&"up".parse().expect("an id"));
    scene.says.refuses.store(true, Ordering::Relaxed);
    let torn = scene.ends().await;
    assert!(fault(&torn).expect("red").to_string().contains("not now"), "{torn:?}");
    assert!(state.exists());
    let found = StaleRun::find(&runs).expect("readable").found;
    assert_eq!(found[0].run.owned().len(), 1, "a sweep knows it");
}
