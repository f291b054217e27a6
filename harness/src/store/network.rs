//! A Docker network for a server that runs alone.

use bollard::models::NetworkCreateRequest;

use crate::context::Context;
use crate::engine::Engine;
use crate::error::{OrFail, Result};
use crate::ledger::{Owned, Scope, labels};

/// Makes a network of the run; its name.
///
/// # Errors
/// Environment: Docker refused it, for example because a network has that name.
pub async fn own_network(context: &Context, engine: &Engine, scope: Scope) -> Result<String> {
    let name = format!("sparkproof-{}", context.run.id());
    context.run.own(Owned::Network { docker: engine.host.clone(), name: name.clone() })?;
    let network = NetworkCreateRequest {
        name: name.clone(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels::docker(context.run.id(), scope.into())),
        ..Default::default()
    };
    let create = async {
        engine.docker.create_network(network).await.or_environment(format!("network {name}"))
    };
    context.cancel.guard(create).await?;
    Ok(name)
}
