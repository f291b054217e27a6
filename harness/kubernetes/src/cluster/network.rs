//! The Docker network of a cluster of ours, which has the cluster's name.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_machine::engine::{Container, Engine};

use super::{ClusterRecord, Provider};

/// The API server as containers on a cluster's network reach it. By its address, which is in the
/// server's certificate like its name: a JVM with a hosts file of its own resolves no other name.
pub async fn server_on_network(
    context: &Context,
    engine: &Engine,
    cluster: &ClusterRecord,
) -> Result<String> {
    let node = cluster.control_plane();
    let node = node.ok_or_else(|| Error::environment(format!("{} has no node", cluster.name)))?;
    let node = Container { engine: engine.clone(), name: node.to_owned() };
    let port = match cluster.provider {
        Provider::Minikube => 8443,
        // kubeadm's default.
        Provider::Kind | Provider::Existing => 6443,
    };
    Ok(format!("https://{}:{port}", node.address(context, &cluster.name).await?))
}
