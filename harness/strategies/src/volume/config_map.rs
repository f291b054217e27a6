//! A ConfigMap, mounted by the pod template, since Spark has no properties for such volumes.

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::VolumeMount;
use serde_json::Value;
use sparkproof_base::error::Result;
use sparkproof_catalog::Variant;
use sparkproof_kubernetes::access::{CONFIG_MAP, Rule};
use sparkproof_spark::session::SessionOverlay;

use super::content::{self, VolumeContent};
use crate::{
    DataSize, Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext, VolumeUse,
};

/// The variant `3-configmap`: the kubelet writes the values to files on the node's disk.
#[derive(Debug)]
pub struct ConfigMap {
    variant: &'static Variant,
    content: VolumeContent,
}

impl ConfigMap {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        ConfigMap { variant, content: VolumeContent::default() }
    }
}

impl Strategy for ConfigMap {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn limit(&self, size: DataSize) -> DataSize {
        content::limit(size)
    }

    fn needs(&self) -> Vec<Rule> {
        CONFIG_MAP.to_vec()
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            let (content, setup) = VolumeContent::put(scene, self.variant, data).await?;
            self.content = content;
            Ok(setup)
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let name = scene.name(self.variant);
        Ok(SessionOverlay {
            volumes: vec![content::volume(&name, &name, &self.content.files)],
            mounts: vec![VolumeMount {
                name,
                mount_path: scene.path(self.variant).display().to_string(),
                read_only: Some(true),
                ..VolumeMount::default()
            }],
            ..SessionOverlay::default()
        })
    }

    fn objects(&self) -> Vec<Value> {
        self.content.shown.clone().into_iter().collect()
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        Location::local(scene.path(self.variant), MountKind::Disk, None)
            .in_volume(VolumeUse::ConfigMap)
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(VolumeContent::remove(scene, self.variant))
    }
}
