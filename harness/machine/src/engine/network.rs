//! Docker networks, of a cluster or of a separate server.

use std::net::IpAddr;

use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::InspectNetworkOptions;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::{OwnedResource, Scope, labels};

use super::{Engine, made};

/// Creates a network of the run; returns its name.
///
/// # Errors
/// Bad input: a network of that name exists. Environment: Docker refused it.
pub async fn own_network(context: &Context, engine: &Engine, scope: Scope) -> Result<String> {
    let name = format!("sparkproof-{}", context.run.id());
    context.cancel.guard(engine.refuse_network(&name)).await?;
    create_network(context, engine, &name, scope).await?;
    Ok(name)
}

/// Creates a network of this name, after recording it.
///
/// # Errors
/// Environment: Docker refused it.
pub async fn create_network(
    context: &Context,
    engine: &Engine,
    name: &str,
    scope: Scope,
) -> Result<()> {
    let owned = OwnedResource::Network { docker: engine.host.clone(), name: name.to_owned() };
    context.run.record(owned.clone())?;
    let network = NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels::docker(context.run.label(), scope.into())),
        ..Default::default()
    };
    let create = async {
        let created = engine.docker.create_network(network).await;
        made(context, &owned, created)?.or_environment(format!("network {name}"))
    };
    context.cancel.guard(create).await.map(drop)
}

/// The address of this host in a network: its gateway.
///
/// # Errors
/// Environment: the network has no IPv4 gateway, or cannot be inspected.
pub async fn gateway(engine: &Engine, network: &str) -> Result<IpAddr> {
    let seen = engine
        .docker
        .inspect_network(network, None::<InspectNetworkOptions>)
        .await
        .or_environment(format!("inspecting the network {network}"))?;
    seen.ipam
        .and_then(|ipam| ipam.config)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|config| config.gateway?.parse::<IpAddr>().ok())
        // IPv4 only: Spark needs one family, and `hostname -i` of a dual-stack pod prints IPv6
        // first.
        .find(IpAddr::is_ipv4)
        .ok_or_else(|| Error::environment(format!("the network {network} has no IPv4 gateway")))
}
