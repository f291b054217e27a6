//! A Minikube profile's containers, network and volumes, by Minikube's own label: given back
//! without Minikube, whose program and files may be gone.

use std::collections::HashMap;

use bollard::query_parameters::{
    InspectNetworkOptions, ListContainersOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};
use futures::future::try_join_all;

use super::docker::{first_name, force_remove, force_remove_network, gone};
use super::labels::MINIKUBE_NODE;
use crate::engine::Engine;
use crate::error::{OrFail, Result};

/// Whether a label's value names a node of the profile: `p` is the first one of `p`, `p-m02` the
/// second.
fn is_of(profile: &str, node: &str) -> bool {
    node.strip_prefix(profile).is_some_and(|rest| {
        let number = rest.strip_prefix("-m").unwrap_or_default();
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Names of containers that belong to the profile, each with the node that its label names.
async fn containers(engine: &Engine, profile: &str) -> Result<Vec<(String, String)>> {
    let filters = HashMap::from([("label", vec![MINIKUBE_NODE])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let all = engine.docker.list_containers(Some(options)).await;
    let all = all.or_environment("listing containers")?;
    let named = all.into_iter().filter_map(|container| {
        Some((first_name(container.names?)?, container.labels?.remove(MINIKUBE_NODE)?))
    });
    let mut ours: Vec<_> = named.filter(|(_, node)| is_of(profile, node)).collect();
    ours.sort();
    Ok(ours)
}

/// Names of the profile's node containers, running or not: the control plane, which has the
/// profile's name, first.
pub(crate) async fn nodes(engine: &Engine, profile: &str) -> Result<Vec<String>> {
    let all = containers(engine, profile).await?;
    // Others prepare a volume for a node.
    Ok(all.into_iter().filter(|(name, node)| name == node).map(|(name, _)| name).collect())
}

/// Removes everything of the profile: containers, then the network, then volumes.
pub(super) async fn remove(engine: &Engine, profile: &str) -> Result<()> {
    let docker = &engine.docker;
    let containers = containers(engine, profile).await?;
    try_join_all(containers.iter().map(|(name, _)| force_remove(engine, name))).await?;
    let network = docker.inspect_network(profile, None::<InspectNetworkOptions>).await;
    let network = gone(network).or_environment(format!("looking at network {profile}"))?;
    if let Some(network) = network
        && network.labels.as_ref().is_some_and(|labels| labels.contains_key(MINIKUBE_NODE))
    {
        force_remove_network(engine, network).await?;
    }
    let filters = HashMap::from([("label", vec![MINIKUBE_NODE])]);
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = docker.list_volumes(Some(options)).await.or_environment("listing volumes")?;
    // A node's volume has its name; the label of a further one names the profile.
    let ours = volumes.volumes.unwrap_or_default().into_iter().filter(|v| is_of(profile, &v.name));
    for volume in ours {
        let options = RemoveVolumeOptionsBuilder::new().force(true).build();
        let removed = docker.remove_volume(&volume.name, Some(options)).await;
        gone(removed).or_environment(format!("removing volume {}", volume.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn a_profiles_nodes_are_told_from_another_profiles() {
        for node in ["p-7f3a", "p-7f3a-m02", "p-7f3a-m10"] {
            assert!(is_of("p-7f3a", node), "{node}");
        }
        for node in ["p", "p-7f3a0", "p-7f3a-m", "p-7f3a-main", "p-7f3a-m02-x", "q-7f3a"] {
            assert!(!is_of("p-7f3a", node), "{node}");
        }
    }
}
