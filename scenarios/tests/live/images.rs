//! Images of other origins, and the cost of a second build.

use scenarios::frame::{Outcome, proof};
use sparkproof::checks;
use sparkproof::images::spark::{self, Distribution};
use sparkproof::images::{Entry, Layer, load, load_layered};
use sparkproof::ledger::OwnedResource;
use sparkproof::release::release;
use sparkproof::wait::{Progress, Source, Waiting, wait};

/// The image by the distribution's own `docker-image-tool.sh`, as in the guide. The distribution is
/// composed from PyPI's package and sparkproof's Dockerfile.
#[tokio::test]
#[ignore = "full: the image of the environment is built from the same distribution in ci"]
async fn a_distributions_own_tool_builds_an_image_that_works() -> Outcome {
    proof("a_distributions_own_tool_builds_an_image_that_works", async |p| {
        let engine = p.environment.node_engine()?;
        let distribution = || Distribution {
            home: p.environment.image.spark_home.clone(),
            version: p.environment.image.version.clone(),
            java_home: None,
        };
        let nodes = &p.environment.cluster.executor_nodes();
        let image = spark::from_home(&p.context, engine, "spark", distribution()).await?;
        load(&p.context, engine, nodes, &image.reference).await?;

        let again = spark::from_home(&p.context, engine, "spark", distribution()).await?;
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

/// A layer on the session's image, without a build: it exists on the nodes only.
#[tokio::test]
#[ignore = "full: a layer travels alone as 1-baked in ci"]
async fn a_layer_travels_alone_and_its_image_goes_with_the_run() -> Outcome {
    proof("a_layer_travels_alone_and_its_image_goes_with_the_run", async |p| {
        let engine = p.environment.node_engine()?;
        let base = &p.environment.image.reference;
        let nodes = &p.environment.cluster.executor_nodes();
        let run = p.context.run.id();
        let data = Entry::bytes(run.as_str(), 0o644);
        let layers = [Layer::of_entries([("/opt/data/nonce", data)]).await?];
        let reference = format!("localhost/sparkproof/spark:nonce-{run}");
        let load = || load_layered(&p.context, engine, nodes, base, &reference, &layers);

        let loaded = load().await?;
        assert_eq!(loaded.bytes_sent, layers[0].size() * nodes.len() as u64, "{loaded}");
        let again = load().await?;
        assert!(again.already_present && again.bytes_sent == 0, "{again}");

        let live = p.session().executors(1).image(&reference).start().await?;
        for pod in live.executor_pods().into_values() {
            let containers =
                pod.status.clone().and_then(|s| s.container_statuses).unwrap_or_default();
            assert!(containers.iter().all(|c| c.image_id == loaded.image_id), "{containers:?}");
        }
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await?;

        let give_all_back = async || -> sparkproof::Result<()> {
            for owned in p.context.run.owned() {
                if let OwnedResource::NodeImage { .. } = owned {
                    release(&p.context, &owned).await?;
                }
            }
            Ok(())
        };
        // kubelet removes a container after its pod is gone from the API, and keeps the layer so
        // long.
        let waiting = Waiting::up_to(60, "the layer to be gone from the node");
        wait(&p.context, waiting, Source::Backoff, async || {
            if let Err(error) = give_all_back().await {
                return Progress::Never(error);
            }
            match load().await {
                Ok(sent) if sent.bytes_sent == loaded.bytes_sent => Progress::Met(()),
                Ok(sent) => Progress::NotYet(sent.to_string()),
                Err(error) => Progress::Never(error),
            }
        })
        .await?;
        Ok(())
    })
    .await
}
