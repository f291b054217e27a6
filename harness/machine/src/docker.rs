//! Docker objects of runs: found by label; removed by name after their label was verified.

use std::collections::{BTreeMap, HashMap};

use bollard::errors::Error as DockerError;
use bollard::models::{
    ContainerSummary, EndpointSettings, NetworkDisconnectRequest, NetworkInspect,
};
use bollard::query_parameters::{
    InspectContainerOptions, InspectNetworkOptions, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::StreamExt;
use futures::future::try_join_all;
use sparkproof_base::RunLabel;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::REMOVAL_ENDS;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::ledger::labels::{KIND_CLUSTER, RUN, SCOPE};
use tokio::time::timeout;

use crate::engine::{Engine, gone};

/// Connects to the daemon of a ledger entry.
pub async fn at(host: &str) -> Result<Engine> {
    Engine::at(host).await?.ok_or_else(|| {
        Error::environment(format!("the Docker daemon at {host} does not answer"))
            .remedy("start it again, then run `sparkproof sweep`")
    })
}

fn is_of_run(labels: Option<&HashMap<String, String>>, run: &RunLabel) -> bool {
    labels.and_then(|labels| labels.get(RUN)).is_some_and(|label| *label == **run)
}

/// Removes a container with its anonymous volumes, if it has the run's label.
pub async fn remove_container(engine: &Engine, name: &str, run: &RunLabel) -> Result<()> {
    match has_container(engine, name, run).await? {
        true => force_remove(engine, name).await,
        false => Ok(()),
    }
}

/// Removes a container of the context's run and records that it is gone.
pub async fn release_container(context: &Context, engine: &Engine, name: &str) -> Result<()> {
    remove_container(engine, name, context.run.label()).await?;
    context
        .run
        .released(&OwnedResource::Container { docker: engine.host.clone(), name: name.to_owned() })
}

/// Removes a container with its anonymous volumes, running or not, and waits until it is gone.
pub async fn force_remove(engine: &Engine, name: &str) -> Result<()> {
    let what = || format!("removing container {name}");
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match gone(engine.docker.remove_container(name, Some(options)).await) {
        // Another removal is under way; the container exists until that is done.
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

/// Waits for the end of another removal.
async fn removed(engine: &Engine, name: &str) -> Result<(), DockerError> {
    let options = WaitContainerOptionsBuilder::new().condition("removed").build();
    let mut end = engine.docker.wait_container(name, Some(options));
    match end.next().await {
        // The exit status of its main process does not matter.
        Some(Err(DockerError::DockerContainerWaitError { error, .. })) if error.is_empty() => {
            Ok(())
        }
        Some(end) => gone(end).map(drop),
        None => Ok(()),
    }
}

/// Whether there is a container of this name with the run's label.
pub async fn has_container(engine: &Engine, name: &str, run: &RunLabel) -> Result<bool> {
    let found = engine.docker.inspect_container(name, None::<InspectContainerOptions>).await;
    let found = gone(found).or_environment(format!("inspecting container {name}"))?;
    let config = found.and_then(|container| container.config);
    Ok(config.is_some_and(|config| is_of_run(config.labels.as_ref(), run)))
}

/// The id of a network, if it has the run's label.
pub async fn network_of_run(
    engine: &Engine,
    name: &str,
    run: &RunLabel,
) -> Result<Option<NetworkInspect>> {
    let found = engine.docker.inspect_network(name, None::<InspectNetworkOptions>).await;
    let found = gone(found).or_environment(format!("inspecting network {name}"))?;
    Ok(found.filter(|network| is_of_run(network.labels.as_ref(), run)))
}

/// Removes a network, if it has the run's label, and the kind nodes that are attached to it, which
/// for that reason belong to the run. Other containers are detached.
pub async fn remove_network(engine: &Engine, name: &str, run: &RunLabel) -> Result<()> {
    let Some(network) = network_of_run(engine, name, run).await? else { return Ok(()) };
    let nodes = kind_containers(engine, KIND_CLUSTER).await?;
    let nodes = nodes.into_iter().filter(|node| hangs_on(node, &network));
    let names: Vec<String> = nodes.filter_map(|node| first_name(node.names?)).collect();
    try_join_all(names.iter().map(|node| force_remove(engine, node))).await?;
    force_remove_network(engine, network).await
}

/// Detaches all containers from a network and removes it.
pub async fn force_remove_network(engine: &Engine, network: NetworkInspect) -> Result<()> {
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
pub async fn kind_nodes(engine: &Engine, cluster: &str) -> Result<Vec<String>> {
    let nodes = kind_containers(engine, &format!("{KIND_CLUSTER}={cluster}")).await?;
    let mut names: Vec<String> =
        nodes.into_iter().filter_map(|node| first_name(node.names?)).collect();
    names.sort();
    Ok(names)
}

async fn kind_containers(engine: &Engine, label: &str) -> Result<Vec<ContainerSummary>> {
    let filters = HashMap::from([("label", vec![label])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    engine.docker.list_containers(Some(options)).await.or_environment("listing containers")
}

/// Docker's first name of a container, without its slash.
pub fn first_name(names: Vec<String>) -> Option<String> {
    Some(names.first()?.trim_start_matches('/').to_owned())
}

/// Whether a container, running or not, is attached to a network. Compares ids, since a later
/// network may have the same name; a container that was never started has only the name.
fn hangs_on(container: &ContainerSummary, network: &NetworkInspect) -> bool {
    let settings = container.network_settings.as_ref();
    let networks = settings.and_then(|settings| settings.networks.as_ref());
    let is_it =
        |(name, endpoint): (&String, &EndpointSettings)| match endpoint.network_id.as_deref() {
            None | Some("") => network.name.as_ref() == Some(name),
            id => id == network.id.as_deref(),
        };
    networks.is_some_and(|networks| networks.iter().any(is_it))
}

/// The node containers with the name of a cluster, by whether they belong to a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    /// Those of the run.
    pub of_run: Vec<String>,
    /// Those that are not of the run, or may not be.
    pub others: Vec<String>,
}

impl Nodes {
    /// Adds a container.
    pub fn add(&mut self, name: String, is_of_run: bool) {
        if is_of_run { self.of_run.push(name) } else { self.others.push(name) }
    }

    /// Why the others are kept, if there are any.
    pub fn kept(&self, run: &str, mark: &str) -> Option<String> {
        (!self.others.is_empty())
            .then(|| format!("{}: not of run {run}, {mark}", self.others.join(", ")))
    }
}

/// The reason of [`Nodes::kept`] for nodes of a kind cluster.
pub const MARK: &str = "whose network it is not attached to";

/// Nodes of a kind cluster. Those on the run's labelled network belong to the run. A cluster that a
/// user made under the same name is on another network.
pub async fn kind_cluster(engine: &Engine, cluster: &str, run: &RunLabel) -> Result<Nodes> {
    let network = network_of_run(engine, cluster, run).await?;
    let mut nodes = Nodes::default();
    for node in kind_containers(engine, &format!("{KIND_CLUSTER}={cluster}")).await? {
        let is_of_run = network.as_ref().is_some_and(|network| hangs_on(&node, network));
        nodes.add(node.names.and_then(first_name).unwrap_or_default(), is_of_run);
    }
    Ok(nodes)
}

/// An object in a daemon that has a run's label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The run in its label.
    pub run: RunLabel,
    /// The scope in its label.
    pub scope: String,
}

/// The kind of an object, in the order in which they can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A container.
    Container,
    /// A network.
    Network,
    /// A volume.
    Volume,
}

impl Kind {
    /// The kind, in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Container => "container",
            Kind::Network => "network",
            Kind::Volume => "volume",
        }
    }
}

impl std::fmt::Display for Labelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} of run {}", self.kind.as_str(), self.name, self.run)
    }
}

/// All objects in a daemon that have a run's label, containers first.
pub async fn labelled(engine: &Engine) -> Result<Vec<Labelled>> {
    let docker = &engine.docker;
    let what = "listing labelled Docker objects";
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
        .filter_map(|(kind, name, labels)| {
            let value = |label| labels.get(label).cloned().unwrap_or_default();
            // A label that is not a run's id was not written by sparkproof.
            let run = value(RUN).parse().ok()?;
            Some(Labelled { kind, name, run, scope: value(SCOPE) })
        })
        .collect())
}

/// Removes it.
pub async fn remove(engine: &Engine, found: &Labelled) -> Result<()> {
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
pub async fn everything(engine: &Engine) -> Result<BTreeMap<&'static str, Vec<String>>> {
    let docker = &engine.docker;
    let what = "listing Docker's objects";
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

    use serde_json::json;

    use super::*;
    use crate::engine::fake::{self, Then, fake_docker};
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn a_removal_that_is_under_way_is_waited_for() {
        let (_context, keep) = test_context();
        let waited = Arc::new(AtomicBool::new(false));
        let seen = waited.clone();
        let engine = fake_docker(&keep.path().join("docker.sock"), move |request| {
            let busy = r#"{"message":"removal of container x is already in progress"}"#;
            if request.starts_with("DELETE") {
                return Some((fake::json(409, busy), Then::Closed));
            }
            let asked = request.contains("/wait?") && request.contains("condition=removed");
            seen.fetch_or(asked, Ordering::Relaxed);
            asked.then(|| (fake::json(200, r#"{"StatusCode":137}"#), Then::Closed))
        })
        .await;
        force_remove(&engine, "x").await.expect("removed in the end");
        assert!(waited.load(Ordering::Relaxed), "not counted as removed at once");
    }

    #[test]
    fn a_node_of_a_later_cluster_of_the_same_name_hangs_on_another_network() {
        let network: NetworkInspect =
            serde_json::from_value(json!({ "Name": "dev", "Id": "1a" })).expect("a network");
        let node = |networks: serde_json::Value| {
            let summary = json!({ "NetworkSettings": { "Networks": networks } });
            serde_json::from_value::<ContainerSummary>(summary).expect("a container")
        };
        for (networks, expected) in [
            (json!({ "dev": { "NetworkID": "1a" } }), true),
            (json!({ "dev": { "NetworkID": "1a" }, "bridge": { "NetworkID": "0" } }), true),
            (json!({ "dev": { "NetworkID": "" } }), true),
            (json!({ "kind": { "NetworkID": "2b" } }), false),
            (json!({ "kind": { "NetworkID": "" } }), false),
            (json!({ "dev": { "NetworkID": "2b" } }), false),
            (json!({}), false),
        ] {
            assert_eq!(hangs_on(&node(networks.clone()), &network), expected, "{networks}");
        }
    }
}
