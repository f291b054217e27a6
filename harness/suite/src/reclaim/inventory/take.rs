//! Taking an inventory.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::PhaseGuard;
use sparkproof_kubernetes::cluster::{Via, client_of};

use super::{engine, files, host, kubernetes, processes};
use crate::reclaim::SharedCluster;
use crate::reclaim::inventory::Inventory;

/// Looks at everything of this machine, and into a cluster. The host first, since looking into a
/// daemon of ours starts it.
///
/// # Errors
/// Environment: something could not be read. Bad input: the kubeconfig cannot be used.
pub async fn take(
    context: &Context,
    phase: &PhaseGuard,
    cluster: Option<&SharedCluster>,
) -> Result<Inventory> {
    let mut inventory = Inventory { processes: processes::all(), ..Inventory::default() };
    host::look(context, &mut inventory).await?;
    files::look(context, &mut inventory);
    if let Some(SharedCluster { kubeconfig, context: of, namespace }) = cluster {
        let (of, namespace) = (of.as_deref(), namespace.as_deref());
        let client = client_of(kubeconfig, of, Via::AsKubectl).await?;
        context.cancel.guard(kubernetes::look(&client, namespace, &mut inventory)).await?;
    }
    engine::look(context, phase, &mut inventory).await?;
    engine::packages(context, &mut inventory).await;
    Ok(inventory)
}
