//! Strategy 2 on nodes: a privileged pod mounts; executors get the directory by hostPath.

use std::path::PathBuf;
use std::time::Instant;

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::{HostPathVolumeSource, Volume, VolumeMount};
use serde_json::{Value, json};
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_catalog::Variant;
use sparkproof_kubernetes::release::release;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_testbed::Environment;

use super::client::Client;
use super::image;
use super::mounter::Mounter;
use super::objects::Daemons;
use super::source::{MountSource, empty, fill};
use crate::nodes::{on_nodes, own_on_nodes};
use crate::{Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext, VolumeUse};

/// A variant with mounts on nodes.
pub struct NodeMount {
    variant: &'static Variant,
    client: Client,
    source: Option<MountSource>,
    mounter: Option<Mounter>,
    made: Vec<Value>,
}

impl NodeMount {
    /// Of this variant, by this client.
    pub fn new(variant: &'static Variant, client: Client) -> Self {
        NodeMount { variant, client, source: None, mounter: None, made: Vec::new() }
    }

    /// The daemon's mount point, below the shared directory.
    fn point(&self, scene: StrategyContext<'_>) -> PathBuf {
        scene.path(self.variant).join("mounted")
    }
}

impl Strategy for NodeMount {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn unavailable<'a>(
        &'a self,
        context: &'a Context,
        environment: &'a Environment,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            let engine = environment.node_engine()?;
            image::unavailable(context, engine, &environment.image, self.client).await
        })
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            let begun = Instant::now();
            let source = fill(scene, self.variant, data).await?;
            self.source = Some(source.clone());
            let (engine, cluster) = (scene.environment.node_engine()?, &scene.environment.cluster);
            let (spark, nodes) = (&scene.environment.image, cluster.executor_nodes());
            let (image, loaded) =
                image::load(scene.context, engine, spark, &nodes, self.client).await?;
            own_on_nodes(scene.context, engine, cluster, &scene.path(self.variant))?;
            let mounter = Mounter::new(scene, self.variant, self.client);
            let daemons = Daemons {
                run: scene.context.run.id(),
                name: &scene.name(self.variant),
                image: &image,
                client: self.client,
                source: &source,
                shared: &scene.path(self.variant),
                point: &self.point(scene),
            };
            self.made = vec![json!(daemons.daemon_set()?)];
            mounter.start(scene.context, &daemons).await?;
            self.mounter = Some(mounter);
            Ok(SetupCost {
                seconds: begun.elapsed().as_secs_f64(),
                bytes_to_nodes: loaded.bytes_sent,
                // Another executor uses the node's mount.
                ..SetupCost::default()
            })
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let (name, path) = (scene.name(self.variant), scene.path(self.variant));
        let path = path.to_string_lossy().into_owned();
        Ok(SessionOverlay {
            volumes: vec![Volume {
                name: name.clone(),
                host_path: Some(HostPathVolumeSource {
                    path: path.clone(),
                    type_: Some("Directory".to_owned()),
                }),
                ..Default::default()
            }],
            mounts: vec![VolumeMount {
                name,
                mount_path: path,
                // Shows later mounts, too, after a daemon's restart.
                mount_propagation: Some("HostToContainer".to_owned()),
                read_only: Some(true),
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    fn objects(&self) -> Vec<Value> {
        self.made.clone()
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        let kind = MountKind::Fuse(self.client.file_system().to_owned());
        Location::local(self.point(scene), kind, self.variant.stores.first().copied())
            .in_volume(VolumeUse::HostPath)
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            // The daemons first, since each unmounts before it ends.
            if let Some(mounter) = self.mounter.take() {
                mounter.stop(scene.context).await?;
            }
            let engine = scene.environment.node_engine()?;
            let path = scene.path(self.variant);
            for path in on_nodes(engine, &scene.environment.cluster, &path) {
                release(scene.context, &path).await?;
            }
            match &self.source {
                Some(source) => empty(scene, source).await,
                None => Ok(()),
            }
        })
    }
}
