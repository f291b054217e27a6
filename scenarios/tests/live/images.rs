//! Images of other origins, and what a second time costs.

use sparkproof::Error;
use sparkproof::checks;
use sparkproof::images::{load, spark};

use crate::frame::{Outcome, proof};

/// The guide's way: the distribution's own `docker-image-tool.sh`, here on a distribution composed
/// of PyPI's package and our Dockerfile.
#[tokio::test]
async fn a_distributions_own_tool_builds_an_image_that_works() -> Outcome {
    proof("a_distributions_own_tool_builds_an_image_that_works", async |p| {
        let engine = p.environment.engine.as_ref();
        let engine = engine.ok_or_else(|| Error::environment("no engine to build with"))?;
        let home = &p.environment.image.spark_home;
        let nodes = &p.environment.cluster.executor_nodes();
        let image = spark::from_home(&p.context, engine, "spark", home).await?;
        load(&p.context, engine, nodes, &image.reference).await?;

        let again = spark::from_home(&p.context, engine, "spark", home).await?;
        assert_eq!((again.origin.as_str(), again.digest), ("cached", image.digest.clone()));
        let again = load(&p.context, engine, nodes, &image.reference).await?;
        assert!(again.already_present && again.bytes_sent == 0, "{again}");

        let mut live = p.session().executors(1).image(&image.reference).start().await?;
        checks::barrier(&p.context, &mut live).await?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}
