//! Applications by their pods, and the evidence of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use sparkproof_base::events::{Looked, Secrets};
use sparkproof_catalog::plan::DriverPlace;
use sparkproof_judge::diagnosis::{Asked, DriverFacts, Evidence, PodFacts, PodRole};
use sparkproof_kubernetes::facts;

use super::material::{Group, Material};
use super::properties::{conf_of, map_of, register_secrets, variable};

/// The label of Spark's pods with the application's id.
const SELECTOR: &str = "spark-app-selector";
/// Labels with an application's name: of the operators, then of Spark (3.3 and later).
const NAMES: [&str; 3] =
    ["sparkoperator.k8s.io/app-name", "spark.operator/spark-app-name", "spark-app-name"];
const ROLE: &str = "spark-role";

/// Sorts pods by application, in the order of their ids. Others are left out.
pub(super) fn groups(pods: Vec<Pod>) -> Vec<Group> {
    let mut groups = BTreeMap::<(String, String), Group>::new();
    for pod in pods {
        let role = pod.labels().get(ROLE).map(String::as_str);
        let is_driver = match role {
            Some("driver") => true,
            Some("executor") => false,
            _ => continue,
        };
        let namespace = pod.namespace().unwrap_or_default();
        let label = |key: &str| pod.labels().get(key).cloned();
        let id = label(SELECTOR).or_else(|| NAMES.iter().find_map(|key| label(key)));
        let id = id.unwrap_or_else(|| pod.name_any());
        let group = groups.entry((namespace.clone(), id.clone())).or_insert_with(|| Group {
            id,
            namespace,
            ..Group::default()
        });
        // An operator may start the same application again: the last driver counts.
        let newer = |known: &Pod| known.creation_timestamp() < pod.creation_timestamp();
        if !is_driver {
            group.executors.push(pod);
        } else if group.driver.as_ref().is_none_or(newer) {
            group.driver = Some(pod);
        }
    }
    groups.into_values().collect()
}

/// Kinds of objects that make a driver's pod, with words of the reasons of their events when they
/// cannot: controllers of Kubernetes, and Spark's operators.
const MAKERS: [(&str, &str); 6] = [
    ("Job", "FailedCreate"),
    ("ReplicaSet", "FailedCreate"),
    ("StatefulSet", "FailedCreate"),
    ("SparkApplication", "Failed"),
    ("ScheduledSparkApplication", "Failed"),
    ("SparkConnect", "Failed"),
];

/// Applications of which there is no pod, only events that their driver's pod cannot be made. A
/// controller of Kubernetes says nothing of Spark but by its name.
pub(super) fn without_pods<'a>(
    known: &[Group],
    events: impl IntoIterator<Item = &'a Event>,
) -> Vec<Group> {
    let mut found = BTreeMap::<(String, String), Group>::new();
    for event in events {
        let about = &event.involved_object;
        let (Some(kind), Some(name)) = (&about.kind, &about.name) else { continue };
        let reason = event.reason.as_deref().unwrap_or_default();
        let makes = MAKERS.iter().any(|(maker, words)| kind == maker && reason.contains(words));
        let of_spark = kind.contains("Spark") || name.contains("spark");
        // Spark's own StatefulSets make executors.
        let of_executors = name.starts_with("spark-s-") || name.starts_with("spark-d-");
        let names_it = |group: &Group| names(group).iter().any(|known| known.starts_with(&**name));
        if !makes || !of_spark || of_executors || known.iter().any(names_it) {
            continue;
        }
        let namespace = about.namespace.clone().or(event.metadata.namespace.clone());
        let namespace = namespace.unwrap_or_default();
        let group = Group {
            id: name.clone(),
            namespace: namespace.clone(),
            controller: Some(name.clone()),
            ..Group::default()
        };
        found.entry((namespace, name.clone())).or_insert(group);
    }
    found.into_values().collect()
}

/// What a group answers to: its id first.
pub(super) fn names(group: &Group) -> Vec<String> {
    let driver = group.driver.iter().map(ResourceExt::name_any);
    std::iter::once(group.id.clone()).chain(driver).chain(label_names(group)).collect()
}

fn label_names(group: &Group) -> impl Iterator<Item = String> {
    group.pods().flat_map(|pod| NAMES.iter().filter_map(|key| pod.labels().get(*key)).cloned())
}

/// The application's name, if a label has it.
pub(super) fn name(group: &Group) -> Option<String> {
    label_names(group).next()
}

/// Whether a pod has not ended, or something of it changed within this time.
pub(super) fn is_active(group: &Group, since: Duration, now: Timestamp) -> bool {
    let recent = |at: Timestamp| now.duration_since(at).unsigned_abs() <= since || at > now;
    let of_pod = |pod: &Pod| {
        let status = pod.status.as_ref();
        let phase = status.and_then(|status| status.phase.as_deref());
        let ends = status.iter().flat_map(|status| {
            let all = status.container_statuses.iter().flatten();
            all.filter_map(|one| one.state.as_ref()?.terminated.as_ref()?.finished_at.clone())
        });
        let mut times = ends.map(|time| time.0).chain(pod.creation_timestamp().map(|time| time.0));
        !matches!(phase, Some("Succeeded" | "Failed")) || times.any(recent)
    };
    // Events do not live long.
    group.controller.is_some() || group.pods().any(of_pod)
}

/// The driver's phase, and whether it ended.
pub(super) fn phase(driver: &Pod) -> &str {
    driver.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default()
}

/// The evidence of one application.
pub(super) fn evidence(group: &Group, material: &Material, secrets: &Secrets) -> Evidence {
    group.pods().for_each(|pod| register_secrets(pod, secrets));
    let conf = group.driver.as_ref().and_then(map_of).and_then(|name| material.maps.get(&name));
    let conf = conf.and_then(Looked::seen).map(|map| conf_of(map, secrets)).unwrap_or_default();
    let log_of = |name: &str| material.logs.get(name).and_then(Looked::seen).cloned();
    let events = match &material.events {
        Looked::Seen(events) => Looked::Seen(facts::in_order(events.clone())),
        Looked::Unseen(why) => Looked::Unseen(why.clone()),
    };
    let mut pods: Vec<PodFacts> = group.pods().map(|pod| facts::pod(pod, material.now)).collect();
    for pod in &mut pods {
        pod.log = log_of(&pod.name).unwrap_or_default();
    }
    let driver = driver(group, &pods, log_of("driver"));
    // Spark deletes executors that failed; of those of an application that succeeded no one asks.
    let succeeded = group.driver.as_ref().is_some_and(|pod| phase(pod) == "Succeeded");
    if !succeeded {
        let gone = gone(group, &pods, &events, material);
        pods.extend(gone);
    }
    let mut came = registered(&driver.log);
    let run = material.runs.get(&group.id).and_then(Looked::seen);
    came.extend(run.iter().flat_map(|run| run.executors.iter().map(|one| &*one.id)));
    for pod in &mut pods {
        let id = pod.labels.get("spark-exec-id").map(String::as_str);
        let id = id.or_else(|| pod.name.rsplit_once("-exec-").map(|(_, id)| id));
        let listed = id.is_some_and(|id| came.contains(id));
        pod.registered = pod.role == PodRole::Executor && (listed || pod.reached_driver());
    }
    let around = material.listed.facts(&pods);
    Evidence {
        asked: asked(group, conf, &driver.log),
        driver,
        pods,
        events,
        around,
        ..Evidence::default()
    }
}

/// The driver; `given` is a log of which the pod's name is not known.
fn driver(group: &Group, pods: &[PodFacts], given: Option<String>) -> DriverFacts {
    let Some(pod) = &group.driver else {
        return DriverFacts { log: given.unwrap_or_default(), ..DriverFacts::default() };
    };
    let facts = pods.iter().find(|facts| facts.role == PodRole::Driver);
    let log = facts.map(|facts| facts.log.clone()).filter(|log| !log.is_empty());
    let gone = matches!(phase(pod), "Succeeded" | "Failed");
    let failed = facts.filter(|_| phase(pod) == "Failed");
    DriverFacts {
        log: log.or(given).unwrap_or_default(),
        ended_by: failed.map(ToString::to_string).unwrap_or_default(),
        gone,
        ..DriverFacts::default()
    }
}

/// What was asked for, as far as pods and configuration say it.
fn asked(group: &Group, conf: BTreeMap<String, String>, log: &str) -> Asked {
    let first = group.executors.first();
    let image = |pod: &Pod| {
        let name = facts::sparks_container(pod)?;
        let containers = &pod.spec.as_ref()?.containers;
        containers.iter().find(|container| container.name == name)?.image.clone()
    };
    let get = |keys: &[&str]| keys.iter().find_map(|key| conf.get(*key)).cloned();
    let account = |pod: &Pod| pod.spec.as_ref()?.service_account_name.clone();
    // spark://CoarseGrainedScheduler@HOST:PORT
    let url = first.and_then(|pod| variable(pod, "SPARK_DRIVER_URL"));
    let host = url.and_then(|url| url.rsplit_once('@')?.1.rsplit_once(':')).map(|(host, _)| host);
    let address = group.driver.as_ref().and_then(|pod| pod.status.as_ref()?.pod_ip.clone());
    let images = ["spark.kubernetes.executor.container.image", "spark.kubernetes.container.image"];
    Asked {
        image: first
            .and_then(image)
            .or_else(|| get(&images))
            .or_else(|| group.driver.as_ref().and_then(image))
            .unwrap_or_default(),
        executors: get(&["spark.executor.instances"])
            .and_then(|count| count.parse().ok())
            .or_else(|| target(log))
            .unwrap_or_default(),
        namespace: group.namespace.clone(),
        account: first.or(group.driver.as_ref()).and_then(account).unwrap_or_default(),
        driver_host: get(&["spark.driver.host"])
            .or_else(|| host.map(str::to_owned))
            .unwrap_or_default(),
        driver_address: address.unwrap_or_default(),
        driver: match group.driver {
            Some(_) => DriverPlace::Pod,
            None if group.controller.is_some() => DriverPlace::Pod,
            None => DriverPlace::Host,
        },
        cluster_of_user: true,
        controller: group.controller.clone().unwrap_or_default(),
        conf,
        // The submission adds keys of its own, which would be judged, too.
        ..Asked::default()
    }
}

/// The number of executors that the driver wanted last (`ExecutorPodsAllocator`).
fn target(log: &str) -> Option<u32> {
    let mut lines = log.lines().rev().filter(|line| line.contains("Going to request "));
    let (_, rest) = lines.next()?.split_once("target: ")?;
    rest.split(',').next()?.trim().parse().ok()
}

/// Reasons of events about pods that did not go as they should. Others, of executors that dynamic
/// allocation removed for instance, are of no interest once the pod is gone.
const TELLING: [&str; 7] = [
    "Evict",
    "Evicted",
    "NodeNotReady",
    "OOMKilling",
    "Preempted",
    "Preempting",
    "TaintManagerEviction",
];

/// Executors of which only such an event or a log is left.
fn gone(
    group: &Group,
    pods: &[PodFacts],
    events: &Looked<Vec<sparkproof_judge::diagnosis::EventFacts>>,
    material: &Material,
) -> Vec<PodFacts> {
    let prefix_of = |pod: &Pod| {
        let name = pod.name_any();
        let end = name.strip_suffix("-driver").map(str::to_owned);
        end.or_else(|| Some(name.rsplit_once("-exec-")?.0.to_owned()))
    };
    let prefixes: BTreeSet<String> = group.pods().filter_map(prefix_of).collect();
    let is_ours = |name: &str| {
        let parts = name.rsplit_once("-exec-");
        parts.is_some_and(|(prefix, id)| {
            let id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
            // Without any pod, all logs are of one application.
            id && (prefixes.contains(prefix) || prefixes.is_empty())
        })
    };
    let of_events = events.seen().into_iter().flatten();
    let of_events =
        of_events.filter(|event| event.kind == "Pod" && TELLING.contains(&&*event.reason));
    let names = of_events.map(|event| &event.object).chain(material.logs.keys());
    let known: BTreeSet<&str> = pods.iter().map(|pod| &*pod.name).collect();
    let names: BTreeSet<&String> =
        names.filter(|name| is_ours(name) && !known.contains(name.as_str())).collect();
    let fact = |name: &String| PodFacts {
        name: name.clone(),
        log: material.logs.get(name).and_then(Looked::seen).cloned().unwrap_or_default(),
        ..PodFacts::default()
    };
    names.into_iter().map(fact).collect()
}

/// Ids of the executors that registered, by the driver's log (`KubernetesClusterSchedulerBackend`).
fn registered(log: &str) -> BTreeSet<&str> {
    let lines = log.lines().filter(|line| line.contains("Registered executor "));
    lines
        .filter_map(|line| {
            let (_, rest) = line.split_once(" with ID ")?;
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            Some(&rest[..end])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sparkproof_base::verdict::Cause;
    use sparkproof_judge::diagnosis::findings;

    fn pod(name: &str, labels: serde_json::Value, at: &str) -> Pod {
        serde_json::from_value(json!({ "metadata": {
            "name": name, "namespace": "team", "labels": labels, "creationTimestamp": at } }))
        .expect("a pod")
    }

    #[test]
    fn pods_are_sorted_by_application() {
        let at = "2026-12-01T09:00:00Z";
        let later = "2026-12-01T10:00:00Z";
        let labels = |role: &str| json!({ SELECTOR: "spark-1", ROLE: role, NAMES[0]: "pi" });
        let groups = groups(vec![
            pod("pi-driver", labels("driver"), at),
            pod("pi-1-exec-1", labels("executor"), at),
            pod("pi-again", labels("driver"), later),
            pod("web", json!({ "app": "web" }), at),
            pod("x-exec-1", json!({ ROLE: "executor", SELECTOR: "spark-2" }), at),
        ]);
        let ids: Vec<_> = groups.iter().map(|group| (&*group.id, group.executors.len())).collect();
        assert_eq!(ids, [("spark-1", 1), ("spark-2", 1)]);
        assert_eq!(names(&groups[0])[..3], ["spark-1", "pi-again", "pi"]);
        assert_eq!(name(&groups[0]).as_deref(), Some("pi"));
        assert!(groups[1].driver.is_none() && name(&groups[1]).is_none());
    }

    /// A running application, and events about an executor that is gone.
    fn with_event(reason: &str, message: &str) -> Evidence {
        let at = "2026-12-01T09:00:00Z";
        let mut driver = pod("pi-1-driver", json!({ SELECTOR: "spark-1", ROLE: "driver" }), at);
        let status = json!({ "phase": "Running" });
        driver.status = serde_json::from_value(status).expect("a status");
        let event = serde_json::from_value(json!({
            "metadata": { "name": "e", "namespace": "team" }, "reason": reason, "message": message,
            "involvedObject": { "kind": "Pod", "name": "pi-1-exec-3", "namespace": "team" },
        }))
        .expect("an event");
        let mut material = Material { events: Looked::Seen(vec![event]), ..Material::default() };
        let log = "Registered executor X with ID 3,  ResourceProfileId 0\n".to_owned();
        material.logs.insert("pi-1-driver".into(), Looked::Seen(log));
        let [group] = &*groups(vec![driver]) else { panic!("one group") };
        evidence(group, &material, &Secrets::default())
    }

    #[test]
    fn an_executor_that_is_gone_counts_only_if_it_was_driven_out() {
        let evicted = with_event("Evicted", "The node was low on resource: memory. ");
        let found = findings(&evicted);
        let names: Vec<_> = found.iter().map(|finding| (finding.cause, &*finding.pods)).collect();
        assert_eq!(names, [(Cause::Evicted, &["pi-1-exec-3".to_owned()][..])]);
        for (reason, message) in [
            ("Killing", "Stopping container spark-kubernetes-executor"),
            ("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu."),
            ("FailedMount", "MountVolume.SetUp failed for volume \"x\""),
        ] {
            assert_eq!(findings(&with_event(reason, message)), [], "{reason}");
        }
    }

    #[test]
    fn what_ended_long_ago_is_not_active() {
        let ended = json!({ "metadata": { "name": "d", "namespace": "team",
                "labels": { ROLE: "driver", SELECTOR: "a" }, "creationTimestamp": "2026-12-01T08:00:00Z" },
            "status": { "phase": "Succeeded", "containerStatuses": [{ "name": "c", "image": "i",
                "imageID": "", "ready": false, "restartCount": 0, "state": { "terminated": {
                    "exitCode": 0, "finishedAt": "2026-12-01T09:00:00Z" } } }] } });
        let pod: Pod = serde_json::from_value(ended).expect("a pod");
        let now = "2026-12-01T10:00:00Z".parse().expect("a time");
        let mut group = Group { driver: Some(pod), ..Group::default() };
        let hour = Duration::from_secs(3600);
        assert!(is_active(&group, hour, now), "an hour ago");
        assert!(!is_active(&group, hour / 2, now));
        let driver = group.driver.as_mut().expect("a driver");
        driver.status.as_mut().expect("a status").phase = Some("Running".into());
        assert!(is_active(&group, hour / 2, now), "it runs");
    }

    #[test]
    fn the_log_of_the_driver_says_who_registered_and_how_many_were_wanted() {
        let log = "INFO KubernetesClusterSchedulerBackend$KubernetesDriverEndpoint: Registered \
            executor NettyRpcEndpointRef(spark-client://Executor) (10.244.0.7:48122) with ID 12,  \
            ResourceProfileId 0\nINFO X: Registered signal handler\n";
        assert_eq!(registered(log), BTreeSet::from(["12"]));
        let log = "INFO ExecutorPodsAllocator: Going to request 1 executors from Kubernetes for \
            ResourceProfile Id: 0, target: 3, known: 2, sharedSlotFromPendingPods: 2147483647.";
        assert_eq!((target(log), target("INFO X: target: 3")), (Some(3), None));
    }
}
