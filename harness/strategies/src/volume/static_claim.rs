//! A claim on an existing volume.

use std::path::Path;
use std::time::Instant;

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_catalog::Variant;
use sparkproof_kubernetes::release::release;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_testbed::NO_NODE_ENGINE;

use super::by_claim;
use crate::nodes::put;
use crate::objects::{create, gone, meta, reach, remove};
use crate::{Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext, VolumeUse};

/// The variant `3-pvc-static`: a directory of one node as a `local` persistent volume, which pins
/// all executors to that node.
#[derive(Debug)]
pub struct StaticClaim {
    variant: &'static Variant,
    volume: Option<OwnedResource>,
    files: Vec<OwnedResource>,
    made: Vec<Value>,
}

impl StaticClaim {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        StaticClaim { variant, volume: None, files: Vec::new(), made: Vec::new() }
    }
}

impl Strategy for StaticClaim {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            let begun = Instant::now();
            let cluster = &scene.environment.cluster;
            let nodes = cluster.executor_nodes();
            // The node must have room for all executors; Minikube's first node has the control
            // plane.
            let Some(node) = nodes.last() else { return Err(Error::environment(NO_NODE_ENGINE)) };
            let path = scene.path(self.variant);
            let files = scene.context.cancel.guard(put(scene, node, data, &path));
            self.files = files.await?;
            let name = scene.name(self.variant);
            let owned = OwnedResource::PersistentVolume {
                kubeconfig: cluster.kubeconfig.clone(),
                context: cluster.context.clone(),
                name: name.clone(),
            };
            scene.context.run.record(owned.clone())?;
            self.volume = Some(owned);
            let metadata = meta(scene, self.variant);
            let volume = volume(&metadata, scene.namespace, node, &path)?;
            let claim = claim(&metadata)?;
            self.made = vec![json!(volume), json!(claim)];
            create(scene, volumes(scene), volume).await?;
            reach(scene.context, volumes(scene), &name, "Available").await?;
            create(scene, claims(scene), claim).await?;
            reach(scene.context, claims(scene), &name, "Bound").await?;
            Ok(SetupCost {
                seconds: begun.elapsed().as_secs_f64(),
                bytes_to_nodes: data.bytes(),
                // Another executor uses the same files.
                ..SetupCost::default()
            })
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let name = scene.name(self.variant);
        Ok(by_claim(&name, &name, &scene.path(self.variant)))
    }

    fn objects(&self) -> Vec<Value> {
        self.made.clone()
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        Location::local(scene.path(self.variant), MountKind::Disk, None)
            .in_volume(VolumeUse::SharedClaim)
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let name = scene.name(self.variant);
            // A volume is kept while a claim uses it.
            remove(scene.context, claims(scene), &name).await?;
            if let Some(volume) = self.volume.take() {
                release(scene.context, &volume).await?;
                gone(scene.context, volumes(scene), &name).await?;
            }
            for owned in self.files.drain(..) {
                release(scene.context, &owned).await?;
            }
            Ok(())
        })
    }
}

fn volumes(scene: StrategyContext<'_>) -> Api<PersistentVolume> {
    Api::all(scene.environment.cluster.client.clone())
}

fn claims(scene: StrategyContext<'_>) -> Api<PersistentVolumeClaim> {
    Api::namespaced(scene.environment.cluster.client.clone(), scene.namespace)
}

/// Reserved for this claim, with the policy `Retain`: the ledger removes its content.
fn volume(
    metadata: &ObjectMeta,
    namespace: &str,
    node: &str,
    path: &Path,
) -> Result<PersistentVolume> {
    object(
        metadata,
        json!({
            "capacity": { "storage": "1Gi" },
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": { "namespace": namespace, "name": metadata.name },
            "local": { "path": path },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [
                { "key": "kubernetes.io/hostname", "operator": "In", "values": [node] },
            ] }] } },
        }),
    )
}

/// Bound to that volume; the empty class prevents provisioning by the default one.
fn claim(metadata: &ObjectMeta) -> Result<PersistentVolumeClaim> {
    object(
        metadata,
        json!({
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": metadata.name,
            "resources": { "requests": { "storage": "1Gi" } },
        }),
    )
}

fn object<K: DeserializeOwned>(metadata: &ObjectMeta, spec: Value) -> Result<K> {
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec }))
        .or_internal("describing a volume")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_is_of_one_node_and_for_one_claim() {
        let metadata = ObjectMeta { name: Some("sparkproof-x".to_owned()), ..Default::default() };
        let path = Path::new("/var/tmp/sparkproof-x");
        let volume = volume(&metadata, "spark-x", "two-worker", path).expect("a volume");
        let shown = json!([volume, claim(&metadata).expect("a claim")]);
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown).expect("JSON"));
    }
}
