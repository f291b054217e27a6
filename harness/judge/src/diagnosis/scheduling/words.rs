//! The scheduler's reasons in words, with what cures them.

use std::collections::BTreeSet;

use sparkproof_base::verdict::Cause;

use super::fit::{gives, requests};
use super::reasons::{Kind, Resource};
use super::rules::RULES;
use crate::diagnosis::evidence::{Evidence, NodeFacts, PodFacts, PodRole};

/// The cause, what to say of it, and what to do.
pub(super) fn tell(evidence: &Evidence, pod: &PodFacts, kind: &Kind) -> (Cause, String, String) {
    let nodes = || evidence.around.nodes.seen().into_iter().flatten();
    let named = |is: &dyn Fn(&NodeFacts) -> bool| {
        listed(nodes().filter(|node| is(node)).map(|node| node.name.clone()))
    };
    match kind {
        Kind::Room(resource) => room(evidence, pod, resource),
        Kind::Rule(rule) => {
            let (_, says, remedy) = RULES[*rule];
            (Cause::Unschedulable, says.to_owned(), remedy.to_owned())
        }
        Kind::Selector => selector(evidence, pod),
        Kind::Cordoned => {
            let names = named(&|node| node.unschedulable);
            let one = names.split(", ").next().filter(|name| !name.is_empty()).unwrap_or("NODE");
            (
                Cause::NodeCordoned,
                format!("nodes are cordoned: {}", or(&names, "they take no new pods")),
                format!("open them again (kubectl uncordon {one}), or add nodes"),
            )
        }
        Kind::Lost => {
            let names = named(&|node| !is(node, "Ready"));
            (
                Cause::NodeLost,
                format!("nodes are not ready: {}", or(&names, "they have the taint for it")),
                "see why the node is not ready (kubectl describe node: kubelet, network plugin), \
                 or add nodes"
                    .to_owned(),
            )
        }
        Kind::DiskFull => {
            let names = named(&|node| is(node, "DiskPressure"));
            (
                Cause::NodeDiskFull,
                format!("nodes are short of disk: {}", or(&names, "they have the taint for it")),
                "free disk on the node: remove images and old containers, or give it more disk"
                    .to_owned(),
            )
        }
        Kind::Taint(taint) | Kind::ControlPlane(taint) => tainted(evidence, taint),
        Kind::Unknown(words) => (Cause::Unschedulable, words.clone(), String::new()),
    }
}

/// A reason in a few words, for what else keeps the pod off.
pub(super) fn brief(kind: &Kind) -> String {
    match kind {
        Kind::Room(Resource::Pods) => "no room for more pods".to_owned(),
        Kind::Room(resource) => format!("not enough {}", resource.name()),
        Kind::Rule(rule) => RULES[*rule].1.to_owned(),
        Kind::Selector => "not the labels that it asks for".to_owned(),
        Kind::Cordoned => "cordoned".to_owned(),
        Kind::Lost => "not ready".to_owned(),
        Kind::DiskFull => "disk pressure".to_owned(),
        Kind::Taint(taint) | Kind::ControlPlane(taint) => {
            format!("a taint {taint}").trim_end().to_owned()
        }
        Kind::Unknown(words) => words.clone(),
    }
}

fn tainted(evidence: &Evidence, taint: &str) -> (Cause, String, String) {
    let (key, value) = taint.split_once('=').unwrap_or((taint, ""));
    let nodes = evidence.around.nodes.seen().into_iter().flatten();
    let has = |node: &&NodeFacts| {
        let of_it = |one: &String| key.is_empty() || one.starts_with(key);
        !node.unschedulable && node.taints.iter().any(of_it)
    };
    let with: Vec<String> = nodes
        .filter(has)
        .map(|node| format!("{} has {}", node.name, node.taints.join(" ")))
        .collect();
    let what = if key.is_empty() { String::new() } else { format!(" {{{key}: {value}}}") };
    let mut says = format!("it does not tolerate the taint{what} of the nodes");
    if !with.is_empty() {
        says += &format!(": {}", listed(with.into_iter()));
    }
    let shown = if key.is_empty() { "KEY" } else { key };
    let remedy = match key {
        "node.kubernetes.io/memory-pressure" => {
            "free memory on the node: it is under memory pressure".to_owned()
        }
        "node.kubernetes.io/pid-pressure" => {
            "end processes on the node: it has nearly no process ids left".to_owned()
        }
        "node.kubernetes.io/network-unavailable"
        | "node.cloudprovider.kubernetes.io/uninitialized" => {
            "wait until the node is set up: its network plugin or its cloud controller removes the \
             taint"
                .to_owned()
        }
        _ => format!(
            "tolerate it in a pod template (--pod-template with tolerations: key {shown}), or remove \
             it (kubectl taint nodes NODE {shown}-)"
        ),
    };
    (Cause::Taint, says, remedy)
}

fn selector(evidence: &Evidence, pod: &PodFacts) -> (Cause, String, String) {
    let role = if pod.role == PodRole::Driver { "driver" } else { "executor" };
    let nodes = evidence.around.nodes.seen();
    if pod.node_selector.is_empty() {
        let wanted = match &*pod.node_affinity {
            [] => String::new(),
            terms => format!(": {}", terms.join(", or ")),
        };
        return (
            Cause::NodeSelector,
            format!("no node has the labels that its node affinity asks for{wanted}"),
            "correct nodeAffinity in the pod template, or label a node so".to_owned(),
        );
    }
    let mut wanted = Vec::new();
    let mut remedy = String::new();
    for (key, value) in &pod.node_selector {
        let Some(nodes) = nodes else {
            wanted.push(format!("{key}={value}"));
            continue;
        };
        let values: BTreeSet<&String> = nodes.iter().filter_map(|n| n.labels.get(key)).collect();
        if values.contains(value) {
            wanted.push(format!("{key}={value}"));
        } else if let Some(first) = values.first() {
            let there = values.iter().map(|value| format!("{key}={value}"));
            wanted.push(format!("{key}={value}, but nodes have {}", listed(there)));
            remedy = format!("--conf spark.kubernetes.node.selector.{key}={first}, ");
        } else {
            wanted.push(format!("{key}={value}, but no node has a label {key}"));
        }
    }
    if remedy.is_empty() {
        remedy = "leave the selector out, or name a label that a node has (--conf \
                  spark.kubernetes.node.selector.KEY=VALUE), "
            .to_owned();
    }
    let one = pod.node_selector.iter().next().map(|(k, v)| format!("{k}={v}")).unwrap_or_default();
    (
        Cause::NodeSelector,
        format!("no open node has the labels that it asks for: {}", wanted.join("; ")),
        format!(
            "{remedy}or label a node (kubectl label node NODE {one}); the selector comes from \
             spark.kubernetes.node.selector.*, spark.kubernetes.{role}.node.selector.* or the pod \
             template"
        ),
    )
}

fn room(evidence: &Evidence, pod: &PodFacts, resource: &Resource) -> (Cause, String, String) {
    let name = resource.name();
    let nodes = || {
        let all = evidence.around.nodes.seen().into_iter().flatten();
        all.filter(|node| !node.unschedulable)
    };
    let has = |node: &NodeFacts| {
        let amount = node.allocatable.get(name).map_or("none", String::as_str);
        format!("{} has {amount}", node.name)
    };
    let known = nodes().any(|node| !node.allocatable.is_empty());
    let have = if known { listed(nodes().map(has)) } else { String::new() };
    let asked = requests(pod, name).join(" + ");
    let too_big = known && !asked.is_empty() && !nodes().any(|node| gives(node, pod, name));
    if *resource == Resource::Pods {
        return (
            Cause::TooManyPods,
            format!("the nodes hold as many pods as they may{}", clause(": in all ", &have)),
            "fewer executors (--executors), end other pods, or add nodes (or raise kubelet's maxPods)"
                .to_owned(),
        );
    }
    let amount = if asked.is_empty() { name.to_owned() } else { format!("{name} {asked}") };
    let says = if too_big {
        format!("it requests {amount}, more than any node can give: {have}")
    } else {
        let have = if have.is_empty() { have } else { format!(" ({have} in all)") };
        format!("it requests {amount}, and no node has that much left{have}")
    };
    let driver = pod.role == PodRole::Driver;
    let (cause, less) = match (resource, driver) {
        (Resource::Cpu, false) => (Cause::InsufficientCpu, "less CPU for each (--executor-cpu)"),
        (Resource::Cpu, true) => (Cause::InsufficientCpu, "less CPU for the driver (--driver-cpu)"),
        (Resource::Memory, false) => {
            (Cause::InsufficientMemory, "less memory for each (--executor-memory)")
        }
        (Resource::Memory, true) => {
            (Cause::InsufficientMemory, "less memory for the driver (--driver-memory)")
        }
        (Resource::Other(name), _) if name == "ephemeral-storage" => (
            Cause::InsufficientResource,
            "a smaller request of ephemeral-storage in the pod template, or free disk on the nodes",
        ),
        (Resource::Other(name), _) if name.starts_with("hugepages-") => (
            Cause::InsufficientResource,
            "no huge pages in the pod template, or nodes that reserve them",
        ),
        _ => (
            Cause::InsufficientResource,
            "fewer of them for each (--conf spark.executor.resource.gpu.amount=… for GPUs), or \
             nodes that have them and run their device plugin",
        ),
    };
    let remedy = match (too_big, driver) {
        (true, _) => format!("{less}, or a bigger node"),
        (false, true) => format!("{less}, end other pods, or add a node"),
        (false, false) => {
            format!("fewer executors (--executors), {less}, end other pods, or add a node")
        }
    };
    (cause, says, remedy)
}

fn is(node: &NodeFacts, kind: &str) -> bool {
    node.conditions.iter().any(|condition| condition.kind == kind && condition.status == "True")
}

fn clause(before: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{before}{text}") }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// The first few.
fn listed(items: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = items.collect();
    let more = all.len().saturating_sub(4);
    let mut text = all[..all.len() - more].join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}
