//! The pod list in the format of `kubectl get pods`, as in the guide.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use sparkproof_judge::{PodList, PodRow};

/// The pod list, as of `now`.
pub fn pod_list<'a>(pods: impl IntoIterator<Item = &'a Pod>, now: Timestamp) -> PodList {
    let mut rows: Vec<PodRow> = pods.into_iter().map(|pod| row(pod, now)).collect();
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    PodList(rows)
}

fn row(pod: &Pod, now: Timestamp) -> PodRow {
    let statuses = pod.status.as_ref().and_then(|s| s.container_statuses.as_ref());
    let containers = pod.spec.as_ref().map_or(0, |s| s.containers.len());
    let ready = statuses.into_iter().flatten().filter(|c| c.ready).count();
    let age = pod.creation_timestamp().map(|t| now.duration_since(t.0).as_secs());
    PodRow {
        name: pod.name_any(),
        ready: format!("{ready}/{containers}"),
        status: status(pod),
        restarts: statuses.into_iter().flatten().map(|c| c.restart_count).sum(),
        age: age.map_or_else(|| "<unknown>".to_owned(), human),
    }
}

/// The STATUS column, with the words of kubectl's printer (kubernetes `pkg/printers/internalversion`,
/// `printPod`): deletion first, then the last container's reason, then the phase.
pub fn status(pod: &Pod) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let Some(status) = &pod.status else { return "Unknown".to_owned() };
    let mut word = status.reason.clone().or(status.phase.clone()).unwrap_or_default();
    for container in status.container_statuses.iter().flatten().rev() {
        let Some(state) = &container.state else { continue };
        if let Some(reason) = state.waiting.as_ref().and_then(|w| w.reason.clone()) {
            word = reason;
        } else if let Some(ended) = &state.terminated {
            word = match (&ended.reason, ended.signal) {
                (Some(reason), _) if !reason.is_empty() => reason.clone(),
                (_, Some(signal)) if signal != 0 => format!("Signal:{signal}"),
                _ => format!("ExitCode:{}", ended.exit_code),
            };
        }
    }
    word
}

/// The scheduler's message about a pod for which it found no node.
pub fn unscheduled(pod: &Pod) -> Option<&str> {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut refused = conditions.filter(|c| c.type_ == "PodScheduled" && c.status == "False");
    refused.next()?.message.as_deref()
}

/// As Kubernetes' `duration.HumanDuration`: seconds up to 2 minutes, then minutes and seconds up
/// to 10, minutes up to 3 hours, hours up to 2 days, days.
fn human(seconds: i64) -> String {
    match seconds {
        ..=0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 if seconds % 60 != 0 => format!("{}m{}s", seconds / 60, seconds % 60),
        120..10_800 => format!("{}m", seconds / 60),
        10_800..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pod(status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "my-app-0123456789abcdef-exec-1",
                         "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "c"}]},
            "status": status,
        }))
        .expect("a pod")
    }

    #[test]
    fn a_running_pod_reads_like_the_guide() {
        let running = pod(json!({"phase": "Running", "containerStatuses": [
            {"name": "c", "ready": true, "restartCount": 0, "image": "i", "imageID": "i",
             "state": {"running": {}}}]}));
        let list = pod_list([&running], "2026-01-01T00:02:05Z".parse().expect("a time"));
        insta::assert_snapshot!(list.to_string(), @"
        NAME                             READY   STATUS    RESTARTS   AGE
        my-app-0123456789abcdef-exec-1   1/1     Running   0          2m5s
        ");
        insta::assert_snapshot!(list.normalised().to_string(), @"
        NAME                  READY   STATUS    RESTARTS   AGE
        my-app-[APP]-exec-1   1/1     Running   0          [AGE]
        ");
    }

    #[rstest]
    #[case(json!({"waiting": {"reason": "ErrImageNeverPull"}}), "ErrImageNeverPull")]
    #[case(json!({"terminated": {"exitCode": 1, "reason": "Error"}}), "Error")]
    #[case(json!({"terminated": {"exitCode": 7}}), "ExitCode:7")]
    fn status_says_why(#[case] state: serde_json::Value, #[case] word: &str) {
        let seen = pod(json!({"phase": "Pending", "containerStatuses": [
            {"name": "c", "ready": false, "restartCount": 0, "image": "i", "imageID": "i",
             "state": state}]}));
        assert_eq!(status(&seen), word);
    }
}
