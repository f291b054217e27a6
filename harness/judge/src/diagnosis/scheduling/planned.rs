//! Nodes that have no room for a session even if everything else on them ends: known before it
//! starts.

use std::collections::BTreeMap;

use sparkproof_base::verdict::Cause;

use super::fit::{has_labels, requests};
use super::reasons::{Kind, Reason, Resource, main_reason, taint_kind};
use super::rules::DEFAULT;
use super::words::tell;
use crate::diagnosis::elastic::may_add_nodes;
use crate::diagnosis::evidence::{Evidence, NodeFacts, Planned};
use crate::diagnosis::finding::{Ends, Finding};
use crate::diagnosis::quantity::quantity;

/// The part of a number that is lost in computing with it.
const ROUNDING: f64 = 1e-9;
/// Words in the keys of taints that controllers put on a node and take off again: of Kubernetes
/// itself, of network and storage plugins, of autoscalers.
const PASSING: [&str; 8] = [
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "not-ready",
    "unreachable",
    "uninitialized",
    "unregistered",
    "startup",
    "ClusterAutoscaler",
];

/// Why a node takes none, or how many executors it can hold.
enum Holds {
    No(Kind),
    /// At most so many, because of this resource.
    Most(f64, Resource),
}

/// Fewer executors fit on the nodes than the session needs. A node that is cordoned or not ready
/// counts as it will be afterwards, and of other pods only those that never leave. Whatever cannot
/// be computed here (affinity, spreading, other schedulers) is left to the start.
pub(super) fn nodes_too_small(evidence: &Evidence) -> Option<Finding> {
    let planned = evidence.planned.as_ref()?;
    let pod = &planned.executor;
    let nodes = evidence.around.nodes.seen().filter(|nodes| !nodes.is_empty())?;
    let by_default = pod.scheduler.is_empty() || pod.scheduler == DEFAULT.0;
    if !by_default
        || pod.node.is_some()
        || !pod.gates.is_empty()
        || may_add_nodes(&evidence.asked, &evidence.around)
    {
        return None;
    }
    let held: Vec<(&NodeFacts, Holds)> =
        nodes.iter().map(|node| (node, holds(evidence, planned, node))).collect();
    let fit: f64 =
        held.iter().map(|(_, holds)| if let Holds::Most(n, _) = holds { *n } else { 0.0 }).sum();
    let n = planned.executors;
    if fit >= f64::from(n) {
        return None;
    }
    let mut reasons: Vec<Reason> = Vec::new();
    for (_, holds) in &held {
        let kind = match holds {
            Holds::No(kind) => kind.clone(),
            Holds::Most(_, resource) => Kind::Room(resource.clone()),
        };
        match reasons.iter_mut().find(|known| known.kind == kind) {
            Some(known) => known.count += 1,
            None => reasons.push(Reason { count: 1, kind }),
        }
    }
    let main = main_reason(evidence, pod, &reasons)?;
    let (cause, says, remedy) = tell(evidence, pod, &main.kind);
    if cause == Cause::NodeSelector && !pod.node_affinity.is_empty() {
        return None;
    }
    let says = match &main.kind {
        Kind::Room(resource) if fit > 0.0 => {
            format!("the nodes have room for {fit} of {n} executors: {}", each(planned, resource))
        }
        _ => format!("no node can take an executor: {says}"),
    };
    let mut finding = Finding::new(cause, says, remedy).ends(Ends::AtOnce);
    for (node, holds) in held.iter().take(8) {
        finding = finding.because(format!("node {}", node.name), words(planned, node, holds));
    }
    Some(finding)
}

/// What each executor requests.
fn each(planned: &Planned, resource: &Resource) -> String {
    match resource {
        Resource::Pods => "they hold no more pods".to_owned(),
        other => format!(
            "each requests {} {}",
            other.name(),
            requests(&planned.executor, other.name()).join(" + ")
        ),
    }
}

fn words(planned: &Planned, node: &NodeFacts, holds: &Holds) -> String {
    let (most, resource) = match holds {
        Holds::No(kind) => return super::words::brief(kind),
        Holds::Most(most, resource) => (most, resource),
    };
    let name = resource.name();
    let has = node.allocatable.get(name).map_or("none", String::as_str);
    let taken = taken(planned, node, name);
    let taken = match taken {
        0.0 => String::new(),
        taken if name == "memory" => {
            format!(", of which pods that stay hold {}Mi", (taken / 1_048_576.0).round())
        }
        taken => format!(", of which pods that stay hold {}", (taken * 1000.0).round() / 1000.0),
    };
    format!("room for {most}: {name} {has}{taken}")
}

fn holds(evidence: &Evidence, planned: &Planned, node: &NodeFacts) -> Holds {
    let pod = &planned.executor;
    if !has_labels(node, pod) {
        return Holds::No(Kind::Selector);
    }
    if let Some(kind) = untolerated(evidence, planned, node) {
        return Holds::No(kind);
    }
    let mut wanted: BTreeMap<&str, f64> = BTreeMap::from([("pods", 1.0)]);
    for container in pod.containers.iter().filter(|container| !container.init) {
        for (name, amount) in &container.requests {
            *wanted.entry(name).or_default() += quantity(amount).unwrap_or_default();
        }
    }
    let mut most = (f64::INFINITY, Resource::Pods);
    for (name, wants) in wanted.into_iter().filter(|(_, wants)| *wants > 0.0) {
        // Facts of a node without resources say nothing.
        let has = node.allocatable.get(name).and_then(|text| quantity(text));
        let Some(has) = has.or((!node.allocatable.is_empty()).then_some(0.0)) else { continue };
        let left = has - taken(planned, node, name);
        let fit = (left / wants + ROUNDING).floor().max(0.0);
        if fit < most.0 {
            most = (fit, resource(name));
        }
    }
    Holds::Most(most.0, most.1)
}

fn resource(name: &str) -> Resource {
    match name {
        "cpu" => Resource::Cpu,
        "memory" => Resource::Memory,
        "pods" => Resource::Pods,
        other => Resource::Other(other.to_owned()),
    }
}

/// What stays on a node while the session runs: pods of the node itself, and the driver's.
fn taken(planned: &Planned, node: &NodeFacts, name: &str) -> f64 {
    let held = planned.held.seen().and_then(|all| all.get(&node.name)?.get(name));
    let beside = planned.beside.iter().filter(|pod| pod.node.as_ref() == Some(&node.name));
    let of_session: f64 = beside
        .map(|pod| match name {
            "pods" => 1.0,
            name => requests(pod, name).iter().filter_map(|text| quantity(text)).sum(),
        })
        .sum();
    held.and_then(|text| quantity(text)).unwrap_or_default() + of_session
}

/// A taint that stays and that the executors do not tolerate.
fn untolerated(evidence: &Evidence, planned: &Planned, node: &NodeFacts) -> Option<Kind> {
    let stays = |taint: &&String| {
        !taint.ends_with(":PreferNoSchedule")
            && !PASSING.iter().any(|word| taint.contains(word))
            && !planned.tolerations.iter().any(|toleration| toleration.covers(taint))
    };
    let kind = |taint: &String| {
        let (taint, _) = taint.rsplit_once(':')?;
        let (key, value) = taint.split_once('=').unwrap_or((taint, ""));
        Some(taint_kind(evidence.around.nodes.seen(), key, value))
    };
    node.taints.iter().filter(stays).filter_map(kind).max()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use sparkproof_base::events::Looked;

    use super::*;
    use crate::diagnosis::evidence::{ContainerFacts, PodFacts};
    use crate::diagnosis::planned::Toleration;
    use crate::diagnosis::{diagnose, findings};

    fn map(items: &[(&str, &str)]) -> BTreeMap<String, String> {
        items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn node(name: &str) -> NodeFacts {
        NodeFacts {
            name: name.into(),
            labels: map(&[("kubernetes.io/os", "linux")]),
            allocatable: map(&[("cpu", "2"), ("memory", "4Gi"), ("pods", "110")]),
            ..NodeFacts::default()
        }
    }

    /// Three executors of 500m and 896Mi.
    fn planned(nodes: Vec<NodeFacts>) -> Evidence {
        let requests = map(&[("cpu", "500m"), ("memory", "896Mi")]);
        let container = ContainerFacts { requests, ..ContainerFacts::default() };
        let executor = PodFacts { containers: vec![container], ..PodFacts::default() };
        let planned = Planned { executors: 3, executor, ..Planned::default() };
        let mut evidence = Evidence { planned: Some(planned), ..Evidence::default() };
        evidence.around.nodes = Looked::Seen(nodes);
        evidence
    }

    fn with(nodes: Vec<NodeFacts>, change: impl FnOnce(&mut Planned)) -> Evidence {
        let mut evidence = planned(nodes);
        change(evidence.planned.as_mut().expect("planned"));
        evidence
    }

    fn executors(n: u32) -> Evidence {
        with(vec![node("a")], |planned| planned.executors = n)
    }

    fn request(name: &str, amount: &str) -> Evidence {
        with(vec![node("a"), node("b")], |planned| {
            let requests = &mut planned.executor.containers[0].requests;
            requests.insert(name.into(), amount.into());
        })
    }

    fn tainted(taint: &str) -> NodeFacts {
        NodeFacts { taints: vec![taint.into()], ..node("a") }
    }

    fn holding(name: &str, amount: &str) -> Evidence {
        with(vec![node("a")], |planned| {
            let held = BTreeMap::from([("a".to_owned(), map(&[(name, amount)]))]);
            planned.held = Looked::Seen(held);
        })
    }

    #[rstest]
    #[case(executors(4), None, "")]
    #[case(
        executors(5),
        Some(Cause::InsufficientCpu),
        "room for 4 of 5 executors: each requests cpu 500m"
    )]
    #[case(holding("cpu", "500m"), None, "")]
    #[case(holding("cpu", "950m"), Some(Cause::InsufficientCpu), "room for 2 of 3 executors")]
    #[case(holding("memory", "3Gi"), Some(Cause::InsufficientMemory), "room for 1 of 3 executors")]
    #[case(holding("pods", "108"), Some(Cause::TooManyPods), "room for 2 of 3 executors")]
    #[case(
        request("memory", "4097Mi"),
        Some(Cause::InsufficientMemory),
        "more than any node can give"
    )]
    #[case(request("cpu", "64"), Some(Cause::InsufficientCpu), "more than any node can give")]
    #[case(request("example.com/gpu", "1"), Some(Cause::InsufficientResource), "example.com/gpu 1")]
    #[case(planned(vec![tainted("team=b:NoSchedule")]), Some(Cause::Taint), "{team: b}")]
    #[case(planned(vec![tainted("team=b:PreferNoSchedule")]), None, "")]
    #[case(planned(vec![tainted("node.kubernetes.io/not-ready:NoExecute")]), None, "")]
    #[case(planned(vec![tainted("ebs.csi.aws.com/agent-not-ready:NoExecute")]), None, "")]
    #[case(with(vec![tainted("team=b:NoSchedule")], |p| p.tolerations = vec![Toleration { operator: "Exists".into(), ..Toleration::default() }]), None, "")]
    #[case(with(vec![node("a")], |p| p.executor.node_selector = map(&[("kubernetes.io/os", "plan9")])), Some(Cause::NodeSelector), "plan9")]
    // Opened again, they have room.
    #[case(planned(vec![NodeFacts { unschedulable: true, ..node("a") }]), None, "")]
    // Not known, or decided elsewhere.
    #[case(planned(Vec::new()), None, "")]
    #[case(planned(vec![NodeFacts { allocatable: BTreeMap::new(), ..node("a") }]), None, "")]
    #[case(with(vec![tainted("a=b:NoSchedule")], |p| p.executor.scheduler = "volcano".into()), None, "")]
    #[case(with(vec![tainted("a=b:NoSchedule")], |p| p.executor.gates = vec!["g".into()]), None, "")]
    fn nodes_that_are_too_small_are_final(
        #[case] evidence: Evidence,
        #[case] cause: Option<Cause>,
        #[case] says: &str,
    ) {
        let found = findings(&evidence);
        assert_eq!(found.first().map(|found| found.cause), cause, "{found:?}");
        let Some(first) = found.first() else { return };
        assert_eq!((found.len(), first.ends), (1, Ends::AtOnce), "{found:?}");
        assert!(first.says.contains(says), "{}", first.says);
    }

    #[test]
    fn where_nodes_may_be_added_nothing_is_said() {
        let mut evidence = executors(9);
        assert_eq!(diagnose(&evidence).cause, Cause::InsufficientCpu);
        evidence.asked.cluster_of_user = true;
        assert!(findings(&evidence).is_empty(), "leases are not known");
        evidence.around.schedulers = Looked::Seen(vec!["kube-scheduler".into()]);
        assert_eq!(diagnose(&evidence).cause, Cause::InsufficientCpu);
        evidence.around.schedulers = Looked::Seen(vec!["cluster-autoscaler".into()]);
        assert!(findings(&evidence).is_empty());
    }

    #[test]
    fn the_drivers_pod_takes_room_and_what_each_node_has_is_shown() {
        let evidence = with(vec![node("a")], |planned| {
            let driver = PodFacts { node: Some("a".into()), ..planned.executor.clone() };
            planned.beside = vec![driver.clone(), driver];
        });
        let found = &findings(&evidence)[0];
        assert!(found.says.starts_with("the nodes have room for 2 of 3 executors"), "{found:?}");
        let shown = "room for 2: cpu 2, of which pods that stay hold 1";
        assert_eq!((&*found.evidence[0].name, &*found.evidence[0].text), ("node a", shown));
    }
}
