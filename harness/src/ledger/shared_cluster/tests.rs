//! A mocked API server that holds Leases.

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::ledger::test_context;

#[test]
fn age_and_duration_are_the_leases_own() {
    let lease =
        |spec| serde_json::from_value::<KubeLease>(json!({ "spec": spec })).expect("a Lease");
    let now: jiff::Timestamp = "2026-01-01T00:02:00Z".parse().expect("a time");
    let renewed = lease(json!({
        "renewTime": "2026-01-01T00:00:30.000000Z", "leaseDurationSeconds": 60
    }));
    assert_eq!((age(&renewed, now), duration(&renewed)), (Some(90), 60));
    let never = lease(json!({}));
    assert_eq!((age(&never, now), duration(&never)), (None, 60));
}

/// A Lease of a run, renewed so many seconds ago.
fn lease(run: &str, seconds: i64) -> Value {
    let renewed = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    json!({
        "metadata": {
            "name": format!("sparkproof-{run}"), "namespace": "team", "resourceVersion": "1",
            "labels": { KUBE_RUN: run, KUBE_SCOPE: "run" },
            "annotations": { APPLICATION: format!("spark-{run}77") },
        },
        "spec": { "holderIdentity": "another", "leaseDurationSeconds": 60,
                  "renewTime": format!("{renewed:.6}") },
    })
}

/// Serves these Leases; each look at one of the run `renews` finds it renewed. What was deleted, by
/// path and query.
fn server(leases: Vec<Value>, renews: &'static str) -> (Client, JoinHandle<Vec<String>>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let served = tokio::spawn(async move {
        let (mut deleted, mut looks) = (Vec::new(), 1);
        while let Some((request, answer)) = handle.next_request().await {
            let path = request.uri().path().to_owned();
            let one = leases.iter().find(|lease| {
                path.ends_with(lease["metadata"]["name"].as_str().unwrap_or_default())
            });
            let body = match one.cloned() {
                Some(mut lease) => {
                    looks += 1;
                    if lease["metadata"]["labels"][KUBE_RUN] == renews {
                        lease["metadata"]["resourceVersion"] = json!(looks.to_string());
                    }
                    lease
                }
                // The namespace is nobody's of ours.
                None if path.ends_with("/team") => json!({ "metadata": { "name": "team" } }),
                None => {
                    let items = if path.ends_with("/leases") { leases.clone() } else { Vec::new() };
                    json!({ "kind": "List", "apiVersion": "v1", "metadata": {}, "items": items })
                }
            };
            if request.method() == Method::DELETE {
                let all = request.uri().path_and_query().map_or("", |all| all.as_str());
                deleted.push(all.to_owned());
            }
            answer.send_response(Response::new(Body::from(body.to_string().into_bytes())));
        }
        deleted
    });
    (Client::new(service, "default"), served)
}

#[tokio::test(start_paused = true)]
async fn only_what_nobody_renews_is_taken() {
    let (context, _keep) = test_context();
    let leases = vec![
        lease("aaaa0001", 5),
        lease("dddd0002", 600),
        lease("cccc0003", 600),
        lease("eeee0004", 600),
    ];
    let (client, served) = server(leases, "cccc0003");
    let (mut swept, here) = (Swept::default(), BTreeSet::from(["eeee0004".to_owned()]));
    let done = sweep_with(&context, client, Some("team"), &here, &mut swept).await;
    done.expect("swept");
    assert_eq!(swept.removed, ["what run dddd0002 left in namespace team (its Lease had expired)"]);
    assert!(swept.failed.is_empty(), "{:?}", swept.failed);
    let left = swept.left_alone.join("; ");
    assert!(left.contains("run aaaa0001") && left.contains("held by another"), "{left}");
    assert!(left.contains("run cccc0003") && left.contains("just renewed"), "{left}");
    assert!(!left.contains("eeee0004"), "a run of this machine has its lock: {left}");
    let deleted = served.await.expect("served").join("\n");
    for run in ["aaaa0001", "cccc0003", "eeee0004"] {
        assert!(!deleted.contains(run), "{deleted}");
    }
    // Pods, ConfigMaps, Services, Secrets and claims of the run, the same of its application, and
    // the Lease.
    assert_eq!(deleted.lines().count(), 11, "{deleted}");
    assert!(deleted.contains("spark-app-selector%3Dspark-dddd000277"), "{deleted}");
    assert!(deleted.contains("/leases/sparkproof-dddd0002"), "{deleted}");
}
