//! A container that holds a server's address: it only waits, and the server's container uses its
//! network, as in a pod. Docker assigns a new address at each start (it grants a requested one only
//! on networks with a configured subnet, which kind's are not), so a restarted server would change
//! its address. And while the server is stopped, its port refuses connections, as that of a dead
//! server.

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

/// Memory limit in bytes; Docker requires at least 6 MiB.
const MEMORY: i64 = 32 << 20;

/// Its name.
pub(super) fn name(server: &str) -> String {
    format!("{server}-address")
}

/// The sandbox of a server.
pub(super) fn for_server(server: &Container) -> Container {
    Container { engine: server.engine.clone(), name: name(&server.name) }
}

/// Starts it with these host names on a network; returns its address.
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
