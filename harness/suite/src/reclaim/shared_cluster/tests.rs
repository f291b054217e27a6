//! A mocked API server that holds Leases.

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use sparkproof_base::testing::test_context;
use tokio::task::JoinHandle;

use super::*;

/// A Lease of a run, renewed so many seconds ago by the clock of its holder.
fn lease(run: &str, seconds: i64) -> Value {
    let renewed = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    json!({
        "metadata": {
            "name": format!("sparkproof-{run}"), "namespace": "team", "resourceVersion": "1",
            "labels": { KUBE_RUN: run, KUBE_SCOPE: "run" },
            "annotations": { KUBE_APPLICATION: format!("spark-{run}77") },
        },
        "spec": { "holderIdentity": "another", "leaseDurationSeconds": 60,
                  "renewTime": format!("{renewed:.6}") },
    })
}

/// What the API server does to each look.
#[derive(Clone, Copy, Default)]
struct Behaviour {
    /// Its Lease, or the Lease of this name, is renewed between this list and the next one, counted
    /// from 1.
    renews: Option<(&'static str, usize)>,
    /// Lists with these numbers fail with 500.
    broken: (usize, usize),
    /// The status of a look at the namespace.
    namespace: u16,
    /// The run whose Lease changes before it is taken over.
    wakes: &'static str,
    /// The run whose namespace the team's is, and that has a cluster role binding.
    team_of: &'static str,
    /// The status of a list of cluster role bindings.
    bindings: u16,
}

/// What was deleted, and who holds the Leases at last.
type Served = (Vec<String>, Vec<String>);

/// Serves these Leases; what was deleted, by path and query, and the holders of the Leases at last.
fn server(leases: Vec<Value>, behaviour: Behaviour) -> (Client, JoinHandle<Served>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let served = tokio::spawn(async move {
        let (mut leases, mut deleted, mut lists) = (leases, Vec::new(), 0);
        let mut gone = false;
        let labels = json!({ KUBE_RUN: behaviour.team_of });
        let binding = json!({
            "metadata": { "name": "b", "labels": labels.clone() },
            "roleRef": { "apiGroup": "", "kind": "ClusterRole", "name": "edit" }
        });
        while let Some((request, answer)) = handle.next_request().await {
            let path = request.uri().path().to_owned();
            let method = request.method().clone();
            if method == Method::DELETE {
                let all = request.uri().path_and_query().map_or("", |all| all.as_str());
                deleted.push(all.to_owned());
            }
            let sent = request.into_body().collect_bytes().await.expect("a body");
            let one = leases.iter_mut().find(|lease| {
                path.ends_with(lease["metadata"]["name"].as_str().unwrap_or_default())
            });
            let (code, body) = match one {
                Some(lease) if method == Method::PUT => {
                    if lease["metadata"]["labels"][KUBE_RUN] == behaviour.wakes {
                        (409, failure(409))
                    } else {
                        *lease = serde_json::from_slice(&sent).expect("a Lease");
                        (200, lease.clone())
                    }
                }
                Some(lease) => (200, lease.clone()),
                None if path.ends_with("/namespaces/team") => match behaviour.namespace {
                    0 if gone => (404, failure(404)),
                    0 => {
                        gone = method == Method::DELETE;
                        (200, json!({ "metadata": { "name": "team", "labels": labels } }))
                    }
                    code => (code, failure(code)),
                },
                None if path.contains("/clusterrolebindings/") => (200, binding.clone()),
                None if path.ends_with("/clusterrolebindings") => match behaviour.bindings {
                    0 => (
                        200,
                        json!({ "kind": "List", "apiVersion": "v1", "metadata": {},
                                "items": [binding] }),
                    ),
                    code => (code, failure(code)),
                },
                None if path.ends_with("/leases") => {
                    lists += 1;
                    let list = json!({ "kind": "List", "apiVersion": "v1", "metadata": {},
                                       "items": leases.clone() });
                    for lease in &mut leases {
                        let meta = &lease["metadata"];
                        let is_it = |who| meta["labels"][KUBE_RUN] == who || meta["name"] == who;
                        if behaviour.renews.is_some_and(|(who, at)| is_it(who) && lists == at) {
                            lease["metadata"]["resourceVersion"] = json!("2");
                        }
                    }
                    match (behaviour.broken.0..behaviour.broken.1).contains(&lists) {
                        true => (500, failure(500)),
                        false => (200, list),
                    }
                }
                None => (
                    200,
                    json!({ "kind": "List", "apiVersion": "v1", "metadata": {},
                                      "items": [] }),
                ),
            };
            let body = Body::from(body.to_string().into_bytes());
            answer.send_response(Response::builder().status(code).body(body).expect("an answer"));
        }
        let holder = |lease: &Value| lease["spec"]["holderIdentity"].as_str().map(str::to_owned);
        (deleted, leases.iter().filter_map(holder).collect())
    });
    (Client::new(service, "default"), served)
}

fn failure(code: u16) -> Value {
    let reason = if code == 404 { "NotFound" } else { "Test" };
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": reason, "code": code, "message": format!("answer {code}") })
}

/// A sweep of the team's namespace; how long it took by its own clock.
async fn swept(
    context: &Context,
    leases: Vec<Value>,
    mode: SweepMode,
    behaviour: Behaviour,
) -> (Swept, u64, String, Vec<String>) {
    let (client, served) = server(leases, behaviour);
    let (mut swept, begun) = (Swept::default(), tokio::time::Instant::now());
    let done = sweep_with(context, client, Some("team"), mode, &mut swept).await;
    done.expect("swept");
    let took = begun.elapsed().as_secs();
    let (deleted, holders) = served.await.expect("served");
    (swept, took, deleted.join("\n"), holders)
}

#[tokio::test(start_paused = true)]
async fn only_what_nobody_renews_is_taken() {
    let (context, _keep) = test_context();
    let here =
        sparkproof_base::ledger::Run::begin(&context.dirs, sparkproof_base::ledger::Scope::Run)
            .expect("run");
    let leases = vec![lease("dddd0002", 600), lease("cccc0003", 600), lease(here.id(), 600)];
    let renews = Some(("cccc0003", 40));
    let behaviour = Behaviour { renews, ..Behaviour::default() };
    let (swept, took, deleted, _) = swept(&context, leases, SweepMode::Remove, behaviour).await;
    assert_eq!(
        swept.removed,
        ["objects of run dddd0002 in namespace team (its Lease had expired)"]
    );
    assert!(swept.failed.is_empty(), "{:?}", swept.failed);
    let left = swept.kept.join("; ");
    assert!(
        left.contains("run cccc0003") && left.contains("its Lease is held by another"),
        "{left}"
    );
    assert!(!left.contains(here.id().as_str()), "a run of this machine has its lock: {left}");
    assert!((60..70).contains(&took), "looked for {took} s at a Lease that lasts 60 s");
    for run in ["cccc0003", here.id().as_str()] {
        assert!(!deleted.contains(run), "{deleted}");
    }
    // Pods, ConfigMaps, Services, Secrets and claims of the run, the same of its application, and
    // the Lease.
    assert_eq!(deleted.lines().count(), 11, "{deleted}");
    assert!(deleted.contains("spark-app-selector%3Dspark-dddd000277"), "{deleted}");
    assert!(deleted.contains("/leases/sparkproof-dddd0002"), "{deleted}");
}

/// A clock that is 50 s late, or fast, and two renewals that fail: the third comes.
#[tokio::test(start_paused = true)]
async fn what_a_lease_says_about_times_decides_nothing() {
    let (context, _keep) = test_context();
    for seconds in [600, 50, 0, -600] {
        // The lists come each second, once the pauses have grown.
        let behaviour = Behaviour { renews: Some(("aaaa0001", 55)), ..Behaviour::default() };
        let leases = vec![lease("aaaa0001", seconds)];
        let (alive, ..) = swept(&context, leases.clone(), SweepMode::Remove, behaviour).await;
        assert!(alive.removed.is_empty() && alive.kept.len() == 1, "{seconds}: {alive:?}");
        let (dead, ..) = swept(&context, leases, SweepMode::Remove, Behaviour::default()).await;
        assert_eq!(dead.removed.len(), 1, "{seconds}: {dead:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_that_failed_is_not_a_lease_that_was_not_renewed() {
    let (context, _keep) = test_context();
    let leases = || vec![lease("aaaa0001", 600)];
    // From the second list on: never again an answer.
    let behaviour = Behaviour { broken: (2, 10_000), ..Behaviour::default() };
    let (blind, _, deleted, _) = swept(&context, leases(), SweepMode::Remove, behaviour).await;
    assert!(blind.removed.is_empty() && deleted.is_empty(), "{blind:?}");
    let failed = blind.failed.join("; ");
    assert!(failed.contains("not known whether") && failed.contains("answer 500"), "{failed}");
    // For more than the Lease lasts; then it turns out to have been renewed.
    let behaviour =
        Behaviour { broken: (2, 80), renews: Some(("aaaa0001", 70)), ..Behaviour::default() };
    let (alive, took, deleted, _) = swept(&context, leases(), SweepMode::Remove, behaviour).await;
    assert!(took > 60, "{took}");
    assert!(alive.removed.is_empty() && alive.failed.is_empty(), "{alive:?}");
    assert!(deleted.is_empty(), "{deleted}");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_fails_is_not_one_that_forbids() {
    let (context, _keep) = test_context();
    let leases = || vec![lease("dddd0002", 600)];
    let behaviour = |namespace| Behaviour { namespace, ..Behaviour::default() };
    let (failed, _, deleted, holders) =
        swept(&context, leases(), SweepMode::Remove, behaviour(500)).await;
    assert!(failed.removed.is_empty() && deleted.is_empty(), "{failed:?} {deleted}");
    assert!(failed.failed.join("; ").contains("answer 500"), "{failed:?}");
    assert_eq!(holders, ["another"], "the next sweep finds it as it was");
    let (forbidden, ..) = swept(&context, leases(), SweepMode::Remove, behaviour(403)).await;
    assert_eq!(forbidden.removed.len(), 1, "{forbidden:?}");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_wakes_up_keeps_what_it_has() {
    let (context, _keep) = test_context();
    let behaviour = Behaviour { wakes: "dddd0002", ..Behaviour::default() };
    let leases = vec![lease("dddd0002", 600)];
    let (swept, _, deleted, _) = swept(&context, leases, SweepMode::Remove, behaviour).await;
    assert!(deleted.is_empty() && swept.removed.is_empty(), "{swept:?}");
    assert!(swept.kept.join("; ").contains("renewed just now"), "{swept:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_takes_nothing_over_and_deletes_nothing() {
    let (context, _keep) = test_context();
    let leases = vec![lease("dddd0002", 600)];
    let (swept, _, deleted, holders) =
        swept(&context, leases, SweepMode::DryRun, Behaviour::default()).await;
    assert_eq!((deleted.as_str(), holders), ("", vec!["another".to_owned()]));
    assert!(swept.removed.is_empty(), "{swept:?}");
    let said = swept.would_remove[0].to_string();
    let expected = "objects sparkproof.io/run=dddd0002 in namespace team of run dddd0002: \
                    its Lease is held by another and was not renewed for 60 s";
    assert_eq!(said, expected);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_lasts_longer_than_a_sweep_waits_is_left_alone() {
    let (context, _keep) = test_context();
    let mut long = lease("dddd0002", 600_000);
    long["spec"]["leaseDurationSeconds"] = json!(100_000);
    let (swept, took, deleted, _) =
        swept(&context, vec![long], SweepMode::Remove, Behaviour::default()).await;
    assert!(deleted.is_empty() && took == 0, "{swept:?}");
    assert!(swept.kept.join("; ").contains("lasts 100000 s"), "{swept:?}");
}

#[tokio::test(start_paused = true)]
async fn one_lease_that_is_renewed_keeps_all_that_its_run_has() {
    let (context, _keep) = test_context();
    let second = |seconds: i64| {
        let mut second = lease("dddd0002", 600);
        second["metadata"]["name"] = json!("sparkproof-dddd0002-second");
        second["spec"]["leaseDurationSeconds"] = json!(seconds);
        second
    };
    let renews = Some(("sparkproof-dddd0002-second", 40));
    for (behaviour, seconds) in
        [(Behaviour { renews, ..Behaviour::default() }, 60), (Behaviour::default(), 100_000)]
    {
        let leases = vec![lease("dddd0002", 600), second(seconds)];
        let (swept, _, deleted, _) = swept(&context, leases, SweepMode::Remove, behaviour).await;
        assert!(deleted.is_empty() && swept.removed.is_empty(), "{swept:?} {deleted}");
        assert!(swept.kept.join("; ").contains("another Lease of that run"), "{swept:?}");
    }
    let leases = vec![lease("dddd0002", 600), second(60)];
    let (dead, ..) = swept(&context, leases, SweepMode::Remove, Behaviour::default()).await;
    assert_eq!(dead.removed.len(), 2, "{dead:?}");
}

#[tokio::test(start_paused = true)]
async fn bindings_go_before_the_namespace_with_its_lease_and_a_refusal_is_said() {
    let (context, _keep) = test_context();
    let swept_with = async |bindings| {
        let behaviour = Behaviour { team_of: "dddd0002", bindings, ..Behaviour::default() };
        let leases = vec![lease("dddd0002", 600)];
        let (swept, _, deleted, _) = swept(&context, leases, SweepMode::Remove, behaviour).await;
        let paths = deleted.lines().map(|line| line.rsplit_once("/v1/").map_or(line, |(_, p)| p));
        let paths: Vec<String> = paths.map(|path| path.trim_end_matches('?').to_owned()).collect();
        (swept, paths)
    };
    let (swept, deleted) = swept_with(0).await;
    assert_eq!(deleted, ["clusterrolebindings/b", "namespaces/team"]);
    assert!(swept.kept.is_empty() && swept.failed.is_empty(), "{swept:?}");
    let (swept, deleted) = swept_with(403).await;
    assert_eq!(deleted, ["namespaces/team"]);
    assert_eq!(swept.kept, ["cluster role bindings of run dddd0002 (answer 403)"]);
    // The next sweep finds the run by its Lease.
    let (swept, deleted) = swept_with(500).await;
    assert!(deleted.is_empty() && swept.failed.len() == 1, "{swept:?}");
}
