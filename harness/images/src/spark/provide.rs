//! Provides the image of a plan.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_catalog::plan::SparkSource;
use sparkproof_machine::engine::Engine;

use super::{Distribution, SparkImage, composed, from_home, from_reference, from_version};

/// Builds the image, or uses the given one. Without an engine (an existing cluster) only a given
/// image can be used, which the cluster pulls.
pub async fn provide(
    context: &Context,
    phase: &PhaseGuard,
    engine: Option<&Engine>,
    source: &SparkSource,
) -> Result<SparkImage> {
    let version = &source.version;
    let given = source.home.clone().map(|home| {
        let (version, java_home) = (version.clone(), None);
        Distribution { home, version, java_home }
    });
    let image = match (&source.image, given, engine) {
        (Some(reference), given, engine) => {
            let driver = match given {
                Some(given) => given,
                None => composed(context, phase.name(), version).await?,
            };
            from_reference(engine, reference, driver).await?
        }
        (None, Some(given), Some(engine)) => {
            from_home(context, engine, phase.name(), given).await?
        }
        (None, None, Some(engine)) => from_version(context, engine, phase.name(), version).await?,
        (None, _, None) => return Err(Error::input("an existing cluster needs --image")),
    };
    context.recorder.fact("spark", image.version.to_string());
    context.recorder.fact("spark image", image.reference.clone());
    if let Some(digest) = &image.digest {
        context.recorder.fact("spark image digest", digest.clone());
    }
    Ok(image)
}
