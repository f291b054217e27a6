//! Spark versions other than the environment's, each with its own image.

use rstest::rstest;
use scenarios::frame::{
    Outcome, expect_red, leaves_nothing, little, lives_and_ends, proof, started,
};
use scenarios::pod_spec::as_reviewed;
use sparkproof::Result;
use sparkproof::catalog::SparkVersion;
use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::FrontEnd;
use sparkproof::checks;
use sparkproof::images::{load, spark};
use sparkproof::testbed::{EndKind, Environment, ScenarioContext};

/// The environment with another Spark version, whose image is loaded onto every node.
async fn with_spark(p: &ScenarioContext, version: &SparkVersion) -> Result<ScenarioContext> {
    let engine = p.environment.node_engine()?;
    let image = spark::from_version(&p.context, engine, "spark", version).await?;
    let nodes = &p.environment.cluster.executor_nodes();
    load(&p.context, engine, nodes, &image.reference).await?;
    let environment = Environment { image, ..p.environment.clone() };
    Ok(ScenarioContext::new(p.context.clone(), environment))
}

#[rstest]
#[case::guide("3.0.1", FrontEnd::SparkShell, EndKind::Stopped)]
#[case::guide_exited("3.0.1", FrontEnd::SparkShell, EndKind::Exited)]
#[case::guide_killed("3.0.1", FrontEnd::SparkShell, EndKind::Killed)]
#[case::newest("4.3.0", FrontEnd::SparkShell, EndKind::Stopped)]
#[case::newest_exited("4.3.0", FrontEnd::SparkShell, EndKind::Exited)]
#[case::newest_python("4.3.0", FrontEnd::Pyspark, EndKind::Stopped)]
#[ignore = "full: needs another image"]
#[tokio::test]
async fn a_session_of_another_spark(
    #[case] version: SparkVersion,
    #[case] front_end: FrontEnd,
    #[case] ending: EndKind,
) -> Outcome {
    let name = format!("a_session_of_{version}_{front_end}_{ending:?}").to_lowercase();
    proof(&name.replace(['.', '-'], "_"), async |p| {
        let p = &with_spark(p, &version).await?;
        let live = p.session().front_end(front_end).executors(1).start().await?;
        as_reviewed(&live, &version);
        lives_and_ends(p, live, ending).await
    })
    .await
}

/// Each variant that is declared green for this Spark, with little data.
#[rstest]
#[case::guide("3.0.1")]
#[case::newest("4.3.0")]
#[ignore = "full: needs another image"]
#[tokio::test]
async fn a_spark_shell_of_another_spark_reads(#[case] version: SparkVersion) -> Outcome {
    let name = format!("a_spark_shell_of_{version}_reads").replace('.', "_");
    proof(&name, async |p| {
        let p = &with_spark(p, &version).await?;
        let builder = little(p, &[VariantId::Copy, VariantId::HostPath, VariantId::Hdfs]);
        let builder = builder.session(|session| session.front_end(FrontEnd::SparkShell));
        let mut session = started(builder).await?;
        session.prove_all().await?;
        leaves_nothing(p, session).await
    })
    .await
}

/// A driver of 3.0.1 waits for ever for executors of a later version.
#[tokio::test]
#[ignore = "full: needs another distribution"]
async fn an_older_driver_than_its_image_is_named() -> Outcome {
    proof("an_older_driver_than_its_image_is_named", async |p| {
        let image = p.environment.image.reference.clone();
        let p = &with_spark(p, &SparkVersion::new(3, 0, 1)).await?;
        let session = p.session().front_end(FrontEnd::SparkShell).executors(1).image(&image);
        expect_red(session.start().await, &["version-mismatch"]).map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "full: needs another image"]
async fn an_older_image_than_its_driver_is_named() -> Outcome {
    proof("an_older_image_than_its_driver_is_named", async |p| {
        let older = with_spark(p, &SparkVersion::new(3, 0, 1)).await?.environment.image.reference;
        for front_end in [FrontEnd::Pyspark, FrontEnd::SparkShell] {
            let session = p.session().front_end(front_end).executors(1).image(&older);
            expect_red(session.start().await, &["version-mismatch"])?;
        }
        Ok(())
    })
    .await
}

/// The newest Spark makes a NetworkPolicy for the executors of an application.
const NEWEST: &str = "4.3.0";

#[tokio::test]
#[ignore = "full: needs another image"]
async fn executors_accept_only_pods_of_their_application() -> Outcome {
    proof("executors_accept_only_pods_of_their_application", async |p| {
        let p = &with_spark(p, &NEWEST.parse()?).await?;
        checks::run_isolation_suite(p.session(), &p.example_image().await?, |_| {}).await
    })
    .await
}

/// The control: without it, any pod of the cluster is let in.
#[tokio::test]
#[ignore = "full: needs another image"]
async fn executors_without_a_policy_are_open() -> Outcome {
    proof("executors_without_a_policy_are_open", async |p| {
        let p = &with_spark(p, &NEWEST.parse()?).await?;
        let image = p.example_image().await?;
        let excluded = checks::run_isolation_suite(p.session(), &image, |spec| {
            spec.conf.insert(
                "spark.kubernetes.driver.pod.excludedFeatureSteps",
                "org.apache.spark.deploy.k8s.features.NetworkPolicyFeatureStep",
            );
        });
        let open = "a pod that is not of the application reaches";
        expect_red(excluded.await, &[open]).map(drop)
    })
    .await
}
