//! Whether a node has what a pod asks for.

use std::collections::BTreeSet;

use crate::diagnosis::evidence::{NodeFacts, PodFacts};
use crate::diagnosis::quantity::quantity;

pub(super) fn has_labels(node: &NodeFacts, pod: &PodFacts) -> bool {
    pod.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
}

pub(super) fn is_big_enough(node: &NodeFacts, pod: &PodFacts) -> bool {
    let names: BTreeSet<&String> = pod.containers.iter().flat_map(|c| c.requests.keys()).collect();
    names.into_iter().all(|name| gives(node, pod, name))
}

/// Whether a node has as much of a resource as the pod asks for, if nothing else were on it.
pub(super) fn gives(node: &NodeFacts, pod: &PodFacts, name: &str) -> bool {
    let has = node.allocatable.get(name).and_then(|text| quantity(text));
    let wants: f64 = requests(pod, name).iter().filter_map(|text| quantity(text)).sum();
    // Facts of a node without resources say nothing.
    has.map_or(node.allocatable.is_empty() || wants <= 0.0, |has| has >= wants)
}

pub(super) fn requests<'a>(pod: &'a PodFacts, name: &str) -> Vec<&'a str> {
    let main = pod.containers.iter().filter(|container| !container.init);
    main.filter_map(|container| container.requests.get(name)).map(String::as_str).collect()
}
