//! Whether a cluster adds nodes by itself.

use sparkproof_base::events::Looked;

use super::evidence::{Asked, Surroundings};

/// Parts of the names of Leases and of node labels where nodes are added by themselves.
const ADDS_NODES: [&str; 9] = [
    "autoscaler",
    "karpenter",
    "cloud.google.com",
    "eks.amazonaws.com",
    "kubernetes.azure.com",
    "doks.digitalocean.com",
    "openshift.io",
    // Of every cloud's controller.
    "topology.kubernetes.io/zone",
    "node.kubernetes.io/instance-type",
];

/// Whether nodes may be added: only on a user's cluster, unless what it has shows that none are.
pub fn may_add_nodes(asked: &Asked, around: &Surroundings) -> bool {
    let adds = |name: &str| ADDS_NODES.iter().any(|part| name.contains(part));
    asked.cluster_of_user
        && match (&around.schedulers, &around.nodes) {
            (Looked::Seen(leases), Looked::Seen(nodes)) => {
                leases.iter().any(|name| adds(name))
                    || nodes.iter().any(|node| node.labels.keys().any(|key| adds(key)))
            }
            _ => true,
        }
}
