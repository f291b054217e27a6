//! A session's executors in Spark's list and the pods in Kubernetes.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use sparkproof_base::ledger::labels::KUBE_SESSION;
use sparkproof_judge::Agreement;
use sparkproof_kubernetes::observe::Pods;

use super::rest::Executor;

/// Whether a pod is an executor of this session, or, for an application, its driver.
pub(super) fn is_of(pod: &Pod, session: &str) -> bool {
    pod.labels().get(KUBE_SESSION).is_some_and(|name| name == session)
}

/// A session's executor pods by executor id.
pub(super) fn of_session(pods: &Pods, session: &str) -> BTreeMap<u32, Arc<Pod>> {
    let id =
        |pod: &Pod| is_of(pod, session).then(|| pod.labels().get("spark-exec-id")?.parse().ok())?;
    pods.now().into_values().filter_map(|pod| Some((id(&pod)?, pod))).collect()
}

/// Whether it runs and is to stay.
pub(super) fn is_running(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// The executors in Spark's list and the Running pods.
pub(super) fn agreement(
    registered: &BTreeMap<u32, Executor>,
    pods: &BTreeMap<u32, Arc<Pod>>,
) -> Agreement {
    let running = pods.iter().filter(|(_, pod)| is_running(pod));
    let running = running.filter_map(|(id, pod)| Some((*id, pod.status.as_ref()?.pod_ip.clone()?)));
    Agreement {
        registered: registered.iter().map(|(id, e)| (*id, e.address.to_string())).collect(),
        running: running.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_running_pod_that_is_not_deleted_counts() {
        let pod = |id: u32, pod: serde_json::Value| {
            (id, Arc::new(serde_json::from_value::<Pod>(pod).expect("a pod")))
        };
        let deleted = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z" });
        let running = json!({ "phase": "Running", "podIP": "10.0.0.1" });
        let pods = [
            pod(1, json!({ "status": running })),
            pod(2, json!({ "status": { "phase": "Pending", "podIP": "10.0.0.2" } })),
            pod(3, json!({ "metadata": deleted, "status": running })),
            pod(4, json!({ "status": { "phase": "Running" } })),
        ];
        let seen = agreement(&BTreeMap::new(), &pods.into());
        assert_eq!(seen.running, BTreeMap::from([(1, "10.0.0.1".to_owned())]));
        assert!(seen.registered.is_empty());
    }
}
