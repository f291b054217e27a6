//! A Docker network for a server that runs alone.

use bollard::models::NetworkCreateRequest;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::{OwnedResource, Scope, labels};

use super::{Engine, made};

/// Makes a network of the run; its name.
///
/// # Errors
/// Bad input: a network has that name. Environment: Docker refused it.
pub async fn own_network(context: &Context, engine: &Engine, scope: Scope) -> Result<String> {
    let name = format!("sparkproof-{}", context.run.id());
    context.cancel.guard(engine.refuse_network(&name)).await?;
    let owned = OwnedResource::Network { docker: engine.host.clone(), name: name.clone() };
    context.run.record(owned.clone())?;
    let network = NetworkCreateRequest {
        name: name.clone(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels::docker(context.run.id(), scope.into())),
        ..Default::default()
    };
    let create = async {
        let created = engine.docker.create_network(network).await;
        made(context, &owned, created)?.or_environment(format!("network {name}"))
    };
    context.cancel.guard(create).await?;
    Ok(name)
}
