//! What holds a server's address: a container that only waits, whose network the server's container
//! uses, as in a pod. Docker gives an address anew at each start (one asked for it grants on networks
//! with a configured subnet only, which kind's are not), so a server that is stopped and started
//! would come back elsewhere. And while it is stopped its port refuses, as that of a dead server.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, StartContainerOptions,
};

use super::serving::idle;
use super::{StoreKind, StoreRequest};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{OrFail, Result};
use crate::ledger::{Owned, labels};

/// Memory of a process that waits, in bytes; Docker wants at least 6 MiB.
const MEMORY: i64 = 32 << 20;

/// Its name.
pub(super) fn name(server: &str) -> String {
    format!("{server}-address")
}

/// Its entry in the ledger.
pub(super) fn owned(engine: &Engine, server: &str) -> Owned {
    Owned::Container { docker: engine.host.clone(), name: name(server) }
}

/// Starts it under these names on a network; its address.
pub(super) async fn start(
    context: &Context,
    engine: &Engine,
    network: &str,
    image: &str,
    request: &StoreRequest<'_>,
    (server, aliases): (&str, Vec<String>),
) -> Result<Ipv4Addr> {
    let name = name(server);
    let what = || format!("starting container {name}");
    let endpoint = EndpointSettings { aliases: Some(aliases), ..Default::default() };
    let kind: StoreKind = request.kind;
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(idle(kind).iter().map(|word| (*word).to_owned()).collect()),
        labels: Some(labels::docker(context.run.id(), request.scope.into())),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            memory: Some(MEMORY),
            pids_limit: Some(50),
            cap_drop: Some(vec!["ALL".to_owned()]),
            ..HostConfig::default()
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    };
    context.run.own(owned(engine, server))?;
    let docker = &engine.docker;
    let begin = async {
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        docker.create_container(Some(options), body).await.or_environment(what())?;
        let started = docker.start_container(&name, None::<StartContainerOptions>).await;
        started.or_environment(what())?;
        let seen = docker.inspect_container(&name, None::<InspectContainerOptions>).await;
        seen.or_environment(what())
    };
    let seen = context.cancel.guard(begin).await?;
    let networks = seen.network_settings.and_then(|settings| settings.networks);
    let endpoint = networks.and_then(|mut networks| networks.remove(network));
    let address = endpoint.and_then(|endpoint| endpoint.ip_address).unwrap_or_default();
    address.parse().or_environment(format!("its IPv4 address {address:?} after {}", what()))
}
