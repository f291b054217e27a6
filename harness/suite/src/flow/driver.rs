//! What a driver needs before sessions start.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::PhaseGuard;
use sparkproof_catalog::plan::{DriverPlace, ResolvedPlan};
use sparkproof_images::spark;
use sparkproof_machine::engine::Engine;

/// Makes the image of a driver in a container, so that sessions find it.
pub(super) async fn prepare_driver(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    plan: &ResolvedPlan,
) -> Result<()> {
    match plan.driver {
        // Its image is the session's, with layers on the nodes.
        DriverPlace::Host | DriverPlace::Pod => Ok(()),
        DriverPlace::Container => {
            spark::driver_image(context, engine, phase.name(), plan.front_end).await.map(drop)
        }
    }
}
