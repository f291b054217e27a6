//! The scheduler's reasons, and which of them counts.

use std::sync::LazyLock;

use regex::Regex;

use super::fit::{gives, has_labels, is_big_enough};
use super::rules::RULES;
use crate::diagnosis::evidence::{Evidence, NodeFacts, PodFacts};

static NODES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\d+/(\d+) nodes are (?:un)?available: ").expect("a valid expression")
});
static COUNT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|, )(\d+) ").expect("a valid expression"));
static TAINT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"taint \{([^:}]+): ?([^}]*)\}").expect("a valid expression"));

/// Why how many nodes do not take a pod: `FitError.Error` of the scheduler (`framework/types.go`),
/// `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) …. preemption: …`. Volcano says
/// `unavailable`.
fn parts(message: &str) -> Vec<(usize, &str)> {
    let Some(found) = NODES.captures(message) else { return vec![(0, message)] };
    let rest = &message[found.get(0).map_or(0, |all| all.end())..];
    // What follows is about preemption.
    let rest = rest.split(". ").next().unwrap_or(rest);
    let rest = rest.split(" preemption: ").next().unwrap_or(rest).trim_end_matches(['.', ' ']);
    let mut parts = Vec::new();
    let mut counts = COUNT.captures_iter(rest).peekable();
    while let Some(count) = counts.next() {
        let start = count.get(0).map_or(0, |all| all.end());
        // A comma also stands within `taint {k: v}, that the pod didn't tolerate`.
        let end = counts.peek().and_then(|next| next.get(0)).map_or(rest.len(), |all| all.start());
        parts.push((count[1].parse().unwrap_or(1), &rest[start..end]));
    }
    if parts.is_empty() {
        parts.push((found[1].parse().unwrap_or(0), rest));
    }
    parts
}

/// Why some nodes do not take the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) count: usize,
    pub(super) kind: Kind,
}

/// In the order in which they are told: the scheduler looks first whether a node is open, then
/// whether it has the labels, then for room. So a node without room is the nearest to one that
/// takes the pod. The taint of a control plane is meant to be there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Room(Resource),
    Rule(usize),
    Selector,
    Cordoned,
    Lost,
    DiskFull,
    Taint(String),
    Unknown(String),
    ControlPlane(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    Cpu,
    Memory,
    Other(String),
    Pods,
}

impl Resource {
    pub(super) fn name(&self) -> &str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
            Resource::Other(name) => name,
            Resource::Pods => "pods",
        }
    }
}

const CONTROL_PLANE: [&str; 3] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node-role.kubernetes.io/controlplane",
];

/// Words of the scheduler for nodes whose labels do not fit, in versions up to 1.20 and since.
const SELECTOR: [&str; 5] = [
    "match node selector",
    "node affinity/selector",
    "match Pod's node affinity",
    "match Pod's nodeSelector",
    "plugin(s) [NodeAffinity]",
];

fn kinds(evidence: &Evidence, count: usize, words: &str) -> Vec<Reason> {
    let one = |kind| vec![Reason { count, kind }];
    if let Some(name) = words.strip_prefix("Insufficient ") {
        return one(Kind::Room(match name.trim() {
            "cpu" => Resource::Cpu,
            "memory" => Resource::Memory,
            "pods" => Resource::Pods,
            other => Resource::Other(other.to_owned()),
        }));
    }
    if words.starts_with("Too many pods") {
        return one(Kind::Room(Resource::Pods));
    }
    if words.contains("node(s) were unschedulable") {
        return one(Kind::Cordoned);
    }
    if let Some(found) = TAINT.captures(words) {
        return one(taint_kind(evidence.around.nodes.seen(), &found[1], &found[2]));
    }
    if words.contains("untolerated taint") || words.contains("didn't tolerate") {
        // Versions up to 1.19 and from 1.34 do not say which.
        let found = anonymous_taints(evidence);
        return if found.is_empty() { one(Kind::Taint(String::new())) } else { found };
    }
    if SELECTOR.iter().any(|known| words.contains(known)) {
        return one(Kind::Selector);
    }
    let rule = RULES.iter().position(|(known, ..)| words.contains(known));
    one(rule.map_or_else(|| Kind::Unknown(words.to_owned()), Kind::Rule))
}

/// What a taint stands for: the node controller marks nodes by taints too (`well_known_taints.go`).
pub(super) fn taint_kind(nodes: Option<&Vec<NodeFacts>>, key: &str, value: &str) -> Kind {
    let confirmed = |is: fn(&NodeFacts) -> bool| {
        nodes.is_none_or(|all| {
            { all.iter() }.any(|node| node.taints.iter().any(|t| t.starts_with(key)) && is(node))
        })
    };
    let taint = if value.is_empty() { key.to_owned() } else { format!("{key}={value}") };
    match key.strip_prefix("node.kubernetes.io/") {
        Some("unschedulable") => Kind::Cordoned,
        Some("not-ready" | "unreachable") if confirmed(|node| !is(node, "Ready")) => Kind::Lost,
        Some("out-of-service") => Kind::Lost,
        Some("disk-pressure") if confirmed(|node| is(node, "DiskPressure")) => Kind::DiskFull,
        _ if CONTROL_PLANE.contains(&key) => Kind::ControlPlane(taint),
        _ => Kind::Taint(taint),
    }
}

fn anonymous_taints(evidence: &Evidence) -> Vec<Reason> {
    let nodes = evidence.around.nodes.seen();
    let open = nodes.into_iter().flatten().filter(|node| !node.unschedulable);
    let taint = |node: &NodeFacts| {
        let kinds = node.taints.iter().filter_map(|taint| {
            let (taint, effect) = taint.rsplit_once(':')?;
            let (key, value) = taint.split_once('=').unwrap_or((taint, ""));
            (effect != "PreferNoSchedule").then(|| taint_kind(nodes, key, value))
        });
        // One that is a control plane's stays one, whatever else it has.
        kinds.max().map(|kind| Reason { count: 1, kind })
    };
    open.filter_map(taint).collect()
}

fn is(node: &NodeFacts, kind: &str) -> bool {
    node.conditions.iter().any(|condition| condition.kind == kind && condition.status == "True")
}

/// The scheduler's reasons, each once, without those in unknown words.
pub(super) fn reasons(evidence: &Evidence, message: &str) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for reason in parts(message).iter().flat_map(|(count, words)| kinds(evidence, *count, words)) {
        match reasons.iter_mut().find(|known| known.kind == reason.kind) {
            Some(known) => known.count += reason.count,
            None => reasons.push(reason),
        }
    }
    reasons.retain(|reason| !matches!(reason.kind, Kind::Unknown(_)));
    reasons
}

/// The reason that, if cured, gives room on the most promising nodes.
pub(super) fn main_reason<'a>(
    evidence: &Evidence,
    pod: &PodFacts,
    all: &'a [Reason],
) -> Option<&'a Reason> {
    // Nodes with the labels, and as big as it asks for: if none of them is open, that is why.
    let fitting: Vec<&NodeFacts> = evidence
        .around
        .nodes
        .seen()
        .into_iter()
        .flatten()
        .filter(|node| has_labels(node, pod) && is_big_enough(node, pod))
        .collect();
    let closed: Vec<Kind> = fitting.iter().filter_map(|node| closed(evidence, node)).collect();
    if closed.len() == fitting.len() {
        let is_theirs = |reason: &&Reason| closed.contains(&reason.kind);
        let theirs = all.iter().filter(is_theirs).min_by(|a, b| a.kind.cmp(&b.kind));
        // It asks for the control plane by its labels.
        let by_label =
            !pod.node_selector.is_empty() && all.iter().any(|reason| reason.kind == Kind::Selector);
        if theirs.is_some_and(|r| by_label || !matches!(r.kind, Kind::ControlPlane(_))) {
            return theirs;
        }
    }
    let most = |wanted: fn(&Kind) -> bool| {
        let of_kind = all.iter().filter(|reason| wanted(&reason.kind));
        of_kind.max_by(|a, b| a.count.cmp(&b.count).then_with(|| b.kind.cmp(&a.kind)))
    };
    let room = room(evidence, pod, all);
    let rule = most(|kind| matches!(kind, Kind::Rule(_)));
    let shut = most(|kind| matches!(kind, Kind::Cordoned | Kind::Lost | Kind::DiskFull));
    let count = |reason: Option<&Reason>| reason.map_or(0, |reason| reason.count);
    let selector = most(|kind| *kind == Kind::Selector);
    if count(shut) > count(room) + count(rule) + count(selector) {
        return shut;
    }
    if count(rule) > count(room) {
        return rule;
    }
    let last = || all.iter().min_by(|a, b| a.kind.cmp(&b.kind));
    room.or(selector).or(shut).or_else(last)
}

/// The resource that fewest nodes have.
fn room<'a>(evidence: &Evidence, pod: &PodFacts, all: &'a [Reason]) -> Option<&'a Reason> {
    let nodes = || evidence.around.nodes.seen().into_iter().flatten();
    let too_small = |kind: &Kind| match kind {
        Kind::Room(resource) => nodes().filter(|node| !gives(node, pod, resource.name())).count(),
        _ => 0,
    };
    let rooms = all.iter().filter(|reason| matches!(reason.kind, Kind::Room(_)));
    rooms.max_by(|a, b| {
        let sizes = too_small(&a.kind).cmp(&too_small(&b.kind));
        sizes.then(a.count.cmp(&b.count)).then_with(|| b.kind.cmp(&a.kind))
    })
}

/// Why a node takes no pod, whatever it asks for.
fn closed(evidence: &Evidence, node: &NodeFacts) -> Option<Kind> {
    if node.unschedulable {
        return Some(Kind::Cordoned);
    }
    let kinds = node.taints.iter().filter_map(|taint| {
        let (taint, effect) = taint.rsplit_once(':')?;
        let (key, value) = taint.split_once('=').unwrap_or((taint, ""));
        (effect != "PreferNoSchedule").then(|| taint_kind(evidence.around.nodes.seen(), key, value))
    });
    kinds.max()
}
