//! Kubernetes volumes without the files that Spark should read: each is red, and its reason is named.

use std::path::PathBuf;

use scenarios::frame::{Outcome, expect_red, leaves_nothing, little, proof, started};
use sparkproof::catalog::VariantId;
use sparkproof::checks;
use sparkproof::flow::ReadingBuilder;
use sparkproof::read::own_on_nodes;
use sparkproof::read::volume::by_claim;
use sparkproof::testbed::ScenarioContext;

/// A session of two executors that read little data by one variant.
fn builder(p: &ScenarioContext, id: VariantId) -> ReadingBuilder<'_> {
    little(p, &[id]).session(|session| session.executors(2))
}

/// kubelet makes a directory that does not exist, empty; since Spark 4.0 it must exist.
#[tokio::test]
#[ignore = "full: an empty claim is in ci"]
async fn a_mistyped_host_path_is_named() -> Outcome {
    proof("a_mistyped_host_path_is_named", async |p| {
        let mistyped = PathBuf::from(format!("/var/tmp/sparkproof-{}-typo", p.context.run.id()));
        own_on_nodes(&p.context, p.environment.node_engine()?, &p.environment.cluster, &mistyped)?;
        let builder = builder(p, VariantId::HostPath).change(|added| {
            added.conf.change(|key, _| {
                key.ends_with(".options.path").then(|| mistyped.display().to_string())
            });
        });
        let started = started(builder).await;
        if p.environment.image.version.minor() >= (4, 0) {
            expect_red(started.map(drop), &["volume-not-mounted", "is not a directory"])?;
            return Ok(());
        }
        let mut session = started?;
        let red = session.prove(VariantId::HostPath).await;
        expect_red(red, &["0 of 2 executors", "file-missing", "big.csv"])?;
        leaves_nothing(p, session).await
    })
    .await
}

/// Pods wait for ever, and Spark reports nothing.
#[tokio::test]
async fn a_missing_claim_is_named() -> Outcome {
    proof("a_missing_claim_is_named", async |p| {
        let ground = p.session().executors(1).grant().await?;
        let added = by_claim("data", "no-such-claim", "/var/tmp/data".as_ref());
        let started = ground.with(None, added).start().await;
        let words = ["missing-claim", r#"persistentvolumeclaim "no-such-claim" not found"#];
        expect_red(started, &words)?;
        Ok(())
    })
    .await
}

/// Spark creates a pod, may not create its claim, deletes the pod and tries again, without end.
#[tokio::test]
#[ignore = "full: another missing verb is in ci"]
async fn without_the_right_to_make_claims_is_named() -> Outcome {
    proof("without_the_right_to_make_claims_is_named", async |p| {
        let builder = builder(p, VariantId::PvcDynamic)
            .session(|session| session.without("persistentvolumeclaims", "create"));
        let started = started(builder).await;
        expect_red(started.map(drop), &["missing-verb", "may not create persistentvolumeclaims"])?;
        Ok(())
    })
    .await
}

/// An emptyDir is a separate mount of the node's disk, too, and holds the bytes that are copied into
/// it: only its kind tells it from the declared claim.
#[tokio::test]
#[ignore = "full: an empty claim is in ci"]
async fn an_empty_dir_in_place_of_a_claim_is_named() -> Outcome {
    proof("an_empty_dir_in_place_of_a_claim_is_named", async |p| {
        let builder = builder(p, VariantId::PvcDynamic).change(|added| {
            let claim = std::mem::take(&mut added.conf);
            for (key, value) in claim.iter().filter(|(key, _)| !key.contains(".options.")) {
                added.conf.insert(key.replace(".persistentVolumeClaim.", ".emptyDir."), value);
            }
        });
        let mut session = started(builder).await?;
        let red = session.prove(VariantId::PvcDynamic).await;
        let elsewhere = ["read-elsewhere", "the kind emptyDir, expected", "persistentVolumeClaim"];
        expect_red(red, &elsewhere)?;
        leaves_nothing(p, session).await
    })
    .await
}

/// The replacement of an executor gets its own claim, whose volume is empty until it is filled.
#[tokio::test]
async fn a_replaced_executor_has_an_empty_claim() -> Outcome {
    proof("a_replaced_executor_has_an_empty_claim", async |p| {
        let mut session = started(builder(p, VariantId::PvcDynamic)).await?;
        session.prove(VariantId::PvcDynamic).await?;
        let lost = checks::lose_an_executor(&p.context, &session.live).await?;
        checks::replaced(&p.context, &session.live, &lost).await?;
        let red = session.prove(VariantId::PvcDynamic).await;
        expect_red(red, &["1 of 2 executors", "file-missing", "executor 3"])?;
        session.populate(VariantId::PvcDynamic).await?;
        session.prove(VariantId::PvcDynamic).await?;
        leaves_nothing(p, session).await
    })
    .await
}
