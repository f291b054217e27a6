//! Strategy 2 on nodes: a privileged pod mounts, executors get the directory by hostPath.

use std::path::PathBuf;
use std::time::Instant;

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::{HostPathVolumeSource, Volume, VolumeMount};

use super::client::Client;
use super::image;
use super::mounter::Mounter;
use super::objects::Daemons;
use super::remote::fill;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ledger::{Owned, give_back};
use crate::proof::Environment;
use crate::read::{Dataset, Location, Mount, Scene, Setup, Strategy, Variant};
use crate::session::Contribution;

/// A variant whose nodes mount.
pub struct NodeMount {
    variant: &'static Variant,
    client: Client,
    mounter: Option<Mounter>,
}

impl NodeMount {
    /// Of this variant, by this client.
    pub fn new(variant: &'static Variant, client: Client) -> Self {
        NodeMount { variant, client, mounter: None }
    }

    /// Where the daemon mounts: below the directory that is passed on.
    fn point(&self, scene: Scene<'_>) -> PathBuf {
        scene.path(self.variant).join("mounted")
    }

    /// The directory of each node that is passed on.
    fn shared(&self, scene: Scene<'_>) -> Result<Vec<Owned>> {
        let environment = scene.environment;
        let Some(engine) = &environment.engine else {
            return Err(Error::internal("directories of nodes that are not ours"));
        };
        let nodes = environment.cluster.executor_nodes().into_iter();
        let owned = |node| Owned::NodePath {
            docker: engine.host.clone(),
            node,
            path: scene.path(self.variant),
        };
        Ok(nodes.map(owned).collect())
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
        Box::pin(image::unavailable(context, environment, self.client))
    }

    fn prepare<'a>(
        &'a mut self,
        scene: Scene<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<Setup>> {
        Box::pin(async move {
            let begun = Instant::now();
            let remote = fill(scene, self.variant, data).await?;
            let (image, loaded) =
                image::load(scene.context, scene.environment, self.client).await?;
            for path in self.shared(scene)? {
                scene.context.run.own(path)?;
            }
            let mounter = Mounter::of(scene, self.variant, self.client);
            let daemons = Daemons {
                run: scene.context.run.id(),
                name: &scene.name(self.variant),
                image: &image,
                client: self.client,
                remote: &remote,
                shared: &scene.path(self.variant),
                point: &self.point(scene),
            };
            mounter.start(scene.context, &daemons).await?;
            self.mounter = Some(mounter);
            Ok(Setup {
                seconds: begun.elapsed().as_secs_f64(),
                bytes_to_nodes: loaded.bytes_sent,
                // One more executor finds its node's mount there.
                ..Setup::default()
            })
        })
    }

    fn contribute(&self, scene: Scene<'_>) -> Result<Contribution> {
        let (name, path) = (scene.name(self.variant), scene.path(self.variant));
        let path = path.to_string_lossy().into_owned();
        Ok(Contribution {
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
                // Also what is mounted there later: a daemon that is back.
                mount_propagation: Some("HostToContainer".to_owned()),
                read_only: Some(true),
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    fn location(&self, scene: Scene<'_>) -> Location {
        let kind = Mount::Fuse(self.client.file_system());
        Location::local(self.point(scene), kind, self.variant.stores.first().copied())
    }

    fn undo<'a>(&'a mut self, scene: Scene<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            // The daemons first: each unmounts before it ends.
            if let Some(mounter) = self.mounter.take() {
                mounter.stop(scene.context).await?;
            }
            for path in self.shared(scene)? {
                give_back(scene.context, &path).await?;
            }
            Ok(())
        })
    }
}
