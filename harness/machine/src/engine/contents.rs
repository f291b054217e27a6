//! The contents of sparkproof's daemon when its last user leaves.

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptions, ListVolumesOptions,
    RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::labels::SCOPE;

use super::Engine;

/// Networks that every daemon has.
const PREDEFINED: [&str; 3] = ["bridge", "host", "none"];

/// What happens to the contents when the daemon stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Removed.
    Go,
    /// Kept, after an inspection.
    Stay,
}

/// The bridges of a daemon's networks, which outlive it.
pub(super) async fn bridges(engine: &Engine) -> Result<Vec<String>> {
    let networks = engine.docker.list_networks(None::<ListNetworksOptions>).await;
    let networks = networks.or_environment("listing Docker's networks")?;
    let bridge = |network: bollard::models::Network| {
        let named = network.options.unwrap_or_default().remove("com.docker.network.bridge.name");
        let by_id = || network.id.as_deref().and_then(|id| Some(format!("br-{}", id.get(..12)?)));
        (network.driver.as_deref() == Some("bridge")).then(|| named.or_else(by_id)).flatten()
    };
    Ok(networks.into_iter().filter_map(bridge).collect())
}

/// Removes containers, networks and volumes, also those without a label: a killed image build
/// leaves such containers, and a network that stays occupies its addresses. Images stay as a cache,
/// and so do objects with another scope than `run`.
pub(super) async fn empty(engine: &Engine) -> Result<()> {
    let docker = &engine.docker;
    let what = "emptying the sparkproof Docker daemon";
    let options = ListContainersOptionsBuilder::new().all(true).build();
    for container in docker.list_containers(Some(options)).await.or_environment(what)? {
        if is_nobodys(container.labels.as_ref().and_then(|labels| labels.get(SCOPE))) {
            let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
            let id = container.id.unwrap_or_default();
            docker.remove_container(&id, Some(options)).await.or_environment(what)?;
        }
    }
    let networks = docker.list_networks(None::<ListNetworksOptions>).await;
    for network in networks.or_environment(what)? {
        let name = network.name.unwrap_or_default();
        let scope = network.labels.as_ref().and_then(|labels| labels.get(SCOPE));
        if is_nobodys(scope) && !PREDEFINED.contains(&name.as_str()) {
            docker.remove_network(&name).await.or_environment(what)?;
        }
    }
    let volumes = docker.list_volumes(None::<ListVolumesOptions>).await.or_environment(what)?;
    for volume in volumes.volumes.unwrap_or_default() {
        if is_nobodys(volume.labels.get(SCOPE)) {
            let options = RemoveVolumeOptionsBuilder::new().force(true).build();
            docker.remove_volume(&volume.name, Some(options)).await.or_environment(what)?;
        }
    }
    Ok(())
}

fn is_nobodys(scope: Option<&String>) -> bool {
    scope.is_none_or(|scope| scope == "run")
}
