//! Prepares the driver's image before sessions start.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::PhaseGuard;
use sparkproof_catalog::plan::{DriverPlace, ResolvedPlan};
use sparkproof_images::spark;
use sparkproof_machine::engine::Engine;

/// Builds the image of a driver in a container.
pub(super) async fn prepare_driver(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    plan: &ResolvedPlan,
) -> Result<()> {
    match plan.driver {
        // A driver in a pod uses the session's image.
        DriverPlace::Host | DriverPlace::Pod => Ok(()),
        DriverPlace::Container => {
            spark::driver_image(context, engine, phase.name(), plan.front_end).await.map(drop)
        }
    }
}
