//! Spark's objects in a namespace: pods, ConfigMaps, Services, PVCs, StatefulSets, NetworkPolicies.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::labels::{KUBE_RUN, KUBE_SCOPE};
use sparkproof_judge::Leftovers;

use super::pod_list::status;

/// The ConfigMap that Kubernetes creates in every namespace.
const ROOT_CA: &str = "kube-root-ca.crt";

/// Which objects to look for in a namespace.
#[derive(Debug, Clone, Default)]
pub struct LeftoverQuery {
    /// Only objects with this label, if the namespace is the user's.
    pub selector: Option<String>,
    /// Resources that the account may not list, as kubectl writes them (`configmaps`,
    /// `statefulsets.apps`).
    pub unseen: Vec<String>,
}

impl LeftoverQuery {
    async fn list<K>(&self, client: &kube::Client, namespace: &str) -> kube::Result<Vec<K>>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let kind = K::DynamicType::default();
        let (plural, group) = (K::plural(&kind), K::group(&kind));
        let named = format!("{plural}.{group}");
        if self.unseen.iter().any(|kind| *kind == named.trim_end_matches('.')) {
            return Ok(Vec::new());
        }
        let params = ListParams { label_selector: self.selector.clone(), ..ListParams::default() };
        Ok(Api::namespaced(client.clone(), namespace).list(&params).await?.items)
    }
}

/// Lists the session's objects: in sparkproof's own namespace all objects except those that sparkproof
/// made itself.
///
/// # Errors
/// Environment: the API server refuses to list them.
pub async fn leftovers(
    client: &kube::Client,
    namespace: &str,
    look: &LeftoverQuery,
) -> Result<Leftovers> {
    let (pods, maps, services, claims, sets, policies) = tokio::try_join!(
        look.list::<Pod>(client, namespace),
        look.list::<ConfigMap>(client, namespace),
        look.list::<Service>(client, namespace),
        look.list::<PersistentVolumeClaim>(client, namespace),
        look.list::<StatefulSet>(client, namespace),
        look.list::<NetworkPolicy>(client, namespace),
    )
    .or_environment(format!("listing what namespace {namespace} holds"))?;
    Ok(Leftovers {
        // A driver's pod that sparkproof made owns other objects; it is deleted with the namespace.
        pods: pods
            .iter()
            .filter(|pod| !pod.labels().contains_key(KUBE_SCOPE))
            .map(|pod| (pod.name_any(), status(pod)))
            .collect(),
        config_maps: names(&maps).filter(|n| n != ROOT_CA).collect(),
        services: names(&services).collect(),
        claims: names(&claims).collect(),
        stateful_sets: names(&sets).collect(),
        network_policies: names(&policies).collect(),
    })
}

/// Deletes these objects without a grace period, because the driver is gone.
///
/// # Errors
/// Environment: the API server refuses a deletion.
pub async fn delete_leftovers(
    left: &Leftovers,
    client: &kube::Client,
    namespace: &str,
) -> Result<()> {
    let deleted = async {
        delete_all::<StatefulSet>(client, namespace, &left.stateful_sets).await?;
        delete_all::<Pod>(client, namespace, left.pods.keys()).await?;
        delete_all::<ConfigMap>(client, namespace, &left.config_maps).await?;
        delete_all::<Service>(client, namespace, &left.services).await?;
        delete_all::<NetworkPolicy>(client, namespace, &left.network_policies).await?;
        delete_all::<PersistentVolumeClaim>(client, namespace, &left.claims).await
    };
    deleted.await.or_environment(format!("deleting what a killed driver left in {namespace}"))
}

/// Deletes objects of a kind; those that do not exist are no error.
async fn delete_all<K>(
    client: &kube::Client,
    namespace: &str,
    names: impl IntoIterator<Item = &String>,
) -> kube::Result<()>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let now = DeleteParams::default().grace_period(0);
    for name in names {
        match api.delete(name, &now).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => drop(deleted?),
        }
    }
    Ok(())
}

/// Names of objects without sparkproof's label. Those with it were made by sparkproof for the session,
/// and are deleted with the namespace.
fn names<K: ResourceExt>(items: &[K]) -> impl Iterator<Item = String> {
    items.iter().filter(|k| !k.labels().contains_key(KUBE_RUN)).map(ResourceExt::name_any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;

    /// An API server that has objects of one kind only.
    fn server(of: &'static str, objects: &'static [&'static str]) -> kube::Client {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((request, reply)) = handle.next_request().await {
                let kind = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
                let names: &[&str] = if kind == of { objects } else { &[] };
                let items: Vec<_> =
                    names.iter().map(|n| json!({"metadata": {"name": n}})).collect();
                let list =
                    json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items});
                let body = Body::from(serde_json::to_vec(&list).expect("json"));
                reply.send_response(Response::new(body));
            }
        });
        kube::Client::new(service, "default")
    }

    #[tokio::test]
    async fn the_root_ca_is_not_a_leftover() {
        let held = leftovers(&server("configmaps", &[ROOT_CA]), "n", &LeftoverQuery::default())
            .await
            .expect("listed");
        assert!(held.is_empty(), "{held}");
    }

    #[tokio::test]
    async fn a_config_map_of_spark_is() {
        let server = server("configmaps", &[ROOT_CA, "spark-exec-0-conf-map"]);
        let held = leftovers(&server, "n", &LeftoverQuery::default()).await.expect("listed");
        assert_eq!(held.to_string(), "configmap spark-exec-0-conf-map");
        let blind =
            LeftoverQuery { unseen: vec!["configmaps".to_owned()], ..LeftoverQuery::default() };
        assert!(leftovers(&server, "n", &blind).await.expect("listed").is_empty());
    }

    #[tokio::test]
    async fn a_network_policy_is_one() {
        let server = server("networkpolicies", &["pi-policy"]);
        let held = leftovers(&server, "n", &LeftoverQuery::default()).await.expect("listed");
        assert_eq!(held.to_string(), "networkpolicy pi-policy");
        let blind = LeftoverQuery {
            unseen: vec!["networkpolicies.networking.k8s.io".to_owned()],
            ..LeftoverQuery::default()
        };
        assert!(leftovers(&server, "n", &blind).await.expect("listed").is_empty());
    }

    #[tokio::test]
    async fn a_stateful_set_is_one_and_is_told_with_its_group() {
        let server = server("statefulsets", &["spark-s-0"]);
        let held = leftovers(&server, "n", &LeftoverQuery::default()).await.expect("listed");
        assert_eq!(held.to_string(), "statefulset spark-s-0");
        let blind = LeftoverQuery {
            unseen: vec!["statefulsets.apps".to_owned()],
            ..LeftoverQuery::default()
        };
        assert!(leftovers(&server, "n", &blind).await.expect("listed").is_empty());
    }
}
