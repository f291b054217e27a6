//! The nodes that executors are on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// The node of each executor's pod, by the pod's name; empty for a pod that is on none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodesOfPods(pub BTreeMap<String, String>);

/// How many executors must be on how many nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedNodes {
    /// Number of executors.
    pub executors: u32,
    /// Number of nodes; "one" is the node of a volume.
    pub nodes: usize,
}

impl Observation for NodesOfPods {
    type Expected = ExpectedNodes;
    const KIND: &'static str = "read.nodes";

    fn judge(&self, expected: &ExpectedNodes) -> Judged {
        let mut pods = BTreeMap::<&str, Vec<&str>>::new();
        for (pod, node) in &self.0 {
            pods.entry(node).or_default().push(pod);
        }
        let remedy = "compare the pods' node selectors and affinity with the nodes that have room";
        let nowhere = pods.get("").map(|pods| pods.join(", "));
        let (there, executors) = (self.0.len(), expected.executors);
        let nodes = match expected.nodes {
            1 => "one".to_owned(),
            nodes => nodes.to_string(),
        };
        let judged = if there != executors as usize || there == 0 {
            Judged::red(format!("{there} executors run, expected {executors}"), remedy)
        } else if let Some(nowhere) = nowhere {
            Judged::red(format!("not on any node: {nowhere}"), remedy)
        } else if pods.len() != expected.nodes {
            let what = format!("executors are on {} nodes, expected {nodes}", pods.len());
            Judged::red(what, remedy)
        } else {
            Judged::green()
        };
        let lines = pods.iter().map(|(node, pods)| format!("{node}: {}", pods.join(", ")));
        judged.with("nodes", lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The controls of `read.*.pinned` and `read.spread`.
pub(crate) fn controls() -> Vec<Control> {
    let of = |nodes: &[&str]| {
        let pods = (1..).zip(nodes).map(|(id, node)| (format!("x-exec-{id}"), (*node).to_owned()));
        NodesOfPods(pods.collect())
    };
    let control = |name, nodes, seen: &[&str], says| {
        Control::seen(name, &ExpectedNodes { executors: 3, nodes }, &of(seen), says)
    };
    vec![
        control("all on the one node", 1, &["a", "a", "a"], Says::Green),
        control("spread over both nodes", 2, &["a", "b", "a"], Says::Green),
        control(
            "one on another node",
            1,
            &["a", "a", "b"],
            Says::Red("executors are on 2 nodes, expected one"),
        ),
        control(
            "all on one of two nodes",
            2,
            &["a", "a", "a"],
            Says::Red("executors are on 1 nodes, expected 2"),
        ),
        control("on one node too many", 2, &["a", "b", "c"], Says::Red("on 3 nodes, expected 2")),
        control("one executor too few", 1, &["a", "a"], Says::Red("2 executors run, expected 3")),
        control("one executor too many", 2, &["a", "b", "a", "b"], Says::Red("4 executors run")),
        control("no executor", 1, &[], Says::Red("0 executors run, expected 3")),
        control("one on no node", 2, &["a", "", "b"], Says::Red("not on any node: x-exec-2")),
        control("all on no node", 1, &["", "", ""], Says::Red("not on any node")),
        Control::unseen::<NodesOfPods>(
            &ExpectedNodes { executors: 3, nodes: 1 },
            "the watch was refused",
        ),
    ]
}
