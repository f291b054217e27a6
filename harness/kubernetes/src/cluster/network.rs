//! The Docker network of a cluster that sparkproof made; it has the cluster's name.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_machine::engine::{Container, Engine};

use super::{ClusterRecord, Provider};

/// URL of the API server for containers on the cluster's network. Uses the address, which the
/// server's certificate contains, too: a JVM with its own hosts file resolves no other names.
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
        // kubeadm's default port.
        Provider::Kind | Provider::Existing => 6443,
    };
    Ok(format!("https://{}:{port}", node.address(context, &cluster.name).await?))
}
