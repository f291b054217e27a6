//! A ConfigMap, mounted by the pod template: Spark's properties know no such volume.

use std::time::Instant;

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::{self, VolumeMount};
use kube::Api;

use super::{content, objects};
use crate::error::Result;
use crate::read::{DataFile, DataSize, Dataset, Location, Mount, Scene, Setup, Strategy, Variant};
use crate::session::Contribution;

/// The variant `3-configmap`: kubelet writes the values to files on the node's disk.
#[derive(Debug)]
pub struct ConfigMap {
    variant: &'static Variant,
    files: Vec<DataFile>,
}

impl ConfigMap {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        ConfigMap { variant, files: Vec::new() }
    }
}

/// The session's ConfigMaps.
pub(super) fn api(scene: Scene<'_>) -> Api<v1::ConfigMap> {
    Api::namespaced(scene.environment.cluster.client.clone(), scene.namespace)
}

impl Strategy for ConfigMap {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn limit(&self, size: DataSize) -> DataSize {
        content::limit(size)
    }

    fn prepare<'a>(
        &'a mut self,
        scene: Scene<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<Setup>> {
        Box::pin(async move {
            let begun = Instant::now();
            let map = content::config_map(objects::meta(scene, self.variant), data)?;
            objects::create(scene, api(scene), map).await?;
            self.files = data.files().cloned().collect();
            Ok(Setup {
                seconds: begun.elapsed().as_secs_f64(),
                bytes_to_nodes: data.bytes() * u64::from(scene.executors),
                bytes_per_executor: data.bytes(),
                ..Setup::default()
            })
        })
    }

    fn contribute(&self, scene: Scene<'_>) -> Result<Contribution> {
        let name = scene.name(self.variant);
        Ok(Contribution {
            volumes: vec![content::volume(&name, &name, &self.files)],
            mounts: vec![VolumeMount {
                name,
                mount_path: scene.path(self.variant).display().to_string(),
                read_only: Some(true),
                ..VolumeMount::default()
            }],
            ..Contribution::default()
        })
    }

    fn location(&self, scene: Scene<'_>) -> Location {
        Location::local(scene.path(self.variant), Mount::Disk, None)
    }

    fn undo<'a>(&'a mut self, scene: Scene<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            objects::remove(scene.context, api(scene), &scene.name(self.variant)).await
        })
    }
}
