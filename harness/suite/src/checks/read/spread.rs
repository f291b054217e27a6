//! Checks on which nodes the executors are.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::judged;
use sparkproof_catalog::Variant;
use sparkproof_judge::{ExpectedNodes, NodesOfPods};
use sparkproof_testbed::LiveSession;

/// Checks that all executors are on the one node that has the variant's volume.
pub async fn pinned(context: &Context, live: &LiveSession, variant: &Variant) -> Result<()> {
    let title = format!("{}: all executors are on the node of the volume", variant.title);
    on_nodes(context, live, (&format!("read.{}.pinned", variant.id), &title), 1).await
}

/// Checks that executors are on every node that can have them, so that the proof holds for each
/// node.
pub async fn spread(context: &Context, live: &LiveSession, nodes_there: usize) -> Result<()> {
    let title = format!("executors are spread over all {nodes_there} nodes");
    let nodes = nodes_there.min(live.executors() as usize);
    on_nodes(context, live, ("read.spread", &title), nodes).await
}

async fn on_nodes(
    context: &Context,
    live: &LiveSession,
    check: (&str, &str),
    nodes: usize,
) -> Result<()> {
    let expected = ExpectedNodes { executors: live.executors(), nodes };
    let look = async || {
        let node = |pod: &k8s_openapi::api::core::v1::Pod| {
            pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default()
        };
        let pods = live.executor_pods();
        Ok(NodesOfPods(pods.iter().map(|(name, pod)| (name.clone(), node(pod))).collect()))
    };
    judged(context, check, expected, look).await.map(drop)
}
