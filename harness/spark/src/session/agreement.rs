//! Compares a session's executors in Spark's list with the pods in Kubernetes.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use sparkproof_base::ledger::labels::KUBE_SESSION;
use sparkproof_kubernetes::observe::Pods;

use super::rest::Executor;

/// A session's executor pods by executor id.
pub(super) fn of_session(pods: &Pods, session: &str) -> BTreeMap<u32, Arc<Pod>> {
    let id = |pod: &Pod| {
        let labels = pod.labels();
        (labels.get(KUBE_SESSION)? == session).then(|| labels.get("spark-exec-id")?.parse().ok())?
    };
    pods.now().into_values().filter_map(|pod| Some((id(&pod)?, pod))).collect()
}

/// How Spark's list and the Running pods differ from N equal executors, in words.
pub(super) fn compare(
    registered: &BTreeMap<u32, Executor>,
    pods: &BTreeMap<u32, Arc<Pod>>,
    n: usize,
) -> Option<String> {
    let running: BTreeMap<u32, String> = pods
        .iter()
        .filter_map(|(id, pod)| {
            let status = pod.status.as_ref()?;
            let running = status.phase.as_deref() == Some("Running");
            (running && pod.metadata.deletion_timestamp.is_none())
                .then(|| Some((*id, status.pod_ip.clone()?)))?
        })
        .collect();
    let listed: BTreeMap<u32, String> =
        registered.iter().map(|(id, e)| (*id, e.address.to_string())).collect();
    if listed.len() == n && listed == running {
        return None;
    }
    Some(format!("registered {listed:?}, Running {running:?}, expected {n}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sets(ids: &[u32]) -> (BTreeMap<u32, Executor>, BTreeMap<u32, Arc<Pod>>) {
        let address = |id: &u32| format!("10.0.0.{id}");
        let executor = |id: &u32| Executor {
            address: address(id).parse().expect("an address"),
            added: String::new(),
            cores: 1,
            active_tasks: 0,
        };
        let pod = |id: &u32| {
            let pod = json!({ "status": { "phase": "Running", "podIP": address(id) } });
            Arc::new(serde_json::from_value::<Pod>(pod).expect("a pod"))
        };
        (
            ids.iter().map(|id| (*id, executor(id))).collect(),
            ids.iter().map(|id| (*id, pod(id))).collect(),
        )
    }

    #[test]
    fn started_means_equal_sets_of_n() {
        let (registered, pods) = sets(&[1, 2, 3]);
        assert_eq!(compare(&registered, &pods, 3), None);
        assert!(compare(&registered, &pods, 2).is_some(), "one too many");
        assert!(compare(&registered, &sets(&[1, 2]).1, 3).is_some(), "a pod is missing");
        assert!(compare(&registered, &sets(&[1, 2, 4]).1, 3).is_some(), "other ids");
        let mut moved = pods.clone();
        if let Some(status) = moved.get_mut(&3).and_then(|p| Arc::make_mut(p).status.as_mut()) {
            status.pod_ip = Some("10.0.0.9".into());
        }
        assert!(compare(&registered, &moved, 3).is_some(), "another address");
        let mut pending = pods;
        if let Some(status) = pending.get_mut(&3).and_then(|p| Arc::make_mut(p).status.as_mut()) {
            status.phase = Some("Pending".into());
        }
        assert!(compare(&registered, &pending, 3).is_some(), "one is not Running");
    }
}
