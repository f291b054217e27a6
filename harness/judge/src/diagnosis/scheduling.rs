//! Pods for which there is no node.

mod fit;
mod planned;
mod reasons;
mod rules;
mod words;

use sparkproof_base::verdict::Cause;

use self::reasons::{Kind, main_reason, reasons};
use self::rules::DEFAULT;
use self::words::{brief, tell};
use super::evidence::{EventFacts, Evidence, PodFacts, PodRole};
use super::finding::{Ends, Finding, PodRule, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[planned::nodes_too_small];
pub(super) const POD: &[PodRule] = &[gated, no_place, no_scheduler];
pub(super) const LAST: &[PodRule] = &[other];

/// Seconds after which a scheduler that runs has looked at a pod: without a sign of it, and with one.
const LOOKED_AT: (u64, u64) = (5, 30);

/// A scheduling gate: nobody looks at the pod until it is removed (`scheduling_gates.go`).
fn gated(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let condition = pod.condition("PodScheduled");
    let says_so = condition.is_some_and(|c| c.reason == "SchedulingGated");
    if pod.node.is_some() || (!says_so && pod.gates.is_empty()) {
        return None;
    }
    let gates = pod.gates.join(", ");
    let queue = gates.contains("kueue.x-k8s.io");
    let remedy = if queue {
        "let Kueue admit it: its queue must exist and have room (label kueue.x-k8s.io/queue-name)"
    } else {
        "remove the gate from the pod template (spec.schedulingGates), or start the controller \
         that removes it"
    };
    Some(
        Finding::new(
            Cause::SchedulingGated,
            format!("nobody removed its scheduling gate {gates}, so no scheduler looks at it"),
            remedy,
        )
        .of(pod)
        .because(&pod.name, condition.map_or(gates, |c| format!("{}: {}", c.reason, c.message)))
        // Kueue admits it when there is room.
        .ends(if queue { Ends::AtDeadline } else { Ends::IfItStays }),
    )
}

/// A pod that no scheduler has looked at: without the condition `PodScheduled`, and without an event
/// of its scheduler.
fn no_scheduler(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let pending = pod.phase == "Pending" && pod.node.is_none() && !pod.deleting;
    if !pending || pod.condition("PodScheduled").is_some() {
        return None;
    }
    let name = if pod.scheduler.is_empty() { DEFAULT.0 } else { &pod.scheduler };
    let looked = |event: &EventFacts| {
        event.from == name || matches!(&*event.reason, "FailedScheduling" | "Scheduled")
    };
    if evidence.events_of(&pod.name).any(looked) {
        return None;
    }
    let lease = if name == DEFAULT.0 { DEFAULT.1 } else { name };
    let signs = evidence.around.schedulers.seen();
    let same = |other: &&PodFacts| other.scheduler == pod.scheduler && other.name != pod.name;
    let worked = evidence.events().iter().any(|event| event.from == name) || {
        evidence.pods.iter().filter(same)
    }
    .any(|other| other.node.is_some() || other.condition("PodScheduled").is_some());
    // A Lease outlives its scheduler.
    let listed =
        signs.map_or(name == DEFAULT.0, |all| all.iter().any(|one| one == lease || one == name));
    let (known, age) = (worked || listed, pod.age?);
    if age < if known { LOOKED_AT.1 } else { LOOKED_AT.0 }
        || (known && awaits_volume(evidence, pod))
    {
        return None;
    }
    let (says, remedy) = if name == DEFAULT.0 {
        (
            format!("the cluster's scheduler has not looked at it for {age} s"),
            "start the cluster's scheduler again: see the pod kube-scheduler in kube-system"
                .to_owned(),
        )
    } else {
        (
            format!("it asks for the scheduler {name}, which has not looked at it for {age} s"),
            format!(
                "install the scheduler {name}, or ask for none: leave out \
                 spark.kubernetes.scheduler.name and schedulerName of the pod template"
            ),
        )
    };
    let seen = match signs {
        Some(all) if !known => format!("no sign of it; there are: {}", all.join(", ")),
        _ => "no condition PodScheduled and no event of it".to_owned(),
    };
    Some(
        Finding::new(Cause::NoScheduler, says, remedy)
            .of(pod)
            .because(&pod.name, seen)
            .ends(if known { Ends::AtDeadline } else { Ends::IfItStays }),
    )
}

/// Whether a scheduler may wait for a volume of the pod, and say nothing: it chose a node, and a
/// provisioner has its turn.
fn awaits_volume(evidence: &Evidence, pod: &PodFacts) -> bool {
    let Some(all) = evidence.around.claims.seen() else { return !pod.claims.is_empty() };
    let is_settled = |name: &String| {
        let mut events = evidence.events_of(name);
        let waits = |event: &EventFacts| {
            matches!(&*event.reason, "WaitForFirstConsumer" | "WaitForPodScheduled")
        };
        all.iter().any(|claim| claim.name == *name && claim.phase == "Bound")
            || events.next_back().is_some_and(waits)
    };
    !pod.claims.iter().all(is_settled)
}

fn no_place(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled().filter(|message| !message.is_empty())?;
    let reasons = reasons(evidence, message);
    let main = main_reason(evidence, pod, &reasons)?.clone();
    let (cause, mut says, remedy) = tell(evidence, pod, &main.kind);
    let others = reasons
        .iter()
        .filter(|other| other.kind != main.kind && !matches!(other.kind, Kind::ControlPlane(_)));
    let others: Vec<String> = others
        .map(|other| format!("{} on {} of the nodes", brief(&other.kind), other.count))
        .collect();
    if !others.is_empty() {
        says += &format!("; also {}", others.join(", "));
    }
    let running = evidence.executors().filter(|pod| pod.is_healthy()).count();
    if running > 0 && pod.role == PodRole::Executor {
        let all = match evidence.asked.executors {
            0 => evidence.executors().count().to_string(),
            asked => asked.to_string(),
        };
        says = format!("{running} of {all} executors run, this one does not fit: {says}");
    }
    if message.contains("pod group is not ready") {
        says += "; its gang starts only as a whole";
    }
    let scaling: Vec<&EventFacts> =
        evidence.events_of(&pod.name).filter(|e| is_scaling(e)).collect();
    let mut ends = Ends::IfItStays;
    if let Some(last) = scaling.last() {
        if matches!(&*last.reason, "TriggeredScaleUp" | "Nominated") {
            says += "; an autoscaler is adding a node";
            ends = Ends::AtDeadline;
        } else {
            says += &format!("; the autoscaler adds no node: {}", last.message);
        }
    }
    let finding = Finding::new(cause, says, remedy).of(pod).because(&pod.name, message);
    Some(finding.events(scaling).ends(ends))
}

/// Events of the cluster autoscaler and of Karpenter about a pod.
pub(super) fn is_scaling(event: &EventFacts) -> bool {
    matches!(&*event.reason, "TriggeredScaleUp" | "NotTriggerScaleUp" | "Nominated")
        || (event.from.contains("karpenter") && event.reason == "FailedScheduling")
}

/// Whatever else the scheduler says, Volcano of a gang for instance (`FitErrors`, `gang.go`).
fn other(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let of_gang = |event: &&EventFacts| event.kind == "PodGroup" && event.reason == "Unschedulable";
    let gang = evidence.events().iter().rfind(of_gang);
    let waits = pod.phase == "Pending" && pod.node.is_none() && pod.scheduler == "volcano";
    let said = pod.unscheduled().filter(|message| !message.is_empty());
    let message = said.or_else(|| gang.filter(|_| waits).map(|event| event.message.as_str()))?;
    // It waits for a claim that is made after it.
    let ends = if message.contains(&pod.name) { Ends::AtDeadline } else { Ends::IfItStays };
    let (says, remedy) = if message.contains("pod group is not ready") || message.contains("gang") {
        (
            format!("its gang starts only as a whole, and there is no room for all: {message}"),
            "fewer executors or smaller ones, a smaller minMember of the PodGroup, or room in its \
             queue",
        )
    } else {
        (
            format!("it cannot be scheduled: {message}"),
            "read the scheduler's message: it names what each node lacks",
        )
    };
    let finding = Finding::new(Cause::Unschedulable, says, remedy);
    Some(finding.of(pod).because(&pod.name, message).ends(ends))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use sparkproof_base::events::Looked;

    use super::*;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::evidence::{Claim, Condition, NodeFacts};
    use crate::diagnosis::testing::{event, pod, unscheduled};

    const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane:NoSchedule";

    fn map(items: &[(&str, &str)]) -> BTreeMap<String, String> {
        items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// A ready node of 2 CPUs and 4Gi.
    fn node(name: &str, taints: &[&str]) -> NodeFacts {
        let ready =
            Condition { kind: "Ready".into(), status: "True".into(), ..Condition::default() };
        NodeFacts {
            name: name.into(),
            labels: map(&[("kubernetes.io/hostname", name)]),
            taints: taints.iter().map(|taint| (*taint).to_owned()).collect(),
            allocatable: map(&[("cpu", "2"), ("memory", "4Gi"), ("pods", "110")]),
            conditions: vec![ready],
            unschedulable: false,
        }
    }

    fn cordoned(name: &str) -> NodeFacts {
        let taint = "node.kubernetes.io/unschedulable:NoSchedule";
        NodeFacts { unschedulable: true, ..node(name, &[taint]) }
    }

    fn with(mut node: NodeFacts, condition: (&str, &str)) -> NodeFacts {
        node.conditions.retain(|c| c.kind != condition.0);
        node.conditions.push(Condition {
            kind: condition.0.into(),
            status: condition.1.into(),
            ..Condition::default()
        });
        node
    }

    /// A message about an executor that requests these, beside these nodes.
    fn among(nodes: Vec<NodeFacts>, requests: &[(&str, &str)], message: &str) -> Evidence {
        let mut evidence = unscheduled(message);
        evidence.around.nodes = Looked::Seen(nodes);
        evidence.pods[0].containers[0].requests = map(requests);
        evidence
    }

    const HALF: &[(&str, &str)] = &[("cpu", "700m"), ("memory", "896Mi")];

    #[rstest]
    // One reason, in the words of several versions, nodes not seen.
    #[case("0/1 nodes are available: 1 Insufficient cpu.", Cause::InsufficientCpu)]
    #[case(
        "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
        Cause::InsufficientMemory
    )]
    #[case(
        "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        Cause::InsufficientResource
    )]
    #[case(
        "0/1 nodes are available: 1 Insufficient ephemeral-storage.",
        Cause::InsufficientResource
    )]
    #[case("0/1 nodes are available: 1 Insufficient hugepages-2Mi.", Cause::InsufficientResource)]
    #[case(
        "0/1 nodes are available: 1 Too many pods. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
        Cause::TooManyPods
    )]
    #[case("0/1 nodes are available: 1 Insufficient pods.", Cause::TooManyPods)]
    #[case(
        "0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
        Cause::Taint
    )]
    #[case(
        "0/2 nodes are available: 2 node(s) had taint {dedicated: gpu}, that the pod didn't tolerate.",
        Cause::Taint
    )]
    #[case(
        "0/2 nodes are available: 2 node(s) had taints that the pod didn't tolerate.",
        Cause::Taint
    )]
    #[case(
        "0/2 nodes are available: 2 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
        Cause::Taint
    )]
    #[case(
        "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }. preemption: 0/1 nodes are available.",
        Cause::NodeDiskFull
    )]
    #[case(
        "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
        Cause::NodeLost
    )]
    #[case(
        "0/1 nodes are available: 1 node(s) had taint {node.kubernetes.io/unreachable: }, that the pod didn't tolerate.",
        Cause::NodeLost
    )]
    #[case(
        "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/memory-pressure: }.",
        Cause::Taint
    )]
    #[case(
        "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
        Cause::Taint
    )]
    #[case("0/3 nodes are available: 3 node(s) didn't match node selector.", Cause::NodeSelector)]
    #[case(
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity.",
        Cause::NodeSelector
    )]
    #[case(
        "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
        Cause::NodeSelector
    )]
    #[case(
        "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        Cause::NodeCordoned
    )]
    #[case(
        "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.",
        Cause::Unschedulable
    )]
    #[case(
        "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
        Cause::Unschedulable
    )]
    #[case(
        "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.",
        Cause::Unschedulable
    )]
    #[case("no nodes available to schedule pods", Cause::Unschedulable)]
    #[case("0/1 nodes are unavailable: 1 Insufficient cpu.", Cause::InsufficientCpu)]
    #[case(
        "pod group is not ready, 3 Pending, 3 minAvailable; Pending: 2 Schedulable, 1 Unschedulable. Origin reason is x-exec-1: 0/1 nodes are unavailable: 1 Insufficient cpu.",
        Cause::InsufficientCpu
    )]
    #[case(
        "3/3 tasks in gang unschedulable: pod group is not ready, 3 Pending, 3 minAvailable; Pending: 3 Undetermined",
        Cause::Unschedulable
    )]
    // The control plane's taint, in both wordings, hides nothing.
    #[case(
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
        Cause::InsufficientCpu
    )]
    #[case(
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient memory.",
        Cause::InsufficientMemory
    )]
    #[case(
        "0/3 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate, 2 node(s) were unschedulable.",
        Cause::NodeCordoned
    )]
    #[case(
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) didn't match Pod's node affinity/selector.",
        Cause::NodeSelector
    )]
    #[case(
        "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) had untolerated taint {x: y}.",
        Cause::Taint
    )]
    // Several resources: the one that more nodes lack.
    #[case(
        "0/3 nodes are available: 1 Insufficient cpu, 3 Insufficient memory.",
        Cause::InsufficientMemory
    )]
    #[case(
        "0/3 nodes are available: 3 Insufficient cpu, 3 Insufficient nvidia.com/gpu.",
        Cause::InsufficientCpu
    )]
    // Two of three nodes are cordoned, or the one that is open is full.
    #[case(
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.",
        Cause::NodeCordoned
    )]
    #[case(
        "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable.",
        Cause::InsufficientCpu
    )]
    fn the_schedulers_reasons_are_named(#[case] message: &str, #[case] cause: Cause) {
        let diagnosis = diagnose(&unscheduled(message));
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.also.is_empty() && !diagnosis.remedy.is_empty(), "{diagnosis:?}");
    }

    #[rstest]
    #[case::full(
        among(vec![node("a", &[CONTROL_PLANE]), node("b", &[])], HALF,
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s)."),
        Cause::InsufficientCpu, &["cpu 700m", "b has 2"]
    )]
    #[case::too_big(
        among(vec![node("a", &[]), node("b", &[])], &[("cpu", "1"), ("memory", "9Gi")],
            "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory."),
        Cause::InsufficientMemory, &["memory 9Gi, more than any node", "a has 4Gi, b has 4Gi", "also not enough cpu"]
    )]
    #[case::no_gpus(
        among(vec![node("a", &[])], &[("nvidia.com/gpu", "1")],
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."),
        Cause::InsufficientResource, &["nvidia.com/gpu 1, more than any node", "a has none"]
    )]
    // Cured, it gives room: the open node is too small, or no open node has the label.
    #[case::big_node_is_cordoned(
        among(vec![NodeFacts { allocatable: map(&[("cpu", "500m"), ("memory", "4Gi")]), ..node("a", &[]) }, cordoned("b")], HALF,
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable."),
        Cause::NodeCordoned, &["cordoned: b", "also not enough cpu"]
    )]
    #[case::labelled_node_is_tainted(
        {
            let mut labelled = node("b", &["x=y:NoSchedule"]);
            labelled.labels.insert("pool".into(), "big".into());
            let mut e = among(vec![node("a", &[]), labelled], HALF,
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s).");
            e.pods[0].node_selector = map(&[("pool", "big")]);
            e
        },
        Cause::Taint, &["{x: y}", "b has x=y:NoSchedule", "also not the labels"]
    )]
    #[case::no_such_label(
        {
            let mut e = among(vec![node("a", &[CONTROL_PLANE]), node("b", &[])], HALF,
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s).");
            e.pods[0].node_selector = map(&[("pool", "nowhere")]);
            e
        },
        Cause::NodeSelector, &["pool=nowhere, but no node has a label pool"]
    )]
    #[case::other_value(
        {
            let mut other = node("b", &[]);
            other.labels.insert("pool".into(), "small".into());
            let mut e = among(vec![other], HALF,
                "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.");
            e.pods[0].node_selector = map(&[("pool", "big")]);
            e
        },
        Cause::NodeSelector, &["pool=big, but nodes have pool=small"]
    )]
    #[case::control_plane_by_label(
        {
            let mut e = among(vec![node("a", &[CONTROL_PLANE]), node("b", &[])], HALF,
                "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.");
            e.pods[0].node_selector = map(&[("kubernetes.io/hostname", "a")]);
            e
        },
        Cause::Taint, &["node-role.kubernetes.io/control-plane", "also not the labels"]
    )]
    // A taint put there by hand is no pressure.
    #[case::by_hand(
        among(vec![node("a", &["node.kubernetes.io/disk-pressure:NoSchedule"])], HALF,
            "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }."),
        Cause::Taint, &["node.kubernetes.io/disk-pressure"]
    )]
    #[case::pressure(
        among(vec![with(node("a", &["node.kubernetes.io/disk-pressure:NoSchedule"]), ("DiskPressure", "True"))], HALF,
            "0/1 nodes are available: 1 node(s) had untolerated taint(s)."),
        Cause::NodeDiskFull, &["short of disk: a"]
    )]
    #[case::not_ready(
        among(vec![node("a", &[CONTROL_PLANE]), with(node("b", &["node.kubernetes.io/unreachable:NoSchedule"]), ("Ready", "Unknown"))], HALF,
            "0/2 nodes are available: 2 node(s) had untolerated taint(s)."),
        Cause::NodeLost, &["not ready: b"]
    )]
    #[case::cordoned_workers(
        among(vec![node("a", &[CONTROL_PLANE]), cordoned("b"), cordoned("c")], HALF,
            "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) were unschedulable."),
        Cause::NodeCordoned, &["b, c"]
    )]
    fn nodes_decide_between_reasons(
        #[case] evidence: Evidence,
        #[case] cause: Cause,
        #[case] words: &[&str],
    ) {
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        for words in words {
            assert!(diagnosis.says.contains(words), "{words}: {diagnosis}");
        }
    }

    #[test]
    fn those_that_run_are_counted() {
        let mut evidence = unscheduled("0/1 nodes are available: 1 Insufficient cpu.");
        evidence.asked.executors = 3;
        for name in ["x-exec-2", "x-exec-3"] {
            evidence.pods.push(PodFacts {
                name: name.into(),
                phase: "Running".into(),
                registered: true,
                ..PodFacts::default()
            });
        }
        let says = diagnose(&evidence).says;
        assert!(says.contains("2 of 3 executors run, this one does not fit"), "{says}");
    }

    #[test]
    fn an_autoscaler_is_waited_for() {
        let mut evidence = unscheduled("0/1 nodes are available: 1 Insufficient cpu.");
        let ends =
            |evidence: &Evidence| no_place(evidence, &evidence.pods[0]).map(|f| (f.ends, f.says));
        assert_eq!(ends(&evidence).map(|e| e.0), Some(Ends::IfItStays));
        let up =
            event("x-exec-1", "TriggeredScaleUp", "pod triggered scale-up: [{g 1->2 (max: 3)}]");
        evidence.events = Looked::Seen(vec![up]);
        assert_eq!(ends(&evidence).map(|e| e.0), Some(Ends::AtDeadline));
        let none = event(
            "x-exec-1",
            "NotTriggerScaleUp",
            "pod didn't trigger scale-up: 1 max node group size reached",
        );
        evidence.events = Looked::Seen(vec![none]);
        let (ends, says) = ends(&evidence).expect("found");
        assert!(ends == Ends::IfItStays && says.contains("max node group size reached"), "{says}");
    }

    /// A pod that was made so many seconds ago and that no scheduler looked at.
    fn unseen(scheduler: &str, age: u64) -> Evidence {
        let mut evidence = pod(|pod| {
            pod.phase = "Pending".into();
            pod.scheduler = scheduler.into();
            pod.age = Some(age);
        });
        evidence.around.schedulers = Looked::Seen(vec!["kube-scheduler".into()]);
        evidence
    }

    #[rstest]
    #[case(unseen("volcano", 6), Cause::NoScheduler)]
    #[case(unseen("volcano", 2), Cause::Unknown)]
    #[case(unseen("default-scheduler", 6), Cause::Unknown)]
    #[case(unseen("default-scheduler", 40), Cause::NoScheduler)]
    #[case(
        { let mut e = unseen("default-scheduler", 6); e.around.schedulers = Looked::Seen(Vec::new()); e },
        Cause::NoScheduler
    )]
    #[case(
        { let mut e = unseen("volcano", 6); e.around.schedulers = Looked::Unseen("forbidden".into()); e },
        Cause::NoScheduler
    )]
    // It runs: it has its Lease, or placed another pod, or said something.
    #[case(
        { let mut e = unseen("volcano", 6); e.around.schedulers = Looked::Seen(vec!["volcano".into()]); e },
        Cause::Unknown
    )]
    #[case(
        {
            let mut e = unseen("volcano", 6);
            e.pods.push(PodFacts { name: "x-exec-2".into(), scheduler: "volcano".into(), node: Some("a".into()), ..PodFacts::default() });
            e
        },
        Cause::Unknown
    )]
    #[case(
        { let mut e = unseen("volcano", 6); e.events = Looked::Seen(vec![event("x-exec-1", "FailedScheduling", "m")]); e },
        Cause::Unknown
    )]
    // The default scheduler says nothing while it waits for a volume.
    #[case(
        { let mut e = unseen("default-scheduler", 40); e.pods[0].claims = vec!["c".into()]; e },
        Cause::Unknown
    )]
    #[case(
        {
            let mut e = unseen("default-scheduler", 40);
            e.pods[0].claims = vec!["c".into()];
            let bound = Claim { name: "c".into(), phase: "Bound".into(), ..Claim::default() };
            e.around.claims = Looked::Seen(vec![bound]);
            e
        },
        Cause::NoScheduler
    )]
    // Leases may not be listed.
    #[case(
        { let mut e = unseen("default-scheduler", 6); e.around.schedulers = Looked::Unseen("forbidden".into()); e },
        Cause::Unknown
    )]
    #[case(
        { let mut e = unseen("volcano", 40); e.pods[0].gates = vec!["a.b/c".into()]; e },
        Cause::SchedulingGated
    )]
    #[case(
        { let mut e = unseen("volcano", 40); e.pods[0].node = Some("n".into()); e },
        Cause::Unknown
    )]
    fn a_pod_that_nobody_looked_at(#[case] evidence: Evidence, #[case] cause: Cause) {
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        if cause == Cause::NoScheduler {
            assert!(diagnosis.says.contains("scheduler"), "{diagnosis}");
        }
    }

    #[test]
    fn a_gated_pod_is_not_unschedulable() {
        let message = "Scheduling is blocked due to non-empty scheduling gates";
        let mut evidence = unscheduled(message);
        evidence.pods[0].conditions[0].reason = "SchedulingGated".into();
        evidence.pods[0].gates = vec!["kueue.x-k8s.io/admission".into()];
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::SchedulingGated);
        assert!(diagnosis.says.contains("kueue.x-k8s.io/admission"), "{diagnosis}");
        assert!(diagnosis.remedy.contains("Kueue"), "{}", diagnosis.remedy);
    }

    #[test]
    fn a_gang_says_so_at_its_group() {
        let mut evidence = unseen("volcano", 40);
        let message =
            "3/3 tasks in gang unschedulable: pod group is not ready, 3 Pending, 3 minAvailable";
        let group = EventFacts {
            kind: "PodGroup".into(),
            from: "volcano".into(),
            ..event("podgroup-1", "Unschedulable", message)
        };
        evidence.events = Looked::Seen(vec![group]);
        evidence.pods[0].age = Some(10);
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::Unschedulable, "{diagnosis}");
        assert!(diagnosis.says.contains("gang"), "{diagnosis}");
    }

    #[rstest]
    #[case("700m", Some(0.7))]
    #[case("2", Some(2.0))]
    #[case("1408Mi", Some(1_476_395_008.0))]
    #[case("4e9", Some(4e9))]
    #[case("x", None)]
    fn quantities_are_numbers(#[case] text: &str, #[case] number: Option<f64>) {
        let read = crate::diagnosis::quantity::quantity(text);
        assert!(read.zip(number).map_or(read == number, |(a, b)| (a - b).abs() < 1e-9), "{read:?}");
    }
}
