//! Pods: events of the watch, and the pod list.

use std::hint::black_box;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher;
use serde_json::json;
use sparkproof_base::events::{Recorder, Secrets, Silent};
use sparkproof_kubernetes::observe::{Lives, pod_list};

use crate::Call;

/// An executor's pod; `state` is that of its container.
fn pod(number: usize, state: serde_json::Value, ready: bool) -> Pod {
    let (name, ready_word) =
        (format!("my-app-0123456789abcdef-exec-{number}"), if ready { "True" } else { "False" });
    serde_json::from_value(json!({
        "metadata": {"name": name, "namespace": "n", "uid": format!("uid-{number}"),
                     "creationTimestamp": "2026-01-01T00:00:00Z",
                     "labels": {"spark-role": "executor", "spark-exec-id": number.to_string()}},
        "spec": {"nodeName": "node", "containers": [{"name": "spark-kubernetes-executor"}]},
        "status": {"phase": "Running",
                   "conditions": [{"type": "Ready", "status": ready_word}],
                   "containerStatuses": [{"name": "spark-kubernetes-executor", "ready": ready,
                       "restartCount": 0, "image": "i", "imageID": "i", "state": state}]},
    }))
    .expect("a pod")
}

/// Every pod waits, runs, is ready and is deleted; all are written to the timeline.
pub(crate) fn ingested(pods: usize) -> Call {
    let dir = tempfile::tempdir().expect("a directory");
    let waiting = || json!({"waiting": {"reason": "ContainerCreating"}});
    let running = || json!({"running": {}});
    let all = |state: &dyn Fn() -> serde_json::Value, ready| {
        (0..pods).map(|number| pod(number, state(), ready)).collect::<Vec<_>>()
    };
    let applied = [all(&waiting, false), all(&running, false), all(&running, true)];
    let deleted = all(&running, true).into_iter().map(watcher::Event::Delete);
    let applied = applied.into_iter().flatten().map(watcher::Event::Apply);
    let events: Vec<_> = applied.chain(deleted).collect();
    let recorder =
        Recorder::open(dir.path(), Secrets::default(), Box::new(Silent)).expect("a recorder");
    Box::new(move || {
        // The file would grow with each call.
        let file = dir.path().join(format!("events-{}.jsonl", std::process::id()));
        std::fs::File::options().write(true).truncate(true).open(file).expect("truncated");
        let mut lives = Lives::of(recorder.clone());
        events.iter().for_each(|event| lives.note(event));
        black_box(&lives);
    })
}

/// The list as kubectl shows it, normalised and rendered.
pub(crate) fn listed(pods: usize) -> Call {
    let pods: Vec<Pod> =
        (0..pods).map(|number| pod(number, json!({"running": {}}), true)).collect();
    let now: Timestamp = "2026-01-01T00:02:05Z".parse().expect("a time");
    Box::new(move || {
        let text = pod_list(&pods, now).normalised().to_string();
        assert!(black_box(text).lines().count() > pods.len());
    })
}
