//! The state of pods that mount, from the kubelet.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use sparkproof_kubernetes::facts::cannot_start;

/// The kubelet's reason for delaying a restart.
const BACK_OFF: &str = "CrashLoopBackOff";

fn container(pod: &Pod) -> Option<&ContainerStatus> {
    pod.status.as_ref()?.container_statuses.as_ref()?.first()
}

/// Whether its mount is ready.
pub(super) fn is_ready(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none() && container(pod).is_some_and(|c| c.ready)
}

/// Whether the kubelet delays a restart, because the daemon ended more than once.
pub(super) fn keeps_ending(pod: &Pod) -> bool {
    waits_for(pod).as_deref() == Some(BACK_OFF)
}

/// Why the container is not running, in the kubelet's word.
fn waits_for(pod: &Pod) -> Option<String> {
    container(pod)?.state.as_ref()?.waiting.as_ref()?.reason.clone()
}

/// The daemon's output at its second end, or why it cannot be started at all.
pub(super) fn failure(pod: &Pod) -> Option<String> {
    let reason = waits_for(pod)?;
    let status = container(pod)?;
    let last = status.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    let words = match reason.as_str() {
        BACK_OFF => last.and_then(|end| end.message.clone()),
        _ => {
            cannot_start(pod)?;
            status.state.as_ref()?.waiting.as_ref()?.message.clone()
        }
    };
    Some(words.map_or(reason, |words| words.trim().to_owned()))
}

/// Why it is not scheduled.
fn unscheduled(pod: &Pod) -> Option<String> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions.iter().find(|c| c.type_ == "PodScheduled")?;
    if scheduled.status == "True" { None } else { scheduled.message.clone() }
}

/// The state of all, in words.
pub(super) fn state(pods: &BTreeMap<String, Arc<Pod>>, nodes: usize) -> String {
    let ready = pods.values().filter(|pod| is_ready(pod)).count();
    let each = pods.iter().map(|(name, pod)| {
        let going = pod.metadata.deletion_timestamp.is_some();
        let word = waits_for(pod).or_else(|| unscheduled(pod));
        let word = word.unwrap_or_else(|| if going { "ending" } else { "up" }.to_owned());
        format!(", {name} {word}")
    });
    format!("{ready} of {nodes} ready{}", each.collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::objects::CONTAINER;
    use super::*;

    fn pod(status: serde_json::Value) -> Pod {
        let status = json!({ "containerStatuses": [status] });
        serde_json::from_value(json!({ "status": status })).expect("a pod")
    }

    fn status(ready: bool, state: serde_json::Value, last: &str) -> serde_json::Value {
        json!({
            "name": CONTAINER, "image": "x", "imageID": "x", "ready": ready, "restartCount": 1,
            "state": state, "lastState": { "terminated": { "exitCode": 1, "message": last } },
        })
    }

    #[test]
    fn a_daemon_that_fails_twice_says_why() {
        let words = "fuse: device not found, try 'modprobe fuse' first\n";
        let crashed = pod(status(false, json!({ "waiting": { "reason": BACK_OFF } }), words));
        assert_eq!(failure(&crashed).as_deref(), Some(words.trim()));
        // The first end is kubelet's to heal.
        let starting = pod(status(false, json!({ "running": {} }), words));
        assert_eq!(failure(&starting), None);
        let lacking = json!({ "waiting": {
            "reason": "ErrImageNeverPull", "message": "Container image \"x\" is not present",
        } });
        let lacking = pod(status(false, lacking, ""));
        assert!(failure(&lacking).is_some_and(|words| words.contains("not present")));
    }

    #[test]
    fn the_state_names_each_pod() {
        let ready = pod(status(true, json!({ "running": {} }), ""));
        let crashed = pod(status(false, json!({ "waiting": { "reason": BACK_OFF } }), "w"));
        let pods = [("a".to_owned(), Arc::new(ready)), ("b".to_owned(), Arc::new(crashed))].into();
        assert_eq!(state(&pods, 2), "1 of 2 ready, a up, b CrashLoopBackOff");
        let conditions =
            json!([{ "type": "PodScheduled", "status": "False", "message": "Insufficient cpu" }]);
        let pending = json!({ "status": { "phase": "Pending", "conditions": conditions } });
        let pending = Arc::new(serde_json::from_value(pending).expect("a pod"));
        assert_eq!(
            state(&[("c".to_owned(), pending)].into(), 1),
            "0 of 1 ready, c Insufficient cpu"
        );
    }
}
