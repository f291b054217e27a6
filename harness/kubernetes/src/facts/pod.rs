//! The facts of a pod and of an event.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStatus, Event, NodeSelectorRequirement, NodeSelectorTerm,
    Pod, PodCondition, PodSpec,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;
use sparkproof_judge::diagnosis::{
    Condition, ContainerFacts, Ended, Ends, EventFacts, Evidence, Finding, PodFacts, PodRole,
    Refusal, Waits, findings,
};

/// Where kubelet mounts the token of the account (kubernetes `pkg/serviceaccount`).
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Names of the containers that Spark makes.
const SPARKS: [&str; 2] = ["spark-kubernetes-driver", "spark-kubernetes-executor"];

/// The facts of a pod, as of `now`. Its log, and whether it registered, are not known here.
pub fn pod(pod: &Pod, now: Timestamp) -> PodFacts {
    let (spec, status) = (pod.spec.as_ref(), pod.status.clone().unwrap_or_default());
    let role = pod.labels().get("spark-role").map(String::as_str);
    let age = pod.creation_timestamp().map(|created| now.duration_since(created.0).as_secs());
    let statuses =
        || status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    let init = spec.and_then(|spec| spec.init_containers.as_deref()).unwrap_or_default();
    let main = spec.map(|spec| &*spec.containers).unwrap_or_default();
    let containers = init.iter().map(|c| (c, true)).chain(main.iter().map(|c| (c, false)));
    let facts_of = |(container, init): (&Container, bool)| {
        let status = statuses().find(|status| status.name == container.name);
        container_facts(container, init, status)
    };
    let mut seen: Vec<ContainerFacts> = containers.map(facts_of).collect();
    // Of a pod whose specification is not known.
    let known = |name: &str, seen: &[ContainerFacts]| seen.iter().any(|c| c.name == name);
    for status in statuses() {
        if !known(&status.name, &seen) {
            let container = Container { name: status.name.clone(), ..Container::default() };
            seen.push(container_facts(&container, false, Some(status)));
        }
    }
    let claims = spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten())
        .filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.clone()));
    let mounts = main.iter().flat_map(|container| container.volume_mounts.iter().flatten());
    let gates = spec.iter().flat_map(|spec| spec.scheduling_gates.iter().flatten());
    PodFacts {
        name: pod.name_any(),
        uid: pod.uid().unwrap_or_default(),
        role: match role {
            Some("executor") => PodRole::Executor,
            Some("driver") => PodRole::Driver,
            _ => PodRole::Other,
        },
        phase: status.phase.clone().unwrap_or_default(),
        reason: status.reason.clone(),
        message: status.message.clone(),
        node: spec.and_then(|spec| spec.node_name.clone()),
        age: age.and_then(|seconds| u64::try_from(seconds).ok()),
        deleting: pod.metadata.deletion_timestamp.is_some(),
        account: spec.and_then(|spec| spec.service_account_name.clone()).unwrap_or_default(),
        scheduler: spec.and_then(|spec| spec.scheduler_name.clone()).unwrap_or_default(),
        has_token: { mounts }.any(|mount| mount.mount_path == TOKEN),
        conditions: status.conditions.iter().flatten().map(condition).collect(),
        containers: seen,
        claims: claims.collect(),
        labels: pod.labels().clone(),
        node_selector: spec.and_then(|spec| spec.node_selector.clone()).unwrap_or_default(),
        node_affinity: spec.map(node_affinity).unwrap_or_default(),
        gates: gates.map(|gate| gate.name.clone()).collect(),
        registered: false,
        log: String::new(),
    }
}

/// The required terms, of which one must hold.
fn node_affinity(spec: &PodSpec) -> Vec<String> {
    let required = spec.affinity.as_ref().and_then(|all| {
        all.node_affinity.as_ref()?.required_during_scheduling_ignored_during_execution.as_ref()
    });
    let written = |wanted: &NodeSelectorRequirement| {
        let values = wanted.values.iter().flatten().map(|value| format!(" {value}"));
        format!("{} {}{}", wanted.key, wanted.operator, values.collect::<String>())
    };
    let term = |term: &NodeSelectorTerm| {
        let all = term.match_expressions.iter().chain(&term.match_fields).flatten();
        all.map(written).collect::<Vec<_>>().join(", ")
    };
    required.iter().flat_map(|selector| &selector.node_selector_terms).map(term).collect()
}

fn condition(condition: &PodCondition) -> Condition {
    Condition {
        kind: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone().unwrap_or_default(),
        message: condition.message.clone().unwrap_or_default(),
    }
}

fn container_facts(
    container: &Container,
    init: bool,
    status: Option<&ContainerStatus>,
) -> ContainerFacts {
    let resources = container.resources.clone().unwrap_or_default();
    let state = status.and_then(|status| status.state.clone()).unwrap_or_default();
    let before = status.and_then(|status| status.last_state.as_ref());
    let image = status.map(|status| status.image.clone()).filter(|image| !image.is_empty());
    ContainerFacts {
        name: container.name.clone(),
        init,
        image: container.image.clone().or(image).unwrap_or_default(),
        ready: status.is_some_and(|status| status.ready),
        restarts: status.map_or(0, |status| status.restart_count),
        ended: ended(&state),
        ended_before: before.and_then(ended),
        waiting: state.waiting.map(|waiting| Waits {
            reason: waiting.reason.unwrap_or_default(),
            message: waiting.message.unwrap_or_default(),
        }),
        limits: quantities(resources.limits),
        requests: quantities(resources.requests),
    }
}

fn ended(state: &ContainerState) -> Option<Ended> {
    let end = state.terminated.as_ref()?;
    Some(Ended {
        code: end.exit_code,
        reason: end.reason.clone().unwrap_or_default(),
        message: end.message.clone().unwrap_or_default(),
    })
}

/// Quantities as they are written.
pub(super) fn quantities(all: Option<BTreeMap<String, Quantity>>) -> BTreeMap<String, String> {
    all.unwrap_or_default().into_iter().map(|(name, Quantity(value))| (name, value)).collect()
}

/// The facts of an event.
pub(super) fn event(event: Event) -> EventFacts {
    let source = event.source.and_then(|source| source.component);
    EventFacts {
        kind: event.involved_object.kind.unwrap_or_default(),
        object: event.involved_object.name.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
        count: event.count.unwrap_or(1),
        from: event
            .reporting_component
            .filter(|from| !from.is_empty())
            .or(source)
            .unwrap_or_default(),
    }
}

/// The name of Spark's container of a pod. Spark gives it a name of its own (`Constants.scala`), or it
/// is the first of a template; what a webhook adds follows.
pub fn sparks_container(pod: &Pod) -> Option<&str> {
    let mut names = pod.spec.as_ref()?.containers.iter().map(|container| &*container.name);
    let first = names.clone().next();
    names.find(|name| SPARKS.contains(name)).or(first)
}

/// Whether a container of a pod has run, so that there is a log.
pub fn has_started(pod: &Pod) -> bool {
    let mut statuses =
        pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    statuses.any(|status| {
        let runs = |state: &ContainerState| state.running.is_some() || state.terminated.is_some();
        status.restart_count > 0 || status.state.as_ref().is_some_and(runs)
    })
}

/// Why a pod can never start, if its present state shows it.
pub fn cannot_start(pod: &Pod) -> Option<Finding> {
    let pods = vec![self::pod(pod, Timestamp::now())];
    let found = findings(&Evidence { pods, ..Evidence::default() });
    found.into_iter().find(|finding| finding.ends == Ends::AtOnce)
}

/// A refusal of the API server; `request` says of what.
pub fn refusal(status: &kube::core::Status, request: &str) -> Refusal {
    let details = status.details.as_ref();
    let causes = details.iter().flat_map(|details| &details.causes);
    Refusal {
        code: status.code,
        reason: status.reason.clone(),
        message: status.message.clone(),
        causes: causes.map(|cause| (cause.field.clone(), cause.message.clone())).collect(),
        request: request.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As kubelet and the scheduler leave it; values of environment variables are not copied.
    #[test]
    fn the_facts_of_a_pod_are_all_that_rules_need_and_no_secret() {
        let made: Pod = serde_json::from_value(json!({
            "metadata": { "name": "x-exec-1", "uid": "u", "labels": { "spark-role": "executor" },
                          "creationTimestamp": "2026-01-01T00:00:00Z" },
            "spec": {
                "nodeName": "n1", "serviceAccountName": "spark", "schedulerName": "volcano",
                "schedulingGates": [{ "name": "g" }],
                "initContainers": [{ "name": "init", "image": "i:0" }],
                "containers": [{
                    "name": "c", "image": "i:1", "env": [{ "name": "KEY", "value": "geheim" }],
                    "resources": { "limits": { "memory": "896Mi" } },
                    "volumeMounts": [{ "name": "t", "mountPath": TOKEN }],
                }],
                "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "data" } }],
            },
            "status": {
                "phase": "Failed", "reason": "Evicted", "message": "low on memory",
                "conditions": [{ "type": "PodScheduled", "status": "True" }],
                "containerStatuses": [{
                    "name": "c", "image": "sha", "imageID": "", "ready": false, "restartCount": 2,
                    "state": { "waiting": { "reason": "CrashLoopBackOff" } },
                    "lastState": { "terminated": { "exitCode": 137, "reason": "OOMKilled" } },
                }],
            },
        }))
        .expect("a pod");
        let now = "2026-01-01T00:01:00Z".parse().expect("a time");
        let facts = serde_json::to_string_pretty(&pod(&made, now)).expect("json");
        assert!(!facts.contains("geheim"), "{facts}");
        insta::assert_snapshot!(facts);
    }
}
