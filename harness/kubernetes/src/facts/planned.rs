//! The facts of an executor before it is made, and of the room that others never give back.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::ListParams;
use sparkproof_base::events::Looked;
use sparkproof_judge::diagnosis::{Planned, PlannedClaim, Toleration, quantity};

use super::pod::pod as facts_of;

/// How many pods of a cluster are looked at: enough for a small one, and a bound for a large one, in
/// which room is not counted exactly.
const MOST_PODS: u32 = 1000;
/// How long the list of them may take.
const LISTED: Duration = Duration::from_secs(5);

/// What is planned: `count` executors as this pod, with the claims that Spark makes for each, beside
/// pods of the session that exist.
pub fn planned(executor: &Pod, count: u32, claims: Vec<PlannedClaim>, beside: &[Pod]) -> Planned {
    let (spec, now) = (executor.spec.clone().unwrap_or_default(), Timestamp::now());
    let toleration = |one: k8s_openapi::api::core::v1::Toleration| Toleration {
        key: one.key.unwrap_or_default(),
        operator: one.operator.unwrap_or_default(),
        value: one.value.unwrap_or_default(),
        effect: one.effect.unwrap_or_default(),
    };
    Planned {
        executors: count,
        executor: facts_of(executor, now),
        priority_class: spec.priority_class_name.unwrap_or_default(),
        host_network: spec.host_network == Some(true),
        terminating: spec.active_deadline_seconds.is_some(),
        tolerations: spec.tolerations.into_iter().flatten().map(toleration).collect(),
        claims,
        beside: beside.iter().map(|pod| facts_of(pod, now)).collect(),
        held: Looked::default(),
    }
}

/// What the nodes' own pods request, by node: of DaemonSets and static pods that an executor of this
/// priority does not drive out. Of a large cluster a part.
pub async fn held(
    client: &kube::Client,
    priority: i32,
) -> Looked<BTreeMap<String, BTreeMap<String, String>>> {
    let api: Api<Pod> = Api::all(client.clone());
    let parameters = ListParams::default().limit(MOST_PODS);
    match tokio::time::timeout(LISTED, api.list(&parameters)).await {
        Ok(Ok(listed)) => Looked::Seen(of_nodes(&listed.items, priority)),
        Ok(Err(error)) => Looked::Unseen(error.to_string()),
        Err(_) => Looked::Unseen(format!("no answer within {} s", LISTED.as_secs())),
    }
}

fn of_nodes(pods: &[Pod], priority: i32) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut requested: BTreeMap<String, BTreeMap<String, Vec<Quantity>>> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| stays(pod, priority)) {
        let Some(spec) = &pod.spec else { continue };
        let Some(node) = spec.node_name.clone() else { continue };
        let on_node = requested.entry(node).or_default();
        on_node.entry("pods".to_owned()).or_default().push(Quantity("1".to_owned()));
        for container in &spec.containers {
            let resources =
                container.resources.iter().flat_map(|all| all.requests.iter().flatten());
            for (name, amount) in resources {
                on_node.entry(name.clone()).or_default().push(amount.clone());
            }
        }
    }
    let sum = |amounts: Vec<Quantity>| {
        let amounts = amounts.iter().filter_map(|amount| quantity(&amount.0));
        format!("{}", (amounts.sum::<f64>() * 1000.0).round() / 1000.0)
    };
    let of_node = |(node, all): (String, BTreeMap<String, Vec<Quantity>>)| {
        (node, all.into_iter().map(|(name, amounts)| (name, sum(amounts))).collect())
    };
    requested.into_iter().map(of_node).collect()
}

fn stays(pod: &Pod, priority: i32) -> bool {
    let owners = pod.metadata.owner_references.iter().flatten();
    let of_node = { owners }.any(|owner| matches!(&*owner.kind, "DaemonSet" | "Node"));
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let least = pod.spec.as_ref().and_then(|spec| spec.priority).unwrap_or_default();
    of_node
        && pod.metadata.deletion_timestamp.is_none()
        && !matches!(phase, Some("Succeeded" | "Failed"))
        && least >= priority
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(owner: &str, change: impl FnOnce(&mut serde_json::Value)) -> Pod {
        let mut pod = json!({
            "metadata": { "name": "p", "ownerReferences": [
                { "apiVersion": "v1", "kind": owner, "name": "o", "uid": "u" }] },
            "spec": { "nodeName": "a", "priority": 10, "containers": [
                { "name": "c", "resources": { "requests": { "cpu": "250m", "memory": "64Mi" } } },
                { "name": "d", "resources": { "requests": { "cpu": "100m" } } }] },
            "status": { "phase": "Running" },
        });
        change(&mut pod);
        serde_json::from_value(pod).expect("a pod")
    }

    #[test]
    fn only_pods_that_never_leave_hold_room() {
        let all = [
            pod("DaemonSet", |_| {}),
            pod("Node", |_| {}),
            pod("ReplicaSet", |_| {}),
            pod("DaemonSet", |pod| pod["status"]["phase"] = "Failed".into()),
            pod("DaemonSet", |pod| {
                pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into()
            }),
            pod("DaemonSet", |pod| pod["spec"]["priority"] = 0.into()),
            pod("DaemonSet", |pod| pod["spec"]["nodeName"] = "b".into()),
        ];
        let held = of_nodes(&all, 5);
        let of_a: Vec<_> = held["a"].iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(of_a, [("cpu", "0.7"), ("memory", "134217728"), ("pods", "2")]);
        assert_eq!(held["b"]["cpu"], "0.35");
    }

    #[test]
    fn what_is_planned_is_the_pod_that_admission_returns() {
        let made = pod("x", |pod| {
            pod["spec"]["hostNetwork"] = true.into();
            pod["spec"]["priorityClassName"] = "high".into();
            pod["spec"]["tolerations"] = json!([{ "key": "a", "operator": "Exists" }]);
        });
        let planned = planned(&made, 3, Vec::new(), &[]);
        assert_eq!(
            (planned.executors, planned.host_network, planned.terminating),
            (3, true, false)
        );
        assert_eq!(planned.priority_class, "high");
        assert_eq!(planned.tolerations[0].key, "a");
        assert_eq!(planned.executor.containers[0].requests["cpu"], "250m");
    }
}
