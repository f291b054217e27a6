//! A directory of the node.

use std::time::Instant;

use futures::future::{LocalBoxFuture, try_join_all};
use sparkproof_base::error::Result;
use sparkproof_base::ledger::OwnedResource;
use sparkproof_catalog::Variant;
use sparkproof_kubernetes::release::release;
use sparkproof_spark::session::SessionOverlay;

use super::by_host_path;
use crate::nodes::put;
use crate::{Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext, VolumeUse};

/// The variant `3-hostpath`: every node has the files for its executors.
#[derive(Debug)]
pub struct HostPath {
    variant: &'static Variant,
    owned: Vec<OwnedResource>,
}

impl HostPath {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        HostPath { variant, owned: Vec::new() }
    }
}

impl Strategy for HostPath {
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
            let path = scene.path(self.variant);
            let nodes = scene.environment.cluster.executor_nodes();
            let puts = nodes.iter().map(|node| put(scene, node, data, &path));
            let owned = scene.context.cancel.guard(try_join_all(puts)).await?;
            self.owned = owned.into_iter().flatten().collect();
            Ok(SetupCost {
                seconds: begun.elapsed().as_secs_f64(),
                bytes_to_nodes: data.bytes() * nodes.len() as u64,
                // Another executor uses the node's files.
                ..SetupCost::default()
            })
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let (name, path) = (scene.name(self.variant), scene.path(self.variant));
        Ok(by_host_path(&name, &scene.environment.image.version, &path, &path))
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        Location::local(scene.path(self.variant), MountKind::Disk, None)
            .in_volume(VolumeUse::HostPath)
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for owned in self.owned.drain(..) {
                release(scene.context, &owned).await?;
            }
            Ok(())
        })
    }
}
