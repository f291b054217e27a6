//! Taking an inventory.

use std::path::PathBuf;

use super::{Inventory, engine, files, host, kubernetes, processes};
use crate::cluster::client_of;
use crate::context::Context;
use crate::error::Result;
use crate::events::PhaseGuard;

/// What to look at beside this machine.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Kubeconfig of a cluster.
    pub kubeconfig: Option<PathBuf>,
    /// Its context; none for the current one.
    pub context: Option<String>,
    /// Only this namespace of it.
    pub namespace: Option<String>,
}

/// Looks at everything. The host first, since looking into a daemon of ours starts it.
///
/// # Errors
/// Environment: something could not be read. Bad input: the kubeconfig cannot be used.
pub async fn take(context: &Context, phase: &PhaseGuard, request: &Request) -> Result<Inventory> {
    let mut inventory = Inventory { processes: processes::all(), ..Inventory::default() };
    host::look(context, &mut inventory).await?;
    files::look(context, &mut inventory);
    if let Some(kubeconfig) = &request.kubeconfig {
        let namespace = request.namespace.as_deref();
        let client = client_of(kubeconfig, request.context.as_deref()).await?;
        context.cancel.guard(kubernetes::look(&client, namespace, &mut inventory)).await?;
    }
    engine::look(context, phase, &mut inventory).await?;
    engine::packages(context, &mut inventory).await;
    Ok(inventory)
}
