//! Detects, while a session starts, what cannot recover.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use sparkproof_base::events::Looked;
use sparkproof_base::verdict::Cause;
use sparkproof_judge::diagnosis::{
    Asked, DriverFacts, Ends, Evidence, Finding, MissingVerb, PodFacts, PodRole, awaits, findings,
    may_add_nodes, missing_verbs, refuses_executors,
};
use tokio::time::timeout;

use super::evidence::Place;

/// How often events and what is around the pods are listed, while something is missing.
const LISTED_EVERY: Duration = Duration::from_secs(5);
/// How long something that may heal may stay as it is, where nothing adds nodes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for what Kubernetes looks at again every 15 s ([`Ends::IfItStaysLong`]).
const LONG: Duration = Duration::from_secs(20);
/// The same for the room for a pod, where nodes may be added: cluster autoscalers check every 10 s.
const ELASTIC: Duration = Duration::from_secs(30);
/// Event reasons for a pod that will get a new node, of the cluster autoscaler and of Karpenter.
const NODE_COMES: [&str; 2] = ["TriggeredScaleUp", "Nominated"];
/// One look at a session's pods.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Every pod of the session so far, in its last state, with its log.
    pub(super) pods: Vec<PodFacts>,
    /// Whether any pod of the namespace is being deleted, which may free a node or a quota.
    pub(super) leaving: bool,
    /// Executors in Spark's list now, if it is known.
    pub(super) registered: Option<usize>,
    /// The driver's log.
    pub(super) driver_log: String,
}

/// Observes a session's pods for states that cannot recover.
pub(super) struct Health {
    asked: Asked,
    place: Option<Place>,
    patience: Duration,
    /// Events and surroundings, as they were last listed.
    listed: Evidence,
    listed_at: Instant,
    /// What may heal, of which pods, and since when it stays.
    stays: Option<(Cause, Vec<String>, Instant)>,
    /// The maximum of registered executors, and how many had ended by then.
    most_registered: (usize, usize),
    /// What pods wait for, by pod, and since when.
    awaits: BTreeMap<String, (String, Instant)>,
}

impl Health {
    pub(super) fn new(asked: Asked, place: Place) -> Self {
        Health {
            asked,
            place: Some(place),
            patience: PATIENCE,
            listed: Evidence::default(),
            listed_at: Instant::now(),
            stays: None,
            most_registered: (0, 0),
            awaits: BTreeMap::new(),
        }
    }

    /// What is waited for, and since when, as of the last look: `…; x-exec-1, x-exec-2: pulling
    /// registry/spark:1 since 40 s`.
    pub(super) fn and_awaits(&self, state: &str) -> String {
        let mut by_words: BTreeMap<&str, (Vec<&str>, Instant)> = BTreeMap::new();
        for (pod, (words, since)) in &self.awaits {
            let (pods, first) = by_words.entry(words).or_insert((Vec::new(), *since));
            pods.push(pod);
            *first = (*first).min(*since);
        }
        let all = by_words.into_iter().map(|(words, (pods, since))| {
            let shown = pods.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            let more = match pods.len().saturating_sub(3) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("; {shown}{more}: {words} since {} s", since.elapsed().as_secs())
        });
        format!("{state}{}", all.collect::<String>())
    }

    fn look_at_waits(&mut self, evidence: &Evidence) {
        let mut before = std::mem::take(&mut self.awaits);
        for pod in evidence.executors() {
            let Some(words) = awaits(evidence, pod) else { continue };
            let since = match before.remove(&pod.name) {
                Some((same, since)) if same == words => since,
                _ => Instant::now(),
            };
            self.awaits.insert(pod.name.clone(), (words, since));
        }
    }

    /// Evaluates a look; returns the reason if the session cannot start any more.
    pub(super) async fn hopeless(&mut self, look: Look) -> Option<String> {
        let runs = |pod: &&PodFacts| pod.role == PodRole::Executor && pod.phase == "Running";
        let running = || look.pods.iter().filter(runs).count();
        let there = look.registered.unwrap_or_else(running);
        let lacks = there < self.asked.executors as usize;
        if lacks && self.listed_at.elapsed() >= LISTED_EVERY {
            // A server that does not answer must not hide that the session is there.
            if let Some(place) = &self.place
                && let Ok(listed) = timeout(LISTED_EVERY, place.list(&look.pods)).await
            {
                (self.listed.events, self.listed.around) = listed;
            }
            self.listed_at = Instant::now();
        }
        self.decide(look)
    }

    fn decide(&mut self, look: Look) -> Option<String> {
        let Look { pods, leaving, registered, driver_log } = look;
        let evidence = Evidence {
            asked: self.asked.clone(),
            driver: DriverFacts { log: driver_log, ..DriverFacts::default() },
            pods,
            ..self.listed.clone()
        };
        self.look_at_waits(&evidence);
        let mut found = findings(&evidence);
        // What a driver in a pod of its own says of itself ends it, with an exit code. The same
        // driver has its executors that ended replaced, and nobody knows which had registered.
        found.retain(|finding| {
            let of_requests = Cause::MissingVerb..=Cause::Proxy;
            registered.is_some()
                || !finding.pods.is_empty() && !have_ended(finding, &evidence.pods)
                || of_requests.contains(&finding.cause)
        });
        let words = |finding: &Finding| match &*finding.pods {
            [] => format!("{}: {}", finding.cause, finding.says),
            pods => format!("{}: {} {}", finding.cause, pods.join(", "), finding.says),
        };
        if let Some(finding) = found.iter().find(|finding| finding.ends == Ends::AtOnce) {
            return Some(words(finding));
        }
        // An executor that ended stays so, and Spark replaces it: one is none.
        let of_one = |f: &Finding| f.pods.len() == 1 && have_ended(f, &evidence.pods);
        let may_stay =
            |f: &&Finding| matches!(f.ends, Ends::IfItStays | Ends::IfItStaysLong) && !of_one(f);
        let stays = found.iter().find(|f| may_stay(f) && !self.comes(f));
        let stays = self.stays(stays.filter(|_| !leaving)).map(words);
        stays.or_else(|| self.dying(&evidence, registered?))
    }

    /// The finding, if it stayed for long enough.
    fn stays<'a>(&mut self, finding: Option<&'a Finding>) -> Option<&'a Finding> {
        let Some(finding) = finding else {
            self.stays = None;
            return None;
        };
        let same = |pods: &[String]| {
            finding.pods.is_empty() || finding.pods.iter().any(|pod| pods.contains(pod))
        };
        let since = match &self.stays {
            Some((cause, pods, since)) if *cause == finding.cause && same(pods) => *since,
            _ => Instant::now(),
        };
        self.stays = Some((finding.cause, finding.pods.clone(), since));
        let elastic =
            is_about_room(finding.cause) && may_add_nodes(&self.asked, &self.listed.around);
        let patience = match finding.ends {
            _ if elastic => self.patience.max(ELASTIC),
            Ends::IfItStaysLong => self.patience.max(LONG),
            _ => self.patience,
        };
        (since.elapsed() >= patience).then_some(finding)
    }

    /// Whether a node is being added for a pod of this finding. Assumed on a cluster that adds nodes
    /// if events cannot be listed.
    fn comes(&self, finding: &Finding) -> bool {
        if !is_about_room(finding.cause) {
            return false;
        }
        let announced = |pod: &String| {
            self.listed.events_of(pod).any(|event| NODE_COMES.contains(&&*event.reason))
        };
        match &self.listed.events {
            Looked::Seen(_) => finding.pods.iter().any(announced),
            Looked::Unseen(_) => may_add_nodes(&self.asked, &self.listed.around),
        }
    }

    /// A reason if executors end again and again: Spark replaces them under the next id without
    /// limit. Those that ended before the maximum of registered executors grew do not count, nor do ids
    /// of pods that were refused: then only the pods that were seen do.
    fn dying(&mut self, evidence: &Evidence, registered: usize) -> Option<String> {
        let executors = || evidence.pods.iter().filter(|pod| pod.role == PodRole::Executor);
        let alive = |pod: &&PodFacts| !pod.deleting && matches!(&*pod.phase, "Pending" | "Running");
        let alive = executors().filter(alive).count();
        let id = |pod: &PodFacts| pod.labels.get("spark-exec-id")?.parse().ok();
        let highest = evidence.pods.iter().filter_map(id).max().unwrap_or(0_usize);
        let highest = if refuses_executors(&evidence.driver.log) { 0 } else { highest };
        let lives: BTreeSet<_> = executors().map(|pod| (&pod.name, &pod.uid)).collect();
        let ended = highest.max(lives.len()).saturating_sub(alive);
        if registered > self.most_registered.0 {
            self.most_registered = (registered, ended);
        }
        let (most, before) = self.most_registered;
        (ended.saturating_sub(before) >= (self.asked.executors as usize).max(3))
            .then(|| format!("{ended} executors ended and {registered} registered, {most} at most"))
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// Whether every pod that shows it is an executor that ended, or is being deleted.
fn have_ended(finding: &Finding, pods: &[PodFacts]) -> bool {
    let mut shows = pods.iter().filter(|pod| finding.pods.contains(&pod.name));
    !finding.pods.is_empty()
        && shows.all(|pod| {
            let alive = !pod.deleting && matches!(&*pod.phase, "Pending" | "Running");
            pod.role == PodRole::Executor && !alive
        })
}

/// Whether another node would cure it.
fn is_about_room(cause: Cause) -> bool {
    use Cause::{
        InsufficientCpu, InsufficientMemory, InsufficientResource, NodeCordoned, NodeSelector,
        Taint, TooManyPods, Unschedulable, VolumeElsewhere,
    };
    matches!(
        cause,
        InsufficientCpu
            | InsufficientMemory
            | InsufficientResource
            | NodeCordoned
            | NodeSelector
            | Taint
            | TooManyPods
            | Unschedulable
            | VolumeElsewhere
    )
}

/// What a driver was refused without which it gets no executor, by its log.
pub(super) fn may_not_create(driver_log: &str) -> Option<String> {
    let mut missing = missing_verbs(driver_log).into_iter();
    missing.find(MissingVerb::is_final).map(|missing| missing.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use rstest::rstest;
    use serde_json::json;
    use sparkproof_judge::diagnosis::{EventFacts, NodeFacts};

    fn health(executors: u32, patience: Duration) -> Health {
        let asked = Asked { executors, ..Asked::default() };
        Health {
            asked,
            place: None,
            patience,
            listed: Evidence::default(),
            listed_at: Instant::now(),
            stays: None,
            most_registered: (0, 0),
            awaits: BTreeMap::new(),
        }
    }

    fn pods(states: &[(u32, serde_json::Value)]) -> Vec<PodFacts> {
        let pod = |id: u32, status: &serde_json::Value| {
            let labels = json!({ "spark-role": "executor", "spark-exec-id": id.to_string() });
            let metadata = json!({ "name": format!("x-exec-{id}"), "labels": labels });
            let pod = json!({ "metadata": metadata, "status": status });
            let pod: Pod = serde_json::from_value(pod).expect("a pod");
            sparkproof_kubernetes::facts::pod(&pod, jiff::Timestamp::now())
        };
        states.iter().map(|(id, status)| pod(*id, status)).collect()
    }

    fn waiting(reason: &str) -> serde_json::Value {
        json!({ "phase": "Pending", "containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason, "message": "not found" } },
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

    /// A look at executors in these states.
    fn look(states: &[(u32, serde_json::Value)], registered: usize) -> Look {
        Look { pods: pods(states), registered: Some(registered), ..Look::default() }
    }

    fn hopeless(health: &mut Health, states: &[(u32, serde_json::Value)]) -> Option<String> {
        health.decide(look(states, 0))
    }

    #[rstest]
    #[case("ErrImagePull")]
    #[case("ErrImageNeverPull")]
    #[case("InvalidImageName")]
    #[case("CreateContainerError")]
    #[case("CreateContainerConfigError")]
    fn what_is_never_made_ends_at_once_and_a_slow_start_does_not(#[case] reason: &str) {
        let mut health = health(3, Duration::ZERO);
        assert_eq!(hopeless(&mut health, &[(1, waiting("ContainerCreating"))]), None);
        let text = hopeless(&mut health, &[(1, waiting(reason))]).expect("hopeless");
        assert!(text.contains("x-exec-1"), "{text}");
    }

    #[test]
    fn a_late_cache_of_the_kubelet_is_waited_for() {
        let mut status = waiting("CreateContainerConfigError");
        status["containerStatuses"][0]["state"]["waiting"]["message"] =
            "failed to sync secret cache: timed out waiting for the condition".into();
        assert_eq!(hopeless(&mut health(3, Duration::ZERO), &[(1, status)]), None);
    }

    #[test]
    fn an_init_container_that_cannot_come_up_ends_it_too() {
        let mut status = waiting("PodInitializing");
        status["initContainerStatuses"] = waiting("ErrImagePull")["containerStatuses"].clone();
        status["initContainerStatuses"][0]["name"] = "init".into();
        let text = hopeless(&mut health(3, Duration::ZERO), &[(1, status)]).expect("hopeless");
        assert!(text.contains("wrong-image"), "{text}");
    }

    #[test]
    fn what_may_heal_counts_only_if_it_stays_and_nothing_is_leaving() {
        let states = [(1, unscheduled())];
        let mut health_now = health(3, Duration::ZERO);
        let leaving = Look { leaving: true, ..look(&states, 0) };
        assert_eq!(health_now.decide(leaving), None);
        assert!(hopeless(&mut health_now, &states).is_some());
        assert_eq!(hopeless(&mut health(3, Duration::from_secs(60)), &states), None);
    }

    #[test]
    fn a_claim_of_the_pods_own_comes_after_it() {
        let mut health = health(3, Duration::ZERO);
        for words in [
            r#"persistentvolumeclaim "x-exec-1-pvc-0" not found."#,
            r#"persistentvolumeclaim "spark-local-dir-1-x-exec-1" not found. not found"#,
            r#"running PreFilter plugin "VolumeBinding": error getting PVC "s/x-exec-1-pvc-1": could not find v1.PersistentVolumeClaim "s/x-exec-1-pvc-1""#,
        ] {
            assert_eq!(hopeless(&mut health, &[(1, unscheduled_for(words))]), None);
        }
        let other = unscheduled_for(r#"persistentvolumeclaim "nopvc" not found."#);
        assert!(hopeless(&mut health, &[(1, other)]).is_some());
    }

    #[test]
    fn replacements_tell_of_deaths_that_were_not_seen() {
        let (running, failed) = (json!({ "phase": "Running" }), json!({ "phase": "Failed" }));
        let mut health = health(1, Duration::ZERO);
        assert_eq!(hopeless(&mut health, &[(1, failed), (2, running.clone())]), None);
        assert!(hopeless(&mut health, &[(4, running.clone())]).is_some());
        assert_eq!(health.decide(look(&[(9, running.clone())], 1)), None, "one is registered");
        let unknown = Look { registered: None, ..look(&[(99, running)], 0) };
        assert_eq!(health.decide(unknown), None, "nobody knows who registered");
    }

    #[test]
    fn ids_of_refused_pods_are_no_deaths() {
        let quota = r#"io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: https://h/api/v1/namespaces/t/pods. Message: pods "x-exec-8" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1. Received status: Status(apiVersion=v1, code=403)."#;
        let running = json!({ "phase": "Running" });
        let seen = Look { driver_log: quota.into(), ..look(&[(9, running)], 0) };
        let mut health = health(1, Duration::from_secs(60));
        assert_eq!(health.decide(seen), None);
    }

    #[test]
    fn what_is_waited_for_is_said_with_its_seconds() {
        let mut health = health(2, Duration::from_secs(60));
        assert_eq!(health.and_awaits("0 of 2"), "0 of 2");
        let states = [(1, json!({ "phase": "Running" })), (2, json!({ "phase": "Running" }))];
        assert_eq!(hopeless(&mut health, &states), None);
        let before = Instant::now().checked_sub(Duration::from_secs(40)).expect("an uptime");
        for (_, since) in health.awaits.values_mut() {
            *since = before;
        }
        assert_eq!(hopeless(&mut health, &states), None);
        let words = health.and_awaits("0 of 2");
        let expected =
            "0 of 2; x-exec-1, x-exec-2: running, and not registered with the driver since 40 s";
        assert_eq!(words, expected);
    }

    #[test]
    fn one_that_came_does_not_hide_that_the_others_die_or_have_no_room() {
        let running = json!({ "phase": "Running" });
        let mut one_came = health(2, Duration::ZERO);
        let mut hopeless = |states: &[(u32, serde_json::Value)]| one_came.decide(look(states, 1));
        assert_eq!(hopeless(&[(1, running.clone()), (2, running.clone())]), None);
        assert_eq!(hopeless(&[(1, running.clone()), (4, running.clone())]), None, "two ended");
        let words = hopeless(&[(1, running.clone()), (5, running.clone())]).expect("hopeless");
        assert!(words.contains("3 executors ended and 1 registered"), "{words}");

        let one = [(1, running), (2, unscheduled()), (3, unscheduled())];
        let words = health(3, Duration::ZERO).decide(look(&one, 1)).expect("hopeless");
        assert!(words.contains("x-exec-2") && words.contains("insufficient-cpu"), "{words}");
    }

    /// Its pod stays in the evidence, and looks like the fault for ever.
    #[test]
    fn one_executor_that_ended_is_replaced_and_two_are_a_reason() {
        let killed = json!({ "phase": "Failed", "containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "terminated": { "exitCode": 137, "reason": "OOMKilled" } },
        }] });
        let running = json!({ "phase": "Running" });
        let mut health = health(2, Duration::ZERO);
        let one = [(1, killed.clone()), (2, running.clone()), (3, running.clone())];
        assert_eq!(hopeless(&mut health, &one), None);
        let of_application = Look { registered: None, ..look(&one, 0) };
        assert_eq!(health.decide(of_application), None);
        let two = [(1, killed.clone()), (2, killed), (3, running)];
        assert!(hopeless(&mut health, &two).is_some_and(|words| words.contains("out-of-memory")));
    }

    #[test]
    fn a_fault_of_one_pod_after_another_does_not_stay() {
        let mut health = health(2, Duration::from_secs(60));
        let before = Instant::now().checked_sub(Duration::from_secs(90)).expect("an uptime");
        health.stays = Some((Cause::InsufficientCpu, vec!["x-exec-2".into()], before));
        assert_eq!(hopeless(&mut health, &[(1, unscheduled())]), None);
        health.stays = Some((Cause::InsufficientCpu, vec!["x-exec-1".into()], before));
        assert!(hopeless(&mut health, &[(1, unscheduled())]).is_some());
    }

    /// What was listed on a user's cluster, whose node has this label.
    fn listed(events: Option<&[&str]>, label: &str) -> Evidence {
        let event = |reason: &&str| EventFacts {
            object: "x-exec-1".into(),
            reason: (*reason).into(),
            ..EventFacts::default()
        };
        let mut listed = Evidence::default();
        if let Some(reasons) = events {
            listed.events = Looked::Seen(reasons.iter().map(event).collect());
        }
        let labels = BTreeMap::from([(label.to_owned(), String::new())]);
        let node = NodeFacts { labels, ..NodeFacts::default() };
        listed.around.nodes = Looked::Seen(vec![node]);
        listed.around.schedulers = Looked::Seen(vec!["kube-scheduler".into()]);
        listed
    }

    /// A second after it was first seen.
    #[rstest]
    #[case::nothing_adds_nodes(listed(Some(&["FailedScheduling"]), "a"), true)]
    #[case::an_autoscaler_has_time(listed(Some(&["NotTriggerScaleUp"]), "eks.amazonaws.com/x"), false)]
    #[case::a_node_comes(listed(Some(&["TriggeredScaleUp"]), "a"), false)]
    #[case::events_are_not_known(listed(None, "karpenter.sh/x"), false)]
    #[case::nodes_are_not_known(Evidence::default(), false)]
    fn a_cluster_that_may_make_a_node_is_waited_for(#[case] listed: Evidence, #[case] ends: bool) {
        let mut health = health(1, Duration::from_secs(1));
        health.asked.cluster_of_user = true;
        health.listed = listed;
        let before = Instant::now().checked_sub(Duration::from_secs(2)).expect("an uptime");
        health.stays = Some((Cause::InsufficientCpu, vec!["x-exec-1".into()], before));
        assert_eq!(hopeless(&mut health, &[(1, unscheduled())]).is_some(), ends);
    }

    #[test]
    fn an_executor_of_another_version_does_not_end_and_is_heard() {
        let mut seen = look(&[(1, json!({ "phase": "Running" }))], 0);
        seen.pods[0].log =
            "WARN TransportChannelHandler: Exception in connection from /10.0.0.1:1\n\
             java.io.InvalidClassException: org.apache.spark.resource.ResourceProfile; local \
             class incompatible\n"
                .into();
        let words = health(1, Duration::ZERO).decide(seen).expect("heard");
        assert!(words.contains("version-mismatch"), "{words}");
        let mut seen = look(&[(1, json!({ "phase": "Running" }))], 0);
        seen.pods[0].log = "INFO Executor: Starting executor ID 1".into();
        assert_eq!(health(1, Duration::ZERO).decide(seen), None);
    }

    /// Of an application nobody knows which executors registered.
    #[test]
    fn what_the_driver_of_an_application_says_is_left_to_its_end() {
        let log = "Error: Failed to load class org.example.None.".to_owned();
        let says = |registered| Look { driver_log: log.clone(), registered, ..Look::default() };
        assert_eq!(health(2, Duration::ZERO).decide(says(None)), None);
        assert!(health(2, Duration::ZERO).decide(says(Some(0))).is_some());
        let log = r#"pods is forbidden: User "u" cannot create resource "pods""#.to_owned();
        let refused = Look { driver_log: log, registered: None, ..Look::default() };
        assert!(health(2, Duration::ZERO).decide(refused).is_some());
    }

    #[test]
    fn a_right_that_is_missing_at_create_ends_at_once() {
        let says = |log: &str| Look { driver_log: log.into(), ..look(&[], 0) };
        let log = r#"pods is forbidden: User "u" cannot create resource "pods""#;
        assert!(health(3, Duration::ZERO).decide(says(log)).is_some());
        let harmless = r#"User "u" cannot list resource "pods""#;
        assert_eq!(health(3, Duration::ZERO).decide(says(harmless)), None);
    }
}
