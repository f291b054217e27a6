//! Strategy 1: baked into the image.

use futures::future::LocalBoxFuture;
use sparkproof_base::error::Result;
use sparkproof_catalog::Variant;
use sparkproof_images::{Entry, Layer};
use sparkproof_spark::session::SessionOverlay;

use super::{Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext};

/// The variant `1-baked`: a layer with the data on top of the session's image. Only that layer is
/// sent to the nodes.
#[derive(Debug)]
pub struct Baked {
    variant: &'static Variant,
    layer: Option<Layer>,
}

impl Baked {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        Baked { variant, layer: None }
    }
}

impl Strategy for Baked {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            let path = scene.path(self.variant);
            let files = data.files().map(|file| {
                let inside = path.join(&file.path).to_string_lossy().into_owned();
                (inside, Entry::file(data.dir.join(&file.path), 0o644))
            });
            self.layer = Some(Layer::of_entries(files).await?);
            // Loading is measured where the session's image is loaded.
            Ok(SetupCost::default())
        })
    }

    fn contribute(&self, _: StrategyContext<'_>) -> Result<SessionOverlay> {
        Ok(SessionOverlay { layers: self.layer.iter().cloned().collect(), ..Default::default() })
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        Location::local(scene.path(self.variant), MountKind::Root, None)
    }
}
