//! What was observed of a Spark session or application, complete enough to name a cause from it.
//!
//! The facts are copied from the objects of Kubernetes by `sparkproof_kubernetes::facts`. Values of
//! environment variables are not among them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sparkproof_base::events::Looked;
use sparkproof_catalog::plan::DriverPlace;

use super::planned::{PlannedClaim, Toleration};

/// Everything that was observed. Each part that could not be looked at says so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// What was asked for.
    pub asked: Asked,
    /// The driver, wherever it runs.
    pub driver: DriverFacts,
    /// The session's pods in their last states: executors, and the driver's if it has one.
    pub pods: Vec<PodFacts>,
    /// Events of the namespace, oldest first.
    pub events: Looked<Vec<EventFacts>>,
    /// Refusals of the API server, of requests that sparkproof made itself (a dry run).
    pub refusals: Vec<Refusal>,
    /// Objects of the namespace and the cluster.
    pub around: Surroundings,
    /// What is about to be made; `None` once the driver has started.
    pub planned: Option<Planned>,
}

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The image of the executors.
    pub image: String,
    /// Number of executors; 0 if unknown.
    pub executors: u32,
    /// The namespace.
    pub namespace: String,
    /// The service account of the pods.
    pub account: String,
    /// The object that should have made the driver's pod, if there is none: a Job, for instance.
    pub controller: String,
    /// The driver's host as pods have it: an address, or the name of its Service.
    pub driver_host: String,
    /// The address at which it listens.
    pub driver_address: String,
    /// Where it runs.
    pub driver: DriverPlace,
    /// Whether the cluster is the user's.
    pub cluster_of_user: bool,
    /// Spark's configuration, values masked where their key or a registered secret says so.
    pub conf: BTreeMap<String, String>,
    /// What is to be said of the user's part of it.
    pub notes: KeyNotes,
}

/// Keys of a configuration that do not do what they are there for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyNotes {
    /// Keys that this Spark does not know, each with what may be meant.
    pub unknown: Vec<(String, Option<String>)>,
    /// Keys that have no effect, each with the reason.
    pub without_effect: Vec<(String, String)>,
}

/// The driver.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriverFacts {
    /// `sparkContext.master`, if the session call returned.
    pub context_master: Option<String>,
    /// Its log.
    pub log: String,
    /// Its exception with its causes, or what spark-submit printed.
    pub reason: String,
    /// What ended the wait, in sparkproof's words. It is only shown: no rule may depend on it.
    pub ended_by: String,
    /// Whether it (front end or JVM) ended or hangs.
    pub gone: bool,
}

/// What a pod is for, by the label `spark-role`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodRole {
    /// An executor.
    #[default]
    Executor,
    /// The driver.
    Driver,
    /// Neither.
    Other,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// What it is for.
    pub role: PodRole,
    /// `status.phase`; empty if only its log is left.
    pub phase: String,
    /// `status.reason`, e.g. `Evicted`.
    pub reason: Option<String>,
    /// `status.message`.
    pub message: Option<String>,
    /// The node, once it is bound to one.
    pub node: Option<String>,
    /// Seconds from its creation to the look.
    pub age: Option<u64>,
    /// Whether its deletion was requested.
    pub deleting: bool,
    /// `spec.serviceAccountName`.
    pub account: String,
    /// `spec.schedulerName`.
    pub scheduler: String,
    /// Whether a token of the account is mounted.
    pub has_token: bool,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// Its init containers, then its containers.
    pub containers: Vec<ContainerFacts>,
    /// Names of the claims that it mounts.
    pub claims: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `spec.nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// The terms of its required node affinity, e.g. `zone In a b, disk Exists`.
    pub node_affinity: Vec<String>,
    /// Names of the scheduling gates.
    pub gates: Vec<String>,
    /// Whether it was ever in Spark's list of executors.
    pub registered: bool,
    /// The log of Spark's container, of an earlier instance too if it was restarted.
    pub log: String,
}

/// A condition of a pod or node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// `type`, e.g. `PodScheduled`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason, e.g. `Unschedulable`.
    pub reason: String,
    /// The message.
    pub message: String,
}

/// A container of a pod.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerFacts {
    /// Its name.
    pub name: String,
    /// Whether it is an init container.
    pub init: bool,
    /// Its image.
    pub image: String,
    /// Whether its readiness probe succeeds; without one, whether it runs.
    pub ready: bool,
    /// How often it was restarted.
    pub restarts: i32,
    /// Why it waits.
    pub waiting: Option<Waits>,
    /// How it ended.
    pub ended: Option<Ended>,
    /// How its previous instance ended.
    pub ended_before: Option<Ended>,
    /// `resources.limits`, e.g. `memory` to `896Mi`.
    pub limits: BTreeMap<String, String>,
    /// `resources.requests`.
    pub requests: BTreeMap<String, String>,
}

/// The state of a container that waits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waits {
    /// Kubelet's reason, e.g. `ImagePullBackOff`.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// The end of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// The reason, e.g. `OOMKilled`, `Error`, `ContainerStatusUnknown`.
    pub reason: String,
    /// The message, e.g. of the container runtime.
    pub message: String,
}

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventFacts {
    /// Kind of the object it is about, e.g. `Pod`.
    pub kind: String,
    /// Name of the object.
    pub object: String,
    /// The reason, e.g. `FailedScheduling`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// How often it occurred.
    pub count: i32,
    /// Who says it, e.g. `kubelet`, `default-scheduler`.
    pub from: String,
}

/// A structured refusal of the API server (`metav1.Status`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// HTTP code.
    pub code: u16,
    /// Its reason, e.g. `Forbidden`, `Invalid`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// Field and message of each cause.
    pub causes: Vec<(String, String)>,
    /// What was requested, e.g. `create pods (dry run)`.
    pub request: String,
}

/// Objects of the namespace and the cluster that may explain a failure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// Labels of the namespace.
    pub namespace_labels: Looked<BTreeMap<String, String>>,
    /// Names of the service accounts, with `automountServiceAccountToken`.
    pub accounts: Looked<BTreeMap<String, Option<bool>>>,
    /// ResourceQuotas.
    pub quotas: Looked<Vec<Quota>>,
    /// Names of LimitRanges, with what they say, e.g. `Container max cpu=500m`.
    pub limit_ranges: Looked<BTreeMap<String, String>>,
    /// NetworkPolicies.
    pub policies: Looked<Vec<Policy>>,
    /// The claims of the namespace.
    pub claims: Looked<Vec<Claim>>,
    /// StorageClasses with their provisioner.
    pub classes: Looked<BTreeMap<String, String>>,
    /// The nodes.
    pub nodes: Looked<Vec<NodeFacts>>,
    /// Names of schedulers of which there is a sign: the default one, holders of Leases in
    /// `kube-system`, those that events come from.
    pub schedulers: Looked<Vec<String>>,
    /// How many servers of the cluster's DNS are ready: endpoints of the Service `kube-dns` in
    /// `kube-system`, or pods there with the label `k8s-app=kube-dns`. Not known where there is
    /// neither.
    pub dns_ready: Looked<usize>,
}

/// The pods that a session needs to count as started, none of which exists yet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Planned {
    /// How many executors must run at once.
    pub executors: u32,
    /// An executor, as admission returned it in a dry run, or as it was sent.
    pub executor: PodFacts,
    /// `spec.priorityClassName` of it.
    pub priority_class: String,
    /// `spec.hostNetwork` of it.
    pub host_network: bool,
    /// Whether it has `spec.activeDeadlineSeconds`.
    pub terminating: bool,
    /// Its tolerations.
    pub tolerations: Vec<Toleration>,
    /// The claims that Spark makes for each executor.
    pub claims: Vec<PlannedClaim>,
    /// Pods of the session that exist already: its driver.
    pub beside: Vec<PodFacts>,
    /// What pods request that stay on their node whatever ends (of DaemonSets, static ones), by node
    /// and resource; `pods` is their number.
    pub held: Looked<BTreeMap<String, BTreeMap<String, String>>>,
}

/// A ResourceQuota.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// Its name.
    pub name: String,
    /// `status.hard`.
    pub hard: BTreeMap<String, String>,
    /// `status.used`.
    pub used: BTreeMap<String, String>,
    /// The scopes that a pod must match to count: `spec.scopes` and `spec.scopeSelector`.
    pub scopes: Vec<Scope>,
}

/// A scope of a ResourceQuota.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// Its name, e.g. `NotBestEffort`.
    pub name: String,
    /// `Exists`, `In`, `NotIn` or `DoesNotExist`.
    pub operator: String,
    /// The values of `In` and `NotIn`.
    pub values: Vec<String>,
}

/// A NetworkPolicy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Names of the session's pods that it selects.
    pub selects: Vec<String>,
    /// Whether it restricts what these may send.
    pub egress: bool,
    /// Whether it restricts what these may receive.
    pub ingress: bool,
    /// Whether it allows these to send everything, whatever other policies restrict.
    pub opens_egress: bool,
    /// Whether it allows these to receive everything.
    pub opens_ingress: bool,
}

/// A PersistentVolumeClaim.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// `Pending`, `Bound` or `Lost`.
    pub phase: String,
    /// Its StorageClass.
    pub class: Option<String>,
    /// Access modes, e.g. `ReadWriteOnce`.
    pub modes: Vec<String>,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeFacts {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints, as `key=value:Effect`.
    pub taints: Vec<String>,
    /// `status.allocatable`.
    pub allocatable: BTreeMap<String, String>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
}

impl DriverFacts {
    /// What is known of its end, to be shown.
    pub(super) fn words(&self) -> &str {
        if self.reason.is_empty() { &self.ended_by } else { &self.reason }
    }
}

impl Evidence {
    /// The events that could be listed.
    pub fn events(&self) -> &[EventFacts] {
        match &self.events {
            Looked::Seen(events) => events,
            Looked::Unseen(_) => &[],
        }
    }

    /// The events about a pod.
    pub fn events_of<'a>(
        &'a self,
        pod: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a EventFacts> {
        self.events().iter().filter(move |event| event.object == pod)
    }

    /// The executors' pods.
    pub fn executors(&self) -> impl DoubleEndedIterator<Item = &PodFacts> {
        self.pods.iter().filter(|pod| pod.role == PodRole::Executor)
    }
}

impl PodFacts {
    /// Whether it reached the driver: it registered, according to Spark's list or its log.
    pub fn reached_driver(&self) -> bool {
        let words = ["Successfully registered with driver", "Got assigned task", "Running task "];
        self.registered || words.iter().any(|words| self.log.contains(words))
    }

    /// Whether it is in Spark's list and still runs.
    pub fn is_healthy(&self) -> bool {
        self.registered && self.phase == "Running" && self.failed().is_none()
    }

    /// A condition by its type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// The scheduler's message when it found no node.
    pub fn unscheduled(&self) -> Option<&str> {
        let condition = self.condition("PodScheduled")?;
        (condition.status == "False").then_some(condition.message.as_str())
    }

    /// The first container that waits for something else than its turn.
    pub fn stuck(&self) -> Option<(&ContainerFacts, &Waits)> {
        self.waiting().find(|(_, waits)| {
            !matches!(&*waits.reason, "" | "ContainerCreating" | "PodInitializing")
        })
    }

    /// The containers that wait.
    pub fn waiting(&self) -> impl Iterator<Item = (&ContainerFacts, &Waits)> {
        self.containers.iter().filter_map(|c| Some((c, c.waiting.as_ref()?)))
    }

    /// The first container that ended with another exit code than 0, now or in its previous
    /// instance.
    pub fn failed(&self) -> Option<(&ContainerFacts, &Ended)> {
        let mut ended = self.containers.iter().flat_map(|container| {
            let ends = [&container.ended, &container.ended_before];
            ends.into_iter().flatten().map(move |end| (container, end))
        });
        ended.find(|(_, end)| end.code != 0)
    }
}

impl fmt::Display for PodFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = if self.phase.is_empty() { "gone" } else { &self.phase };
        write!(f, "{} {phase}", self.name)?;
        let words = |text: &Option<String>| text.clone().unwrap_or_default();
        if self.reason.is_some() || self.message.is_some() {
            write!(f, ", {} {}", words(&self.reason), words(&self.message))?;
        }
        if let Some(node) = &self.node {
            write!(f, ", on {node}")?;
        }
        if let Some(message) = self.unscheduled() {
            write!(f, ", not scheduled: {message}")?;
        }
        for (container, waits) in self.waiting() {
            write!(f, ", {} waits: {} {}", container.name, waits.reason, waits.message)?;
        }
        if let Some((container, end)) = self.failed() {
            write!(
                f,
                ", {} ended with {} {} {}",
                container.name, end.code, end.reason, end.message
            )?;
        }
        if self.deleting {
            write!(f, ", being deleted")?;
        }
        Ok(())
    }
}

impl fmt::Display for EventFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ×{}: {}", self.object, self.reason, self.count, self.message)
    }
}
