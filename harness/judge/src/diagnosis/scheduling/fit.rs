//! Whether a node has what a pod asks for.

use std::collections::BTreeSet;

use crate::diagnosis::evidence::{NodeFacts, PodFacts};

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

/// A quantity of Kubernetes, e.g. `700m`, `2`, `1408Mi`, `4e9` (`resource.Quantity`).
pub(super) fn quantity(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 14] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("", 1.0),
    ];
    let (number, factor) =
        UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    Some(number.parse::<f64>().ok()? * factor)
}
