//! Docker objects: removed by name when their label says whose they are, found by label.

use std::collections::{BTreeMap, HashMap};

use bollard::errors::Error as DockerError;
use bollard::models::{NetworkDisconnectRequest, NetworkInspect};
use bollard::query_parameters::{
    InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use futures::future::try_join_all;
use tokio::time::timeout;

use super::labels::{KIND_CLUSTER, RUN, SCOPE};
use crate::deadlines::REMOVAL_ENDS;
use crate::engine::Engine;
use crate::error::{Error, OrFail, Result};

/// The daemon of a ledger entry.
pub(super) async fn at(host: &str) -> Result<Engine> {
    Engine::at(host).await?.ok_or_else(|| {
        Error::environment(format!("the Docker daemon at {host} does not answer"))
            .remedy("start it again, then run `sparkproof sweep`")
    })
}

/// What is not there is as good as removed.
pub(super) fn gone<T>(result: Result<T, DockerError>) -> Result<Option<T>, DockerError> {
    match result {
        Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        result => result.map(Some),
    }
}

fn is_of_run(labels: Option<&HashMap<String, String>>, run: &str) -> bool {
    labels.and_then(|labels| labels.get(RUN)).is_some_and(|label| label == run)
}

/// Removes a container with its anonymous volumes, when it carries the run's label.
pub(super) async fn remove_container(engine: &Engine, name: &str, run: &str) -> Result<()> {
    let found = engine.docker.inspect_container(name, None::<InspectContainerOptions>).await;
    let found = gone(found).or_environment(format!("looking at container {name}"))?;
    match found.and_then(|c| c.config) {
        Some(config) if is_of_run(config.labels.as_ref(), run) => force_remove(engine, name).await,
        _ => Ok(()),
    }
}

/// Removes a container with its anonymous volumes, running or not, and waits until it is gone.
pub(super) async fn force_remove(engine: &Engine, name: &str) -> Result<()> {
    let what = || format!("removing container {name}");
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match gone(engine.docker.remove_container(name, Some(options)).await) {
        // Somebody else removes it already. It is there until that is done.
        Err(DockerError::DockerResponseServerError { status_code: 409, message }) => {
            let removed = timeout(REMOVAL_ENDS, removed(engine, name)).await;
            let late = |_| {
                let seconds = REMOVAL_ENDS.as_secs();
                Error::environment(format!("{}: {message} after {seconds} s", what()))
            };
            removed.map_err(late)?.or_environment(what())
        }
        removed => removed.map(drop).or_environment(what()),
    }
}

/// Waits for the end of a removal that is under way.
async fn removed(engine: &Engine, name: &str) -> Result<(), DockerError> {
    let options = WaitContainerOptionsBuilder::new().condition("removed").build();
    let mut end = engine.docker.wait_container(name, Some(options));
    match end.next().await {
        // The status of its first process, whatever that was.
        Some(Err(DockerError::DockerContainerWaitError { error, .. })) if error.is_empty() => {
            Ok(())
        }
        Some(end) => gone(end).map(drop),
        None => Ok(()),
    }
}

/// Removes a network, when it carries the run's label; what is still attached is detached.
pub(super) async fn remove_network(engine: &Engine, name: &str, run: &str) -> Result<()> {
    let docker = &engine.docker;
    let what = || format!("removing network {name}");
    let found = docker.inspect_network(name, None::<InspectNetworkOptions>).await;
    let Some(network) = gone(found).or_environment(what())? else { return Ok(()) };
    if !is_of_run(network.labels.as_ref(), run) {
        return Ok(());
    }
    force_remove_network(engine, network).await
}

/// Detaches what is still attached, and removes it.
pub(super) async fn force_remove_network(engine: &Engine, network: NetworkInspect) -> Result<()> {
    let docker = &engine.docker;
    let name = &network.name.unwrap_or_default();
    let what = || format!("removing network {name}");
    for container in network.containers.unwrap_or_default().into_keys() {
        let detach = NetworkDisconnectRequest { container, force: Some(true) };
        gone(docker.disconnect_network(name, detach).await).or_environment(what())?;
    }
    gone(docker.remove_network(name).await).or_environment(what())?;
    Ok(())
}

/// Names of the node containers of a kind cluster, running or not, sorted.
pub(crate) async fn kind_nodes(engine: &Engine, cluster: &str) -> Result<Vec<String>> {
    let filters = HashMap::from([("label", vec![format!("{KIND_CLUSTER}={cluster}")])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let nodes = engine.docker.list_containers(Some(options)).await;
    let nodes = nodes.or_environment("listing containers")?;
    let mut names: Vec<String> =
        nodes.into_iter().filter_map(|node| first_name(node.names?)).collect();
    names.sort();
    Ok(names)
}

pub(super) fn first_name(names: Vec<String>) -> Option<String> {
    Some(names.first()?.trim_start_matches('/').to_owned())
}

/// Removes all nodes of a kind cluster with their volumes, side by side.
pub(super) async fn remove_kind_cluster(engine: &Engine, cluster: &str) -> Result<()> {
    let nodes = kind_nodes(engine, cluster).await?;
    try_join_all(nodes.iter().map(|node| force_remove(engine, node))).await?;
    Ok(())
}

/// Something in a daemon that carries a run's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) run: String,
    pub(super) scope: String,
}

/// What it is, in the order in which it can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Container,
    Network,
    Volume,
}

impl std::fmt::Display for Labelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = format!("{:?}", self.kind).to_lowercase();
        write!(f, "{kind} {} of run {}", self.name, self.run)
    }
}

/// Everything in a daemon that carries a run's label, containers first.
pub(super) async fn labelled(engine: &Engine) -> Result<Vec<Labelled>> {
    let docker = &engine.docker;
    let what = "listing what carries our label";
    let filters = HashMap::from([("label", vec![RUN])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let containers = docker.list_containers(Some(options)).await.or_environment(what)?;
    let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
    let networks = docker.list_networks(Some(options)).await.or_environment(what)?;
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = docker.list_volumes(Some(options)).await.or_environment(what)?;
    let containers = containers
        .into_iter()
        .filter_map(|c| Some((Kind::Container, first_name(c.names?)?, c.labels?)));
    let networks = networks.into_iter().filter_map(|n| Some((Kind::Network, n.name?, n.labels?)));
    let volumes = volumes.volumes.unwrap_or_default().into_iter();
    let volumes = volumes.map(|v| (Kind::Volume, v.name, v.labels));
    let all = containers.chain(networks).chain(volumes);
    Ok(all
        .map(|(kind, name, labels)| {
            let value = |label| labels.get(label).cloned().unwrap_or_default();
            Labelled { kind, name, run: value(RUN), scope: value(SCOPE) }
        })
        .collect())
}

/// Removes it.
pub(super) async fn remove(engine: &Engine, found: &Labelled) -> Result<()> {
    match found.kind {
        Kind::Container => force_remove(engine, &found.name).await,
        Kind::Network => remove_network(engine, &found.name, &found.run).await,
        Kind::Volume => {
            let options = RemoveVolumeOptionsBuilder::new().force(true).build();
            let removed = engine.docker.remove_volume(&found.name, Some(options)).await;
            gone(removed).or_environment(format!("removing volume {}", found.name))?;
            Ok(())
        }
    }
}

/// Containers (with state), networks and volumes of a daemon, by kind and name.
pub(super) async fn everything(engine: &Engine) -> Result<BTreeMap<&'static str, Vec<String>>> {
    let docker = &engine.docker;
    let what = "listing what Docker holds";
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let containers = docker.list_containers(Some(options)).await.or_environment(what)?;
    let options = ListNetworksOptionsBuilder::new().build();
    let networks = docker.list_networks(Some(options)).await.or_environment(what)?;
    let options = ListVolumesOptionsBuilder::new().build();
    let volumes = docker.list_volumes(Some(options)).await.or_environment(what)?;
    Ok(BTreeMap::from([
        ("container", containers.into_iter().filter_map(|c| first_name(c.names?)).collect()),
        ("network", networks.into_iter().filter_map(|n| n.name).collect()),
        ("volume", volumes.volumes.unwrap_or_default().into_iter().map(|v| v.name).collect()),
    ]))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::engine::fake::{Then, fake_docker, json};
    use crate::ledger::test_context;

    #[tokio::test]
    async fn a_removal_that_is_under_way_is_waited_for() {
        let (_context, keep) = test_context();
        let waited = Arc::new(AtomicBool::new(false));
        let seen = waited.clone();
        let engine = fake_docker(&keep.path().join("docker.sock"), move |request| {
            let busy = r#"{"message":"removal of container x is already in progress"}"#;
            if request.starts_with("DELETE") {
                return Some((json(409, busy), Then::Closed));
            }
            let asked = request.contains("/wait?") && request.contains("condition=removed");
            seen.fetch_or(asked, Ordering::Relaxed);
            asked.then(|| (json(200, r#"{"StatusCode":137}"#), Then::Closed))
        })
        .await;
        force_remove(&engine, "x").await.expect("removed in the end");
        assert!(waited.load(Ordering::Relaxed), "not counted as removed at once");
    }
}
