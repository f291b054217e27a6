//! What a node does to its pods: evictions, full disks, its own end.

use sparkproof_base::events::Looked;
use sparkproof_base::verdict::Cause;

use super::evidence::{EventFacts, Evidence, NodeFacts, PodFacts};
use super::finding::{Ends, Finding, PodRule, SessionRule};
use super::java;

pub(super) const SESSION: &[SessionRule] = &[befell_the_healthy, full_in_tasks];
pub(super) const POD: &[PodRule] =
    &[scratch, preempted, disk_full, rejected, node_ended, evicted, lost];

/// Kubelet's words for a pod that used more scratch space than it may (`eviction/helpers.go`).
const SCRATCH: [&str; 3] = [
    "exceeds the total limit of containers",
    "Usage of EmptyDir volume",
    "local ephemeral storage limit",
];

const NO_SPACE: &str = "no space left on device";

fn scratch(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let words = told(evidence, pod, &["Evicted"])
        .find(|words| SCRATCH.iter().any(|s| words.contains(s)))?;
    let remedy = if words.contains("EmptyDir") {
        "a larger sizeLimit of that volume \
         (spark.kubernetes.executor.volumes.emptyDir.*.options.sizeLimit), or scratch space on a \
         claim (…persistentVolumeClaim.spark-local-dir-1.options.claimName=OnDemand)"
    } else {
        "a larger limit of ephemeral-storage in the pod template, more partitions so that less is \
         spilled, or scratch space on a claim \
         (spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1.…)"
    };
    let finding = Finding::new(
        Cause::ScratchLimit,
        format!("it used more scratch space than it may: {}", words.trim()),
        remedy,
    );
    Some(finding.of(pod).because(&pod.name, words).ends(Ends::AtOnce))
}

/// What the kubelet and the controllers said of a pod, and its events of these reasons.
fn told<'a>(
    evidence: &'a Evidence,
    pod: &'a PodFacts,
    reasons: &'static [&'static str],
) -> impl Iterator<Item = &'a str> {
    let disrupted = pod.condition("DisruptionTarget").map(|condition| condition.message.as_str());
    let events = evidence.events_of(&pod.name).rev();
    let events = events.filter(move |event| reasons.contains(&&*event.reason));
    pod.message.as_deref().into_iter().chain(disrupted).chain(events.map(|event| &*event.message))
}

/// Made room for a pod of a higher priority (`preemption.go` of the scheduler and of the kubelet).
fn preempted(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let reason = pod.condition("DisruptionTarget").map_or("", |condition| &condition.reason);
    let event = evidence.events_of(&pod.name).rfind(|event| {
        matches!(&*event.reason, "Preempted" | "Preempting")
            || (event.reason == "Evict" && event.message.contains("preempt"))
    });
    let by_name = ["PreemptionByScheduler", "PreemptionByKubeScheduler"].contains(&reason);
    let by_kubelet = pod.reason.as_deref() == Some("Preempting");
    if !by_name && !by_kubelet && event.is_none() {
        return None;
    }
    let words = told(evidence, pod, &["Preempted", "Preempting", "Evict"]).next().unwrap_or(reason);
    let finding = Finding::new(
        Cause::Preempted,
        format!("it made room for a pod of a higher priority: {words}"),
        "give the executors a higher priority (priorityClassName in the pod template), or add nodes",
    );
    Some(finding.of(pod).because(&pod.name, words).events(event).ends(Ends::IfItStays))
}

/// A full disk: in pulls, sandboxes, mounts, the kubelet's own files, or the process.
fn disk_full(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let is_full = |words: &str| words.to_lowercase().contains(NO_SPACE);
    let waits = pod.waiting().map(|(_, waits)| waits.message.as_str());
    let ended = pod.containers.iter().filter_map(|c| Some(c.ended.as_ref()?.message.as_str()));
    let said = pod.message.as_deref().into_iter().chain(waits).chain(ended).find(|w| is_full(w));
    // An event of a try that failed, if none followed that went well.
    let tries = ["Failed", "FailedCreatePodSandBox", "FailedMount", "Pulled", "Created", "Started"];
    let last = evidence.events_of(&pod.name).rfind(|event| tries.contains(&&*event.reason));
    let event = last.filter(|event| is_full(&event.message));
    let log = || {
        let ended = pod.failed().is_some() || matches!(&*pod.phase, "Failed" | "");
        let root = java::last_root(&pod.log).filter(|root| is_full(root.line))?;
        ended.then_some(root.line)
    };
    let outside = said.or(event.map(|event| event.message.as_str()));
    let words = outside.or_else(log)?;
    if outside.is_none()
        && let Some(finding) = scratch_full(evidence, words)
    {
        return Some(finding.of(pod).because(&pod.name, words));
    }
    let node = pod.node.as_deref().unwrap_or("its node");
    let finding = Finding::new(
        Cause::NodeDiskFull,
        format!("the disk of {node} is full: {words}"),
        "free disk on the node: remove images and old containers, or give it more disk; scratch \
         space may be on a claim of its own \
         (spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1.…)",
    );
    Some(finding.of(pod).because(&pod.name, words).ends(Ends::IfItStays))
}

const TMPFS: &str = "spark.kubernetes.local.dirs.tmpfs";
/// Scratch directories on volumes of their own (`LocalDirsFeatureStep`).
const SCRATCH_VOLUMES: &str = "spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-";

/// What a process cannot write because its scratch directory is a file system in memory.
fn scratch_full(evidence: &Evidence, words: &str) -> Option<Finding> {
    let conf = &evidence.asked.conf;
    let in_memory = |(key, value): (&String, &String)| {
        let volume = key.starts_with(SCRATCH_VOLUMES) && key.ends_with(".options.medium");
        ((volume && value == "Memory") || (key == TMPFS && value == "true")).then(|| key.clone())
    };
    let key = conf.iter().find_map(in_memory)?;
    let remedy = if key == TMPFS {
        format!("more memory for each (--executor-memory), or --conf {TMPFS}=false")
    } else {
        let volume = key.trim_end_matches("medium");
        format!("a larger {volume}sizeLimit, or leave out {key}, so that it is on disk")
    };
    let says = format!("its scratch directory, which is in memory, is full: {words}");
    Some(Finding::new(Cause::ScratchLimit, says, remedy))
}

/// Tasks that failed with a full disk while their executors live on.
fn full_in_tasks(evidence: &Evidence) -> Option<Finding> {
    let root = java::last_root(&evidence.driver.log)?;
    root.line.to_lowercase().contains(NO_SPACE).then(|| {
        let of_disk = || {
            Finding::new(
                Cause::NodeDiskFull,
                format!("a disk that Spark writes to is full: {}", root.line),
                "free disk on the nodes, or put the scratch space on a claim \
                 (spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1.…)",
            )
        };
        scratch_full(evidence, root.line).unwrap_or_else(of_disk).because("driver log", root.line)
    })
}

/// Pods that the kubelet did not admit: `reason` of a failed pod, the cause, the finding, and what to
/// do (`lifecycle/predicate.go`, `cm/container_manager_linux.go`, `cm/admission`).
const REJECTED: [(&str, Cause, &str, &str); 9] = [
    (
        "OutOfcpu",
        Cause::InsufficientCpu,
        "its node had not enough CPU when it came",
        "fewer executors (--executors), less CPU for each (--executor-cpu), or another node",
    ),
    (
        "OutOfmemory",
        Cause::InsufficientMemory,
        "its node had not enough memory when it came",
        "fewer executors (--executors), less memory for each (--executor-memory), or another node",
    ),
    (
        "OutOfpods",
        Cause::TooManyPods,
        "its node held as many pods as it may when it came",
        "fewer executors (--executors), or more nodes",
    ),
    (
        "OutOf",
        Cause::InsufficientResource,
        "its node had not enough of a resource when it came",
        "fewer executors (--executors), or ask for less of it in the pod template",
    ),
    (
        "UnexpectedAdmissionError",
        Cause::InsufficientResource,
        "its node could not give it the devices that it asks for",
        "see the device plugin on the node, and whether its devices are healthy",
    ),
    (
        "NodeAffinity",
        Cause::NodeSelector,
        "its node has not the labels that it asks for",
        "label the node, or correct the selector (spark.kubernetes.node.selector.*)",
    ),
    (
        "TopologyAffinityError",
        Cause::InsufficientResource,
        "its node cannot give it CPU and devices of one NUMA node",
        "ask for less, or relax the kubelet's topology manager policy",
    ),
    (
        "NodePorts",
        Cause::Unschedulable,
        "the host ports that it asks for are taken on its node",
        "remove hostPort or hostNetwork from the pod template",
    ),
    (
        "NodeName",
        Cause::Unschedulable,
        "it names another node",
        "remove nodeName from the pod template",
    ),
];

fn rejected(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let reason = pod.reason.as_deref().filter(|_| pod.phase == "Failed")?;
    let (_, cause, says, remedy) = REJECTED.iter().find(|(known, ..)| {
        reason == *known || (*known == "OutOf" && reason.starts_with("OutOf"))
    })?;
    let words = pod.message.as_deref().unwrap_or(reason);
    let finding = Finding::new(*cause, format!("{says}: {words}"), *remedy);
    Some(finding.of(pod).because(&pod.name, format!("{reason}: {words}")).ends(Ends::IfItStays))
}

/// Reasons of pods whose node shut down or went: graceful shutdown of the kubelet
/// (`nodeshutdown_manager.go`), and the node controller.
const NODE_ENDED: [&str; 4] = ["NodeLost", "NodeShutdown", "Shutdown", "Terminated"];

fn node_ended(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let reason = pod.reason.as_deref().unwrap_or_default();
    let message = pod.message.as_deref().unwrap_or_default();
    let disrupted = pod.condition("DisruptionTarget").filter(|c| {
        // The kubelet ends pods for evictions too.
        c.reason == "DeletionByPodGC"
            || (c.reason == "TerminationByKubelet" && c.message.contains("shutdown"))
    });
    let ended = NODE_ENDED.contains(&reason);
    if !ended && disrupted.is_none() {
        return None;
    }
    let words = [message, disrupted.map_or("", |c| &c.message)];
    let words = words.into_iter().find(|words| !words.is_empty()).unwrap_or(reason);
    let finding = Finding::new(
        Cause::NodeLost,
        format!("its node {} went away: {words}", pod.node.as_deref().unwrap_or_default()),
        LOST,
    );
    Some(finding.of(pod).because(&pod.name, words).ends(Ends::IfItStays))
}

const LOST: &str = "see why the node ended or is not ready (kubectl describe node), and use other \
     nodes; on spot nodes let Spark decommission (spark.decommission.enabled=true)";

fn evicted(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let condition = pod.condition("DisruptionTarget").filter(|c| c.status != "False");
    let by = condition.map_or("", |condition| &condition.reason);
    let reason = pod.reason.as_deref() == Some("Evicted");
    let event = evidence
        .events_of(&pod.name)
        .rfind(|event| matches!(&*event.reason, "Evicted" | "TaintManagerEviction"))
        // One that was taken back.
        .filter(|event| !event.message.starts_with("Cancelling"));
    let by_taint = by == "DeletionByTaintManager"
        || event.is_some_and(|event| event.reason == "TaintManagerEviction");
    let by_api = by == "EvictionByEvictionAPI";
    if !reason && !by_taint && !by_api && by != "TerminationByKubelet" && event.is_none() {
        return None;
    }
    let words =
        told(evidence, pod, &["Evicted", "TaintManagerEviction"]).next().unwrap_or(by).trim();
    let node = pod.node.as_deref().unwrap_or("its node");
    let is_ready = of(evidence, pod).is_none_or(|node| not_ready(node).is_none());
    let (cause, says, remedy) = if by_taint && !is_ready {
        (
            Cause::NodeLost,
            format!("{node} is not ready any more, and its pods are removed: {words}"),
            LOST,
        )
    } else if by_taint {
        (
            Cause::Evicted,
            format!("{node} got a taint with NoExecute, which it does not tolerate: {words}"),
            "remove the taint, or tolerate it in the pod template",
        )
    } else if by_api {
        (
            Cause::Evicted,
            format!("somebody evicted it, by draining {node} for instance: {words}"),
            "end the drain (kubectl uncordon), or guard the executors by a PodDisruptionBudget",
        )
    } else if words.contains("The node had condition: [DiskPressure]") {
        (
            Cause::NodeDiskFull,
            format!("{node} is short of disk and takes no pods: {words}"),
            "free disk on the node: remove images and old containers, or give it more disk",
        )
    } else {
        let remedy = if words.contains("storage") || words.contains("fs") {
            "free disk on the node, or put the scratch space on a claim \
             (spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1.…)"
        } else if words.contains("pids") {
            "fewer executors on a node, or more process ids for each pod (kubelet's podPidsLimit)"
        } else {
            "fewer executors on a node, or a request as large as what they use (--executor-memory, \
             spark.executor.memoryOverhead)"
        };
        (Cause::Evicted, format!("{node} evicted it: {words}"), remedy)
    };
    let finding = Finding::new(cause, says, remedy).of(pod).because(&pod.name, words);
    Some(finding.events(event).ends(Ends::IfItStays))
}

/// The node of a pod.
fn of<'a>(evidence: &'a Evidence, pod: &PodFacts) -> Option<&'a NodeFacts> {
    let name = pod.node.as_ref()?;
    evidence.around.nodes.seen()?.iter().find(|node| node.name == *name)
}

/// Why a node is not ready, in the words of its condition.
fn not_ready(node: &NodeFacts) -> Option<&str> {
    let ready = node.conditions.iter().find(|condition| condition.kind == "Ready")?;
    (ready.status != "True").then_some(ready.message.as_str())
}

/// A pod on a node that is gone or not ready, and that did not end by itself.
fn lost(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let name = pod.node.as_deref()?;
    if pod.failed().is_some() || matches!(&*pod.phase, "Succeeded" | "") {
        return None;
    }
    let (words, ends) = match (&evidence.around.nodes, of(evidence, pod)) {
        (Looked::Seen(all), None) if !all.is_empty() => {
            ("it does not exist any more", Ends::IfItStays)
        }
        // Kubernetes says so only after 40 s without a word of it.
        (_, Some(node)) => (not_ready(node)?, Ends::IfItStaysLong),
        _ => {
            // It may be ready again.
            let not_ready = |event: &&EventFacts| event.reason == "NodeNotReady";
            let events = (!pod.is_healthy()).then(|| evidence.events_of(&pod.name))?;
            let event = { events }.rfind(not_ready)?;
            (event.message.as_str(), Ends::AtDeadline)
        }
    };
    let finding =
        Finding::new(Cause::NodeLost, format!("its node {name} is not ready: {words}"), LOST);
    Some(finding.of(pod).because(name, words).ends(ends))
}

/// Executors that Spark had: on a node that is gone their pods look healthy for minutes, and those
/// that were preempted or evicted look so until they are deleted.
fn befell_the_healthy(evidence: &Evidence) -> Option<Finding> {
    let rules: [PodRule; 4] = [preempted, node_ended, evicted, lost];
    let mut healthy = evidence.pods.iter().filter(|pod| pod.is_healthy());
    healthy.find_map(|pod| rules.iter().find_map(|rule| rule(evidence, pod)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::evidence::Condition;
    use crate::diagnosis::testing::{event, pod, said, waiting};

    fn failed(reason: &str, message: &str) -> Evidence {
        pod(|pod| {
            pod.phase = "Failed".into();
            pod.node = Some("worker".into());
            pod.reason = Some(reason.into());
            pod.message = Some(message.into());
            // The kubelet kills its containers.
            pod.ends(137, "Error");
        })
    }

    fn disrupted(reason: &str, message: &str) -> Evidence {
        pod(|pod| {
            pod.phase = "Failed".into();
            pod.node = Some("worker".into());
            pod.registered = true;
            pod.ends(143, "Error");
            pod.conditions.push(Condition {
                kind: "DisruptionTarget".into(),
                status: "True".into(),
                reason: reason.into(),
                message: message.into(),
            });
        })
    }

    fn told(mut evidence: Evidence, events: Vec<EventFacts>) -> Evidence {
        evidence.events = Looked::Seen(events);
        evidence
    }

    /// Its node, `worker`, with this status of `Ready`.
    fn on(ready: &str, mut evidence: Evidence) -> Evidence {
        let condition = Condition {
            kind: "Ready".into(),
            status: ready.into(),
            reason: "NodeStatusUnknown".into(),
            message: "Kubelet stopped posting node status.".into(),
        };
        evidence.pods[0].node = Some("worker".into());
        evidence.around.nodes = Looked::Seen(vec![NodeFacts {
            name: "worker".into(),
            conditions: vec![condition],
            ..NodeFacts::default()
        }]);
        evidence
    }

    fn running(registered: bool) -> Evidence {
        pod(|pod| {
            pod.phase = "Running".into();
            pod.registered = registered;
        })
    }

    #[rstest]
    #[case(
        failed(
            "Evicted",
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52Mi. Container spark-kubernetes-executor was using 1Gi, request is 896Mi, has larger consumption of memory. "
        ),
        Cause::Evicted,
        "low on resource: memory"
    )]
    #[case(
        failed("Evicted", "The node was low on resource: ephemeral-storage. "),
        Cause::Evicted,
        "ephemeral-storage"
    )]
    #[case(failed("Evicted", "The node was low on resource: pids. "), Cause::Evicted, "pids")]
    #[case(
        failed("Evicted", "Pod was rejected: The node had condition: [DiskPressure]. "),
        Cause::NodeDiskFull,
        "short of disk"
    )]
    #[case(
        failed("Evicted", "The node had condition: [MemoryPressure]. "),
        Cause::Evicted,
        "MemoryPressure"
    )]
    #[case(
        failed(
            "Evicted",
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
        ),
        Cause::ScratchLimit,
        "1Gi"
    )]
    #[case(
        failed(
            "Evicted",
            "Usage of EmptyDir volume \"spark-local-dir-1\" exceeds the limit \"50Mi\". "
        ),
        Cause::ScratchLimit,
        "spark-local-dir-1"
    )]
    #[case(
        failed(
            "Evicted",
            "Container spark-kubernetes-executor exceeded its local ephemeral storage limit \"50Mi\". "
        ),
        Cause::ScratchLimit,
        "50Mi"
    )]
    #[case(
        failed(
            "OutOfcpu",
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 500, used: 1900, capacity: 2000"
        ),
        Cause::InsufficientCpu,
        "capacity: 2000"
    )]
    #[case(
        failed(
            "OutOfmemory",
            "Pod Node didn't have enough resource: memory, requested: 1, used: 2, capacity: 2"
        ),
        Cause::InsufficientMemory,
        "memory"
    )]
    #[case(
        failed(
            "OutOfpods",
            "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 110, capacity: 110"
        ),
        Cause::TooManyPods,
        "110"
    )]
    #[case(
        failed(
            "OutOfnvidia.com/gpu",
            "Pod was rejected: Node didn't have enough resource: nvidia.com/gpu, requested: 1, used: 1, capacity: 1"
        ),
        Cause::InsufficientResource,
        "nvidia.com/gpu"
    )]
    #[case(
        failed(
            "UnexpectedAdmissionError",
            "Pod was rejected: Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected"
        ),
        Cause::InsufficientResource,
        "devices"
    )]
    #[case(
        failed(
            "UnexpectedAdmissionError",
            "Pod Update plugin resources failed due to failed to write checkpoint file \"kubelet_internal_checkpoint\": write /var/lib/kubelet/device-plugins/.261: no space left on device, which is unexpected."
        ),
        Cause::NodeDiskFull,
        "worker is full"
    )]
    #[case(
        failed(
            "NodeAffinity",
            "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
        ),
        Cause::NodeSelector,
        "labels"
    )]
    #[case(
        failed("Terminated", "Pod was terminated in response to imminent node shutdown."),
        Cause::NodeLost,
        "imminent node shutdown"
    )]
    #[case(
        failed("NodeShutdown", "Pod was rejected as the node is shutting down."),
        Cause::NodeLost,
        "shutting down"
    )]
    #[case(failed("Shutdown", "Node is shutting, evicting pods"), Cause::NodeLost, "shutting")]
    #[case(
        failed("NodeLost", "Node worker which was running pod x-exec-1 is unresponsive"),
        Cause::NodeLost,
        "unresponsive"
    )]
    #[case(
        failed("Preempting", "Preempted in order to admit critical pod"),
        Cause::Preempted,
        "critical pod"
    )]
    #[case(
        disrupted(
            "PreemptionByScheduler",
            "default-scheduler: preempting to accommodate a higher priority pod"
        ),
        Cause::Preempted,
        "higher priority"
    )]
    #[case(
        disrupted("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"),
        Cause::Evicted,
        "NoExecute"
    )]
    #[case(
        on(
            "Unknown",
            disrupted("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
        ),
        Cause::NodeLost,
        "not ready"
    )]
    #[case(disrupted("EvictionByEvictionAPI", "Eviction API: evicting"), Cause::Evicted, "drain")]
    #[case(
        disrupted("DeletionByPodGC", "PodGC: node no longer exists"),
        Cause::NodeLost,
        "no longer exists"
    )]
    #[case(
        disrupted(
            "TerminationByKubelet",
            "Pod was terminated in response to imminent node shutdown."
        ),
        Cause::NodeLost,
        "shutdown"
    )]
    #[case(
        disrupted("TerminationByKubelet", "The node was low on resource: memory. "),
        Cause::Evicted,
        "memory"
    )]
    #[case(told(pod(|p| p.ends(143, "Error")), vec![event("x-exec-1", "Preempted", "Preempted by pod 9f1c on node worker")]), Cause::Preempted, "on node worker")]
    #[case(told(pod(|_| {}), vec![event("x-exec-1", "TaintManagerEviction", "Marking for deletion Pod team/x-exec-1")]), Cause::Evicted, "taint")]
    #[case(on("Unknown", running(false)), Cause::NodeLost, "Kubelet stopped")]
    #[case(on("False", running(true)), Cause::NodeLost, "worker")]
    #[case(told(running(true), vec![event("x-exec-1", "Preempted", "Preempted by pod 9f1c on node worker")]), Cause::Preempted, "on node worker")]
    #[case(told(pod(|p| { p.node = Some("worker".into()); p.phase = "Running".into() }), vec![event("x-exec-1", "NodeNotReady", "Node is not ready")]), Cause::NodeLost, "not ready")]
    #[case(told(waiting("ErrImagePull"), vec![event("x-exec-1", "Failed", "Failed to pull image \"i:1\": failed to extract layer: write /usr/lib/jvm/x: no space left on device")]), Cause::NodeDiskFull, "no space left")]
    #[case(told(waiting("ContainerCreating"), vec![event("x-exec-1", "FailedCreatePodSandBox", "Failed to create pod sandbox: mkdir /run/containerd/x: no space left on device")]), Cause::NodeDiskFull, "no space left")]
    #[case({ let mut e = said("26/01/01 ERROR Executor: Exception in task 0.0\njava.io.IOException: No space left on device\n\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)"); e.pods[0].ends(1, "Error"); e }, Cause::NodeDiskFull, "No space left")]
    #[case({ let mut e = said("java.io.IOException: No space left on device"); e.pods[0].ends(1, "Error"); e.asked.conf.insert(TMPFS.into(), "true".into()); e }, Cause::ScratchLimit, "in memory")]
    #[case({ let mut e = running(true); e.driver.log = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 failed\nCaused by: java.io.IOException: No space left on device\n".into(); e }, Cause::NodeDiskFull, "Spark writes to")]
    #[case({ let mut e = running(true); e.driver.log = "org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 failed\nCaused by: java.io.IOException: No space left on device\n".into(); e.asked.conf.insert("spark.kubernetes.executor.volumes.emptyDir.spark-local-dir-1.options.medium".into(), "Memory".into()); e }, Cause::ScratchLimit, "in memory")]
    // It is being deleted, and looks healthy until then.
    #[case({ let mut e = disrupted("EvictionByEvictionAPI", "Eviction API: evicting"); e.pods[0].phase = "Running".into(); e.pods[0].containers.clear(); e }, Cause::Evicted, "drain")]
    // Nothing of a node.
    #[case(told(running(true), vec![event("x-exec-1", "NodeNotReady", "Node is not ready")]), Cause::Unknown, "")]
    #[case(on("True", running(true)), Cause::Unknown, "")]
    #[case(on("True", running(false)), Cause::Unknown, "")]
    #[case(on("True", told(running(false), vec![event("x-exec-1", "NodeNotReady", "Node is not ready")])), Cause::Unknown, "")]
    #[case(on("Unknown", pod(|p| { p.ends(1, "Error"); p.phase = "Failed".into() })), Cause::ExecutorsDie, "")]
    #[case(told(waiting("ContainerCreating"), vec![event("x-exec-1", "FailedCreatePodSandBox", "no space left on device"), event("x-exec-1", "Pulled", "Successfully pulled")]), Cause::Unknown, "")]
    #[case(told(pod(|_| {}), vec![event("x-exec-1", "TaintManagerEviction", "Cancelling deletion of Pod team/x-exec-1")]), Cause::Unknown, "")]
    #[case(told(pod(|_| {}), vec![event("x-exec-2", "Evicted", "The node was low on resource: memory. ")]), Cause::Unknown, "")]
    fn what_a_node_did_is_named(
        #[case] evidence: Evidence,
        #[case] cause: Cause,
        #[case] words: &str,
    ) {
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(words), "{diagnosis}");
        assert!(!diagnosis.remedy.is_empty());
    }

    #[test]
    fn a_pod_on_a_node_that_was_removed() {
        let mut evidence = on("True", running(false));
        evidence.pods[0].node = Some("other".into());
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::NodeLost, "{diagnosis}");
        assert!(diagnosis.says.contains("other"), "{diagnosis}");
        // A list that is empty says nothing.
        evidence.around.nodes = Looked::Seen(Vec::new());
        assert_eq!(diagnose(&evidence).cause, Cause::Unknown);
    }

    /// What took its place finds no room.
    #[test]
    fn an_eviction_comes_before_what_follows_from_it() {
        let mut evidence = failed("Evicted", "The node was low on resource: memory. ");
        let mut next = PodFacts { name: "x-exec-2".into(), ..PodFacts::default() };
        next.has_no_node("0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }.");
        evidence.pods.push(next);
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::Evicted, "{diagnosis}");
        assert_eq!(diagnosis.also.len(), 1);
        assert_eq!(diagnosis.also[0].cause, Cause::Taint, "{diagnosis:?}");
    }
}
