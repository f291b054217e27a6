//! What a cluster holds.

use kube::api::ListParams;
use kube::core::DynamicObject;
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, Client, ResourceExt};
use sparkproof_base::error::{ErrorContext, Result};

use crate::reclaim::inventory::Inventory;

/// Kinds that the cluster itself makes and forgets all the time.
const VOLATILE: [&str; 4] = ["Event", "Lease", "PodMetrics", "NodeMetrics"];

/// Names of every object of every kind that can be listed; of one namespace when asked, where no
/// Lease is a controller's.
pub(super) async fn look(
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
            // A kind that says it can be listed and cannot, by anybody; one that went meanwhile.
            Err(kube::Error::Api(status)) if [404, 405].contains(&status.code) => {}
            Err(e) => return Err(e).or_environment(format!("listing every {}", resource.kind)),
        }
    }
    Ok(())
}
