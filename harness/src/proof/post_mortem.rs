//! What a failure leaves to read: pod lists, logs and events, collected before anything is deleted.

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::observe::PodList;

/// Lines of a log that are kept.
const LOG_LINES: i64 = 500;

/// Writes `failed/<namespace>/…` artifacts. Best effort: a post-mortem must not hide the failure.
pub async fn post_mortem(context: &Context, client: &kube::Client, namespace: &str) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let recorder = &context.recorder;
    let Ok(list) = pods.list(&ListParams::default()).await else { return };
    let table = PodList::of(&list.items, jiff::Timestamp::now()).to_string();
    recorder.artifact("pod list at the failure", &format!("failed/{namespace}/pods.txt"), &table);
    for pod in &list.items {
        let name = pod.name_any();
        let options = LogParams { tail_lines: Some(LOG_LINES), ..LogParams::default() };
        if let Ok(log) = pods.logs(&name, &options).await {
            let path = format!("failed/{namespace}/{name}.log");
            recorder.artifact(&format!("log of {name}"), &path, &log);
        }
    }
    let events: Api<Event> = Api::namespaced(client.clone(), namespace);
    let Ok(events) = events.list(&ListParams::default()).await else { return };
    let lines: Vec<String> = events
        .iter()
        .map(|e| {
            let what = e.involved_object.name.as_deref().unwrap_or_default();
            let reason = e.reason.as_deref().unwrap_or_default();
            let message = e.message.as_deref().unwrap_or_default();
            format!("{} {what} {reason}: {message}", e.type_.as_deref().unwrap_or_default())
        })
        .collect();
    let path = format!("failed/{namespace}/events.txt");
    recorder.artifact("Kubernetes events", &path, &lines.join("\n"));
}
