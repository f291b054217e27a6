//! Objects in a cluster.

use kube::api::ListParams;
use kube::core::DynamicObject;
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client, ResourceExt};
use sparkproof_base::error::{ErrorContext, Result};

use crate::reclaim::inventory::Inventory;

/// Kinds that the cluster creates and deletes all the time.
const VOLATILE: [&str; 4] = ["Event", "Lease", "PodMetrics", "NodeMetrics"];

/// Adds the names of all objects of every kind that can be listed, of one namespace if it is given,
/// where no Lease is a controller's.
pub(super) async fn collect(
    client: &Client,
    namespace: Option<&str>,
    inventory: &mut Inventory,
) -> Result<()> {
    let discovery = Discovery::new(client.clone()).run().await;
    let discovery = discovery.or_environment("asking for the cluster's kinds")?;
    let resources = discovery.groups().flat_map(|group| group.recommended_resources());
    for (resource, capabilities) in resources {
        let volatile = VOLATILE.contains(&resource.kind.as_str())
            && !(resource.kind == "Lease" && namespace.is_some());
        let elsewhere = namespace.is_some() && capabilities.scope == Scope::Cluster;
        if !capabilities.supports_operation(verbs::LIST) || volatile || elsewhere {
            continue;
        }
        let kind = format!("kubernetes {}", resource.kind);
        let api: Api<DynamicObject> = match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        };
        match api.list_metadata(&ListParams::default()).await {
            Ok(list) => {
                let name = |object: &kube::core::PartialObjectMeta<DynamicObject>| match object
                    .namespace()
                {
                    Some(namespace) => format!("{namespace}/{}", object.name_any()),
                    None => object.name_any(),
                };
                inventory.add(&kind, list.iter().map(name));
            }
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                inventory.not_seen.insert(kind, status.message.clone());
            }
            // 405: the kind cannot be listed, although discovery says so; 404: it is gone.
            Err(kube::Error::Api(status)) if [404, 405].contains(&status.code) => {}
            Err(e) => return Err(e).or_environment(format!("listing every {}", resource.kind)),
        }
    }
    Ok(())
}
