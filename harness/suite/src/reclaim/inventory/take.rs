//! Takes an inventory.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::PhaseGuard;
use sparkproof_kubernetes::cluster::{Via, client_of};

use super::{engine, files, host, kubernetes, processes};
use crate::reclaim::SharedCluster;
use crate::reclaim::inventory::Inventory;

/// Takes an inventory of this machine, and of a cluster. The host comes first, because listing the
/// objects in sparkproof's daemon starts it.
///
/// # Errors
/// Environment: a part could not be read. Bad input: the kubeconfig cannot be used.
pub async fn take(
    context: &Context,
    phase: &PhaseGuard,
    cluster: Option<&SharedCluster>,
) -> Result<Inventory> {
    let mut inventory = Inventory { processes: processes::all(), ..Inventory::default() };
    host::collect(context, &mut inventory).await?;
    files::collect(context, &mut inventory);
    if let Some(SharedCluster { kubeconfig, context: of, namespace }) = cluster {
        let (of, namespace) = (of.as_deref(), namespace.as_deref());
        let client = client_of(kubeconfig, of, Via::AsKubectl).await?;
        context.cancel.guard(kubernetes::collect(&client, namespace, &mut inventory)).await?;
    }
    engine::collect(context, phase, &mut inventory).await?;
    engine::packages(context, &mut inventory).await;
    Ok(inventory)
}
