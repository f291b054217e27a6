//! Checks on which nodes the executors are.

use std::collections::BTreeMap;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check};
use sparkproof_catalog::Variant;
use sparkproof_testbed::LiveSession;

/// Checks that all executors are on the one node that has the variant's volume.
pub async fn pinned(context: &Context, live: &LiveSession, variant: &Variant) -> Result<()> {
    let title = format!("{}: all executors are on the node of the volume", variant.title);
    let id = format!("read.{}.pinned", variant.id);
    check(context, &id, &title, async |findings: &mut Findings| {
        let nodes = nodes(live);
        findings.add("nodes", summary(&nodes));
        if nodes.len() == 1 {
            return Ok(());
        }
        Err(Error::red(format!("executors are on {} nodes, expected one", nodes.len())))
    })
    .await
}

/// Checks that executors are on every node that can have them, so that the proof holds for each
/// node.
pub async fn spread(context: &Context, live: &LiveSession, nodes_there: usize) -> Result<()> {
    let title = format!("executors are spread over all {nodes_there} nodes");
    check(context, "read.spread", &title, async |findings: &mut Findings| {
        let nodes = nodes(live);
        findings.add("nodes", summary(&nodes));
        let expected = nodes_there.min(live.executors() as usize);
        if nodes.len() == expected {
            return Ok(());
        }
        Err(Error::red(format!("executors are on {} nodes, expected {expected}", nodes.len())))
    })
    .await
}

fn nodes(live: &LiveSession) -> BTreeMap<String, Vec<String>> {
    let mut nodes = BTreeMap::<_, Vec<_>>::new();
    for (name, pod) in live.executor_pods() {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
        nodes.entry(node).or_default().push(name);
    }
    nodes
}

fn summary(nodes: &BTreeMap<String, Vec<String>>) -> String {
    let lines = nodes.iter().map(|(node, pods)| format!("{node}: {}", pods.join(", ")));
    lines.collect::<Vec<_>>().join("\n")
}
