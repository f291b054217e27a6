//! What holds a server's address: a container that only waits, whose network the server's container
//! uses, as in a pod. Docker gives an address anew at each start (one asked for it grants on networks
//! with a configured subnet only, which kind's are not), so a server that is stopped and started
//! would come back elsewhere. And while it is stopped its port refuses, as that of a dead server.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig};
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::ledger::labels;
use sparkproof_catalog::StoreKind;
use sparkproof_machine::engine::{Container, Engine};

use super::StoreRequest;
use super::serving::idle;

/// Memory of a process that waits, in bytes; Docker wants at least 6 MiB.
const MEMORY: i64 = 32 << 20;

/// Its name.
pub(super) fn name(server: &str) -> String {
    format!("{server}-address")
}

/// That of a server, by name.
pub(super) fn of(server: &Container) -> Container {
    Container { engine: server.engine.clone(), name: name(&server.name) }
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
    let endpoint = EndpointSettings { aliases: Some(aliases), ..Default::default() };
    let kind: StoreKind = request.kind;
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(idle(kind).iter().map(|word| (*word).to_owned()).collect()),
        labels: Some(labels::docker(context.run.label(), request.scope.into())),
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
    Container::start(context, engine, &name(server), body).await?.address(context, network).await
}
