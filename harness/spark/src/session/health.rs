//! Detects, while a session starts, what cannot recover.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use super::evidence::seen;
use crate::diagnose::{PodSeen, missing_verbs, not_made, other_version};

/// The kubelet's words for a late cache, the one `CreateContainerConfigError` that its next try mends.
const LATE: &str = "failed to sync";

/// Observes a session's pods for states that cannot recover.
#[derive(Debug)]
pub(super) struct Health {
    executors: usize,
    /// How long a pod may be unschedulable while no other pod is being deleted.
    patience: Duration,
    unscheduled_since: Option<Instant>,
    /// A pod that was unschedulable for longer than that.
    without_node: Option<String>,
    /// The maximum of registered executors, and how many had ended by then.
    most_registered: (usize, usize),
    /// The last state of every pod so far.
    pub(super) last: BTreeMap<String, Arc<Pod>>,
}

impl Health {
    pub(super) fn new(executors: u32, patience: Duration) -> Self {
        Health {
            executors: executors as usize,
            patience,
            unscheduled_since: None,
            without_node: None,
            most_registered: (0, 0),
            last: BTreeMap::new(),
        }
    }

    /// A reason if an executor's log shows another version than the driver's.
    pub(super) fn versions(logs: &BTreeMap<String, String>) -> Option<String> {
        let said = |(pod, log): (&String, &String)| Some(format!("{pod}: {}", other_version(log)?));
        logs.iter().find_map(said)
    }

    /// Evaluates the session's present pods; returns the reason if the session cannot start any
    /// more. `leaving` says whether any pod of the namespace is being deleted, which may free a
    /// node.
    pub(super) fn hopeless(
        &mut self,
        pods: &BTreeMap<u32, Arc<Pod>>,
        leaving: bool,
        registered: usize,
        driver_log: &str,
    ) -> Option<String> {
        for pod in pods.values() {
            self.last.insert(pod.name_any(), pod.clone());
        }
        let states: Vec<_> = pods.values().map(|pod| seen(pod, String::new())).collect();
        let stuck = |(reason, message): &(String, String)| {
            not_made(reason).is_some() && !message.contains(LATE)
        };
        if let Some(pod) = states.iter().find(|pod| pod.waiting.as_ref().is_some_and(stuck)) {
            return Some(pod.to_string());
        }
        if let Some(missing) = may_not_create(driver_log) {
            return Some(missing);
        }
        let hopeless = |p: &&PodSeen| p.unscheduled.is_some() && !waits_for_its_claim(p);
        self.unscheduled(states.iter().find(hopeless), leaving)
            .or_else(|| self.dying(pods, registered))
    }

    fn unscheduled(&mut self, pod: Option<&PodSeen>, leaving: bool) -> Option<String> {
        let pod = pod.filter(|_| !leaving);
        let Some(pod) = pod else {
            self.unscheduled_since = None;
            return None;
        };
        let since = *self.unscheduled_since.get_or_insert_with(Instant::now);
        (since.elapsed() >= self.patience).then(|| {
            self.without_node = Some(pod.name.clone());
            pod.to_string()
        })
    }

    /// The unschedulable pod, if that was the last reason; waits again from now on, for a node that
    /// is being added.
    pub(super) fn without_node(&mut self) -> Option<String> {
        self.unscheduled_since = None;
        self.without_node.take()
    }

    /// A reason if executors end again and again: Spark replaces them under the next id without
    /// limit. Those that ended before the maximum of registered executors grew do not count.
    fn dying(&mut self, pods: &BTreeMap<u32, Arc<Pod>>, registered: usize) -> Option<String> {
        let alive = |pod: &Pod| {
            let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
            pod.metadata.deletion_timestamp.is_none()
                && matches!(phase, Some("Pending" | "Running"))
        };
        let alive = pods.values().filter(|pod| alive(pod)).count();
        let highest = pods.keys().max().copied().unwrap_or(0) as usize;
        let ended = highest.max(self.last.len()).saturating_sub(alive);
        if registered > self.most_registered.0 {
            self.most_registered = (registered, ended);
        }
        let (most, before) = self.most_registered;
        (ended.saturating_sub(before) >= self.executors.max(3))
            .then(|| format!("{ended} executors ended and {registered} registered, {most} at most"))
    }
}

/// What a driver was refused without which it gets no executor, by its log.
pub(super) fn may_not_create(driver_log: &str) -> Option<String> {
    let needed = ["pods", "persistentvolumeclaims"];
    let missing = missing_verbs(driver_log).into_iter();
    let mut needed = missing.filter(|m| m.verb == "create" && needed.contains(&&*m.resource));
    needed.next().map(|missing| missing.to_string())
}

/// Whether a pod waits for a claim of its own: one that Spark creates on demand, after the pod
/// (`<pod>-pvc-0`), or one of its StatefulSet, which the scheduler may see after the pod
/// (`<template>-<pod>`). Until its volume is provided, the pod's condition says that the claim was
/// not found.
fn waits_for_its_claim(pod: &PodSeen) -> bool {
    pod.unscheduled.as_ref().is_some_and(|message| message.contains(&pod.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pods(states: &[(u32, serde_json::Value)]) -> BTreeMap<u32, Arc<Pod>> {
        let pod = |id: u32, status: &serde_json::Value| {
            let pod = json!({ "metadata": { "name": format!("x-exec-{id}") }, "status": status });
            Arc::new(serde_json::from_value(pod).expect("a pod"))
        };
        states.iter().map(|(id, status)| (*id, pod(*id, status))).collect()
    }

    fn waiting(reason: &str) -> serde_json::Value {
        json!({ "phase": "Pending", "containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason } },
        }] })
    }

    fn unscheduled() -> serde_json::Value {
        unscheduled_for("1 Insufficient cpu.")
    }

    fn unscheduled_for(reason: &str) -> serde_json::Value {
        json!({ "phase": "Pending", "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": format!("0/1 nodes are available: {reason}"),
        }] })
    }

    fn hopeless(
        health: &mut Health,
        states: &[(u32, serde_json::Value)],
        leaving: bool,
    ) -> Option<String> {
        health.hopeless(&pods(states), leaving, 0, "")
    }

    #[rstest]
    #[case("ErrImagePull")]
    #[case("ErrImageNeverPull")]
    #[case("ImageInspectError")]
    #[case("InvalidImageName")]
    #[case("CreateContainerError")]
    #[case("CreateContainerConfigError")]
    fn what_is_never_made_ends_at_once_and_a_slow_start_does_not(#[case] reason: &str) {
        let mut health = Health::new(3, Duration::ZERO);
        assert_eq!(hopeless(&mut health, &[(1, waiting("ContainerCreating"))], false), None);
        let text = hopeless(&mut health, &[(1, waiting(reason))], false).expect("hopeless");
        assert!(text.contains("x-exec-1") && text.contains(reason), "{text}");
    }

    #[test]
    fn a_late_cache_of_the_kubelet_is_waited_for() {
        let mut status = waiting("CreateContainerConfigError");
        status["containerStatuses"][0]["state"]["waiting"]["message"] =
            "failed to sync secret cache: timed out waiting for the condition".into();
        assert_eq!(hopeless(&mut Health::new(3, Duration::ZERO), &[(1, status)], false), None);
    }

    #[test]
    fn an_init_container_that_cannot_come_up_ends_it_too() {
        let mut status = waiting("PodInitializing");
        status["initContainerStatuses"] = waiting("ErrImagePull")["containerStatuses"].clone();
        let mut health = Health::new(3, Duration::ZERO);
        let text = hopeless(&mut health, &[(1, status)], false).expect("hopeless");
        assert!(text.contains("ErrImagePull"), "{text}");
    }

    #[test]
    fn unschedulable_counts_only_when_nothing_is_leaving() {
        let mut health = Health::new(3, Duration::ZERO);
        assert_eq!(hopeless(&mut health, &[(1, unscheduled())], true), None);
        assert!(hopeless(&mut health, &[(1, unscheduled())], false).is_some());
        let mut patient = Health::new(3, Duration::from_secs(60));
        assert_eq!(hopeless(&mut patient, &[(1, unscheduled())], false), None);
    }

    #[test]
    fn a_claim_of_the_pods_own_comes_after_it() {
        let mut health = Health::new(3, Duration::ZERO);
        for words in [
            r#"persistentvolumeclaim "x-exec-1-pvc-0" not found."#,
            r#"persistentvolumeclaim "spark-local-dir-1-x-exec-1" not found. not found"#,
            r#"running PreFilter plugin "VolumeBinding": error getting PVC "s/x-exec-1-pvc-1": could not find v1.PersistentVolumeClaim "s/x-exec-1-pvc-1""#,
        ] {
            assert_eq!(hopeless(&mut health, &[(1, unscheduled_for(words))], false), None);
        }
        let other = unscheduled_for(r#"persistentvolumeclaim "nopvc" not found."#);
        assert!(hopeless(&mut health, &[(1, other)], false).is_some());
    }

    #[test]
    fn replacements_tell_of_deaths_that_nobody_saw() {
        let running = json!({ "phase": "Running" });
        let failed = json!({ "phase": "Failed" });
        let mut health = Health::new(1, Duration::ZERO);
        assert_eq!(
            hopeless(&mut health, &[(1, failed.clone()), (2, running.clone())], false),
            None
        );
        assert!(hopeless(&mut health, &[(4, running.clone())], false).is_some());
        assert_eq!(
            health.hopeless(&pods(&[(9, running)]), false, 1, ""),
            None,
            "one is registered"
        );
    }

    #[test]
    fn one_that_came_does_not_hide_that_the_others_die_or_have_no_room() {
        let running = json!({ "phase": "Running" });
        let mut health = Health::new(2, Duration::ZERO);
        let mut hopeless =
            |states: &[(u32, serde_json::Value)]| health.hopeless(&pods(states), false, 1, "");
        assert_eq!(hopeless(&[(1, running.clone()), (2, running.clone())]), None);
        assert_eq!(hopeless(&[(1, running.clone()), (4, running.clone())]), None, "two ended");
        let words = hopeless(&[(1, running.clone()), (5, running.clone())]).expect("hopeless");
        assert!(words.contains("3 executors ended and 1 registered"), "{words}");

        let mut health = Health::new(3, Duration::ZERO);
        let one = [(1, running), (2, unscheduled()), (3, unscheduled())];
        let words = health.hopeless(&pods(&one), false, 1, "").expect("hopeless");
        assert!(words.contains("x-exec-2") && words.contains("Insufficient cpu"), "{words}");
        assert_eq!(health.without_node().as_deref(), Some("x-exec-2"));
        assert_eq!(health.without_node(), None, "of the last look only");
    }

    /// An API server with these events; it refuses to list any without.
    fn events(
        reasons: Option<&'static [&'static str]>,
    ) -> kube::Api<k8s_openapi::api::core::v1::Event> {
        use http::{Request, Response};
        use kube::client::Body;
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((request, reply)) = handle.next_request().await {
                let query = request.uri().query().unwrap_or_default();
                assert!(query.contains("x-exec-2"), "of the pod only: {query}");
                let (code, body) = match reasons {
                    Some(reasons) => {
                        let event =
                            |r: &&str| json!({ "metadata": {}, "involvedObject": {}, "reason": r });
                        let items: Vec<_> = reasons.iter().map(event).collect();
                        (200, json!({ "metadata": {}, "items": items }))
                    }
                    None => {
                        (403, json!({ "status": "Failure", "code": 403, "reason": "Forbidden" }))
                    }
                };
                let body = Body::from(serde_json::to_vec(&body).expect("json"));
                reply.send_response(Response::builder().status(code).body(body).expect("valid"));
            }
        });
        kube::Api::namespaced(kube::Client::new(service, "n"), "n")
    }

    #[tokio::test]
    async fn a_cluster_that_makes_a_node_is_waited_for_and_one_that_makes_none_is_not() {
        use crate::session::evidence::a_node_comes;
        let fails: &[&str] = &["FailedScheduling", "NotTriggerScaleUp"];
        assert!(!a_node_comes(&events(Some(fails)), "x-exec-2").await);
        assert!(a_node_comes(&events(Some(&["TriggeredScaleUp"])), "x-exec-2").await);
        assert!(
            a_node_comes(&events(None), "x-exec-2").await,
            "could not look: the deadline counts"
        );
    }

    #[test]
    fn an_executor_of_another_version_does_not_end_and_is_heard() {
        let logs = |log: &str| BTreeMap::from([("x-exec-1".to_owned(), log.to_owned())]);
        let said = "WARN TransportChannelHandler: Exception in connection from /10.0.0.1:1\n\
                    java.io.InvalidClassException: org.apache.spark.resource.ResourceProfile; local \
                    class incompatible\n";
        let words = Health::versions(&logs(said)).expect("heard");
        assert!(words.starts_with("x-exec-1: java.io.InvalidClassException"), "{words}");
        assert_eq!(Health::versions(&logs("INFO Executor: Starting executor ID 1")), None);
    }

    #[test]
    fn a_right_that_is_missing_at_create_ends_at_once() {
        let mut health = Health::new(3, Duration::ZERO);
        let log = r#"pods is forbidden: User "u" cannot create resource "pods""#;
        assert!(health.hopeless(&BTreeMap::new(), false, 0, log).is_some());
        let harmless = r#"User "u" cannot list resource "pods""#;
        assert_eq!(health.hopeless(&BTreeMap::new(), false, 0, harmless), None);
    }
}
