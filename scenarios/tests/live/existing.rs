//! A run on an existing cluster, by its kubeconfig, leaves the cluster unchanged.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding};
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use scenarios::commands::{LONG, exe, red};
use scenarios::frame::{Outcome, proof};
use sparkproof::{Error, Result};
use xtask::watched::Watched;

async fn names<K>(client: &Client) -> Result<BTreeSet<String>>
where
    K: Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
    K::DynamicType: Default,
{
    let all = Api::<K>::all(client.clone()).list(&ListParams::default()).await;
    let all = all.map_err(|e| Error::environment("listing").with_source(e))?;
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let name = |k: &K| format!("{kind} {}/{}", k.namespace().unwrap_or_default(), k.name_any());
    Ok(all.iter().map(name).collect())
}

async fn held(client: &Client) -> Result<BTreeSet<String>> {
    let mut all = names::<Namespace>(client).await?;
    all.extend(names::<ServiceAccount>(client).await?);
    all.extend(names::<Role>(client).await?);
    all.extend(names::<RoleBinding>(client).await?);
    all.extend(names::<ClusterRoleBinding>(client).await?);
    Ok(all)
}

/// The same without what is in namespaces of earlier scenarios, which are being deleted.
async fn held_before(client: &Client) -> Result<BTreeSet<String>> {
    let all = Api::<Namespace>::all(client.clone()).list(&ListParams::default()).await;
    let all = all.map_err(|e| Error::environment("listing").with_source(e))?;
    let ending = all.iter().filter(|of| of.metadata.deletion_timestamp.is_some());
    let ending: Vec<String> = ending.map(|of| of.name_any()).collect();
    let mut held = held(client).await?;
    let is_in = |object: &str, namespace: &str| {
        object == format!("Namespace /{namespace}") || object.contains(&format!(" {namespace}/"))
    };
    held.retain(|object| !ending.iter().any(|namespace| is_in(object, namespace)));
    Ok(held)
}

/// With the guide's permissions, which include a cluster-wide binding: the most that could be left.
#[tokio::test]
async fn an_existing_cluster_is_left_as_it_was() -> Outcome {
    proof("an_existing_cluster_is_left_as_it_was", async |p| {
        let before = held_before(p.client()).await?;
        let cluster = &p.environment.cluster;
        let kubeconfig = cluster.kubeconfig.to_string_lossy();
        let bytes = std::fs::read(&cluster.kubeconfig).unwrap_or_default();
        let host = cluster.host_address.to_string();
        let image = &p.environment.image.reference;
        let mut run = Watched::start(
            &exe(),
            &[
                "run",
                "--kubeconfig",
                &kubeconfig,
                "--image",
                image,
                "--driver-host",
                &host,
                "--executors",
                "1",
                "--executor-cpu",
                "300m",
                "--rbac",
                "guide",
                "--strategies",
                "0,3",
            ],
        )
        .map_err(red)?;
        run.reach("session").map_err(red)?;
        let during = held(p.client()).await?;
        assert!(during.len() > before.len(), "the control: what is created shows");
        let status = run.end(LONG).map_err(red)?;
        assert_eq!(status.code(), Some(0));
        let after = held(p.client()).await?;
        let left: Vec<&String> = after.symmetric_difference(&before).collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(std::fs::read(&cluster.kubeconfig).unwrap_or_default(), bytes, "only read");
        Ok(())
    })
    .await
}
