//! Each kind of leftover shows; processes of others do not.

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use rstest::rstest;
use serde_json::{Value, json};

use super::kubernetes;
use crate::reclaim::inventory::{Inventory, SeenProcess, diff, not_compared};

fn texts(before: &Inventory, after: &Inventory) -> Vec<String> {
    diff(before, after).iter().map(ToString::to_string).collect()
}

#[rstest]
fn a_leak_and_a_loss_of_any_kind_show(
    #[values(
        "container",
        "network",
        "volume",
        "mount",
        "route",
        "link",
        "rule",
        "/etc/docker",
        "kubeconfig",
        "temporary file",
        "sysctl",
        "control group",
        "directory",
        "state",
        "kubernetes ClusterRoleBinding",
        "kubernetes ConfigMap"
    )]
    kind: &str,
) {
    let mut before = Inventory::default();
    before.add(kind, ["a".to_owned()]);
    let mut after = Inventory::default();
    after.add(kind, ["a".to_owned(), "b".to_owned()]);
    assert_eq!(texts(&before, &after), [format!("+ {kind} b")]);
    assert_eq!(texts(&after, &before), [format!("- {kind} b")]);
    assert!(texts(&after, &after).is_empty());
}

#[test]
fn what_stays_by_design_does_not_count_and_what_was_not_listed_is_named() {
    let before = Inventory::default();
    let mut after = Inventory::default();
    after.list("package", ["docker.io 20.10".to_owned()]);
    assert!(not_compared(&before, &after).is_empty());
    after.add("kubernetes Pod", ["default/x".to_owned()]);
    assert!(texts(&before, &after).is_empty());
    let named = |one, other| not_compared(one, other).into_iter().collect::<Vec<_>>();
    let of = |kind: &str, why: &str| vec![(kind.to_owned(), why.to_owned())];
    assert_eq!(named(&before, &after), of("kubernetes Pod", "only listed now"));
    assert_eq!(named(&after, &before), of("kubernetes Pod", "only listed before"));
    // Listed in neither inventory, and listed of one of two daemons only.
    let mut unseen = Inventory::default();
    unseen.not_seen.insert("container".to_owned(), "no answer".to_owned());
    assert_eq!(named(&unseen, &unseen), of("container", "no answer"));
    let mut half = unseen.clone();
    half.add("container", ["a".to_owned()]);
    assert_eq!(named(&half, &half), of("container", "no answer"));
}

#[test]
fn a_process_without_a_parent_was_left_and_one_with_a_parent_is_its_parents_business() {
    let seen = |pid, started, ancestors: &[(i32, u64)]| SeenProcess {
        pid,
        started,
        name: "x".to_owned(),
        ancestors: ancestors.to_vec(),
    };
    let look = |processes: &[SeenProcess]| Inventory {
        processes: processes.to_vec(),
        ..Default::default()
    };
    let shell = seen(50, 5, &[(1, 0)]);
    let before = look(&[shell.clone(), seen(60, 6, &[(1, 0)])]);
    let orphan = seen(70, 9, &[(1, 0)]);
    let child_of_orphan = seen(71, 9, &[(70, 9), (1, 0)]);
    let of_the_shell = seen(72, 9, &[(50, 5), (1, 0)]);
    let of_the_caller = seen(73, 9, &[]);
    let same_id_again = seen(60, 8, &[(1, 0)]);
    let after = look(&[shell, orphan, child_of_orphan, of_the_shell, of_the_caller, same_id_again]);
    assert_eq!(
        texts(&before, &after),
        ["+ process x (70)", "+ process x (71)", "+ process x (73)", "+ process x (60)"]
    );
}

/// An API server with config maps, cluster roles that may not be listed, and events.
fn answer(path: &str) -> (u16, Value) {
    let resource = |name: &str, kind: &str, namespaced: bool| {
        json!({"name": name, "singularName": "", "kind": kind, "namespaced": namespaced,
               "verbs": ["get", "list"]})
    };
    let ok = match path {
        "/api" => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        "/apis" => json!({"kind": "APIGroupList", "groups": []}),
        "/api/v1" => json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
            resource("configmaps", "ConfigMap", true), resource("events", "Event", true),
            resource("secrets", "Secret", true)
        ]}),
        "/api/v1/configmaps" => json!({
            "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {},
            "items": [{"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                       "metadata": {"name": "a", "namespace": "default"}}]
        }),
        other => {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                "message": format!("{other} is forbidden"), "reason": "Forbidden", "code": 403});
            return (403, status);
        }
    };
    (200, ok)
}

#[tokio::test]
async fn a_cluster_is_seen_by_kind_and_name_without_events() {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        while let Some((request, reply)) = handle.next_request().await {
            let (status, body) = answer(request.uri().path());
            let response = Response::builder().status(status);
            let body = Body::from(body.to_string().into_bytes());
            reply.send_response(response.body(body).expect("response"));
        }
    });
    let mut seen = Inventory::default();
    kubernetes::collect(&Client::new(service, "default"), None, &mut seen).await.expect("answered");
    assert_eq!(seen.compared.keys().collect::<Vec<_>>(), ["kubernetes ConfigMap"]);
    assert!(seen.compared["kubernetes ConfigMap"].contains("default/a"));
    assert_eq!(seen.not_seen["kubernetes Secret"], "/api/v1/secrets is forbidden");
}
