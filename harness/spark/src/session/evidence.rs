//! Evidence about a session that did not start, collected while its objects exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_kubernetes::observe::unscheduled;

use crate::diagnose::{EventSeen, Observed, PodSeen};

/// Event reasons for a pod that will get a new node, of the cluster autoscaler and of Karpenter.
const NODE_COMES: [&str; 2] = ["TriggeredScaleUp", "Nominated"];

/// Whether a node is being added for this pod. Assumed if events cannot be listed.
pub(super) async fn a_node_comes(events: &Api<Event>, pod: &str) -> bool {
    let of_pod = ListParams::default().fields(&format!("involvedObject.name={pod}"));
    let says = |event: &Event| event.reason.as_deref().is_some_and(|r| NODE_COMES.contains(&r));
    events.list(&of_pod).await.map_or(true, |list| list.items.iter().any(says))
}

/// A pod in the form that the rules use.
pub(super) fn seen(pod: &Pod, log: String) -> PodSeen {
    let status = pod.status.clone().unwrap_or_default();
    let all = || status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let telling = all().find(|container| is_telling(container));
    let container = telling.or(status.container_statuses.iter().flatten().next());
    let state = container.and_then(|c| c.state.clone()).unwrap_or_default();
    PodSeen {
        name: pod.name_any(),
        phase: status.phase.unwrap_or_default(),
        waiting: state
            .waiting
            .map(|w| (w.reason.unwrap_or_default(), w.message.unwrap_or_default())),
        unscheduled: unscheduled(pod).map(str::to_owned),
        exit_code: state.terminated.as_ref().map(|t| t.exit_code),
        end_reason: state.terminated.and_then(|t| t.reason),
        registered: false,
        log,
    }
}

/// The waiting reason of a container of any kind.
fn is_telling(container: &ContainerStatus) -> bool {
    let Some(state) = &container.state else { return false };
    let waits = state.waiting.as_ref().and_then(|waiting| waiting.reason.as_deref());
    waits.is_some_and(|reason| !matches!(reason, "ContainerCreating" | "PodInitializing"))
        || state.terminated.as_ref().is_some_and(|end| end.exit_code != 0)
}

/// Pods in their last state, with logs and events; also deleted pods of which something was kept.
pub(super) async fn gather(
    context: &Context,
    client: &kube::Client,
    namespace: &str,
    pods: BTreeMap<String, Arc<Pod>>,
    mut logs: BTreeMap<String, String>,
) -> Observed {
    let mut observed = Observed::default();
    for (name, pod) in &pods {
        observed.pods.push(seen(pod, logs.remove(name).unwrap_or_default()));
    }
    for (name, log) in logs {
        observed.pods.push(PodSeen { name, phase: "gone".into(), log, ..PodSeen::default() });
    }
    let listed = events(context, Api::namespaced(client.clone(), namespace)).await;
    match listed {
        Ok(events) => observed.events = events,
        Err(error) => observed.events_unseen = Some(format!("could not be listed: {error}")),
    }
    observed
}

/// The namespace's events. Tried for a few seconds, also during an interruption.
async fn events(context: &Context, api: Api<Event>) -> Result<Vec<EventSeen>> {
    let context = context.for_teardown();
    let waiting = Waiting::up_to(5, "the namespace's events");
    let listed = wait(&context, waiting, Source::Backoff, async || {
        match api.list(&ListParams::default()).await {
            Ok(list) => Progress::Met(list.items),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                Progress::Never(Error::environment(status.message.clone()))
            }
            Err(e) => Progress::NotYet(e.to_string()),
        }
    });
    let seen = |event: Event| EventSeen {
        object: event.involved_object.name.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        count: event.count.unwrap_or(1),
    };
    Ok(listed.await?.into_iter().map(seen).collect())
}

/// Writes the evidence into the run directory, under the session's name.
pub(super) fn record(context: &Context, session: &str, observed: &Observed) {
    let recorder = &context.recorder;
    let pods: Vec<String> = observed.pods.iter().map(ToString::to_string).collect();
    recorder.artifact("executor pods", &format!("{session}/pods.txt"), &pods.join("\n"));
    let events = observed.events.iter().map(ToString::to_string);
    let events: Vec<String> = events.chain(observed.events_unseen.clone()).collect();
    recorder.artifact("Kubernetes events", &format!("{session}/events.txt"), &events.join("\n"));
    for pod in observed.pods.iter().filter(|p| !p.log.is_empty()) {
        recorder.artifact(
            &format!("log of {}", pod.name),
            &format!("{session}/{}.log", pod.name),
            &pod.log,
        );
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn events_that_may_not_be_listed_are_not_none() {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                let status = json!({ "status": "Failure", "code": 403, "reason": "Forbidden",
                                     "message": "events is forbidden: User \"u\" cannot list" });
                let body = Body::from(serde_json::to_vec(&status).expect("json"));
                reply.send_response(Response::builder().status(403).body(body).expect("valid"));
            }
        });
        let (context, keep) = test_context();
        let client = kube::Client::new(service, "n");
        let (pods, logs) = (BTreeMap::new(), BTreeMap::new());
        let observed = gather(&context, &client, "n", pods, logs).await;
        record(&context, "session-1", &observed);
        let reason = "could not be listed: events is forbidden: User \"u\" cannot list";
        assert_eq!(observed.events_unseen.as_deref(), Some(reason));
        let written = keep.path().join("run/session-1/events.txt");
        assert_eq!(std::fs::read_to_string(written).expect("written").trim(), reason);
    }
}
