//! Where the driver of a session runs.

use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::plan::DriverPlace;
use sparkproof_images::spark;
use sparkproof_kubernetes::access::Access;
use sparkproof_spark::session::{DriverSite, InPodSite};

use crate::SessionBuilder;

/// Where the driver runs, with its image if it needs one.
pub(super) async fn driver_site(
    wanted: &SessionBuilder<'_>,
    access: &Access,
    phase: &str,
) -> Result<DriverSite> {
    match wanted.driver {
        DriverPlace::Host => return Ok(DriverSite::Host),
        DriverPlace::Pod => {
            return Ok(DriverSite::Pod(InPodSite {
                namespace: access.namespace.clone(),
                service_account: access.service_account.clone(),
                image: wanted.driver_image(phase).await?,
                pull_secret: wanted.proof.environment.plan.image_pull_secret.clone(),
                cpu: wanted.driver_cpu().to_string(),
                cpu_limit: wanted.driver_size.limit(wanted.driver_cpu()).to_string(),
                heap: wanted
                    .driver_size
                    .memory
                    .map(|heap| format!("{}m", heap.0))
                    .or_else(|| wanted.conf.get("spark.driver.memory").map(str::to_owned)),
                overhead: wanted.conf.get("spark.driver.memoryOverhead").map(str::to_owned),
                pods: wanted.pods.clone(),
            }));
        }
        DriverPlace::Container => {}
    }
    let Some(engine) = wanted.proof.environment.engine.clone() else {
        return Err(Error::input("a driver in a container needs a kind cluster"));
    };
    let context = &wanted.proof.context;
    let image = spark::driver_image(context, &engine, phase, wanted.front_end).await?;
    Ok(DriverSite::Container { engine, image })
}
