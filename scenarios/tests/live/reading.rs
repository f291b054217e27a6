//! All executors read the files, or the report says why not: every variant has its declared result, and
//! a broken read is never green.

use k8s_openapi::api::core::v1::Pod;
use scenarios::assert_snapshot_of;
use scenarios::frame::{
    Outcome, expect_red, first_pod, little, maps_archived_classes, path_of, proof, started,
};
use sparkproof::catalog::VariantId;
use sparkproof::catalog::{Expected, StoreKind};
use sparkproof::checks;
use sparkproof::checks::run_reading_suite;
use sparkproof::deadlines::IN_NODE;
use sparkproof::error::{Error, ErrorContext, Result};
use sparkproof::flow::ReadingSession;
use sparkproof::testbed::ScenarioContext;

#[tokio::test]
async fn every_way_of_reading_is_as_declared() -> Outcome {
    proof("every_way_of_reading_is_as_declared", async |p| {
        for (variant, table) in run_reading_suite(p).await? {
            assert_snapshot_of!(format!("read_{variant}"), table);
        }
        Ok(())
    })
    .await
}

async fn reading<'a>(p: &'a ScenarioContext, ids: &[VariantId]) -> Result<ReadingSession<'a>> {
    started(little(p, ids)).await
}

/// Rejects the pod's packets to an address, in its own network namespace; the driver is not affected.
async fn cut_off(p: &ScenarioContext, pod: &Pod, address: &str) -> Result<()> {
    const REFUSE: &str = r#"
        id=$(ctr -n k8s.io containers ls -q "labels.\"io.kubernetes.pod.name\"==$1,labels.\"io.cri-containerd.kind\"==container")
        pid=$(ctr -n k8s.io tasks ls | awk -v id="$id" '$1 == id {print $2}')
        exec nsenter --target "$pid" --net iptables --insert OUTPUT --destination "$2" --jump REJECT
    "#;
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    let engine = p.environment.node_engine()?;
    let name = pod.metadata.name.clone().unwrap_or_default();
    let command = ["sh", "-c", REFUSE, "sh", &name, address];
    engine.exec(&p.context, &node, &command, None::<&[u8]>, IN_NODE).await.map(drop)
}

/// Measured: CSV stays green with the file missing on one executor, or cut to 4 bytes there.
#[tokio::test]
async fn a_copy_that_is_not_everywhere_and_everywhere_the_same_is_named() -> Outcome {
    proof("a_copy_that_is_not_everywhere_and_everywhere_the_same_is_named", async |p| {
        let mut session = reading(p, &[VariantId::Copy]).await?;
        session.prove(VariantId::Copy).await?;
        let file = format!("{}/big.csv", path_of(&session, VariantId::Copy)?.display());
        let pod = first_pod(&session)?;
        let sh = async |script: &str| pod.run(&["sh", "-c", script, "sh", &file]).await;

        sh("mv \"$1\" \"$1.away\"").await?;
        let words = expect_red(session.prove(VariantId::Copy).await, &["file-missing", "2 of 3"])?;
        if !words.contains("executor 1") {
            return Err(Error::red(format!("the executor is not named: {words}")));
        }
        sh("head -c 4 \"$1.away\" > \"$1\"").await?;
        expect_red(session.prove(VariantId::Copy).await, &["content-differs", "4 bytes"])?;
        sh("mv \"$1.away\" \"$1\"").await?;
        session.prove(VariantId::Copy).await?;

        // On the executors, not at the driver, which lists.
        let here = std::path::PathBuf::from(&file);
        let away = here.with_extension("away");
        std::fs::rename(&here, &away).or_environment("moving the driver's copy")?;
        expect_red(session.prove(VariantId::Copy).await, &["driver-lacks-file"])?;
        std::fs::rename(&away, &here).or_environment("moving it back")?;

        // One empty file more: every row and sum is as before, and the work is not.
        let earlier = session.counters.get(&VariantId::Copy).cloned();
        let earlier = earlier.ok_or_else(|| Error::red("the reads were not counted"))?;
        session.prove_against(VariantId::Copy, &earlier).await?;
        let many = path_of(&session, VariantId::Copy)?.join("many.csv");
        std::fs::write(many.join("part-99.csv"), "").or_environment("writing one file more")?;
        let more = session.prove_against(VariantId::Copy, &earlier).await;
        expect_red(more, &["1 counters changed: csv-many files 13, baseline 12"])?;

        // At the driver only.
        for pod in session.live.executor_pods().into_keys() {
            let pod = session.live.executor(&pod);
            pod.run(&["rm", "-r", &path_of(&session, VariantId::Copy)?.to_string_lossy()]).await?;
        }
        expect_red(session.prove(VariantId::Copy).await, &["file-missing", "0 of 3"])?;
        session.stop().await.map(drop)
    })
    .await
}

/// A copied file exists in one pod only; the pod's replacement starts from the image.
#[tokio::test]
#[ignore = "full: a replaced executor with an empty claim is in ci"]
async fn a_replaced_executor_has_no_copy() -> Outcome {
    proof("a_replaced_executor_has_no_copy", async |p| {
        let mut session = reading(p, &[VariantId::Copy, VariantId::Baked]).await?;
        let lost = checks::lose_an_executor(&p.context, &session.live).await?;
        checks::replaced(&p.context, &session.live, &lost).await?;
        expect_red(
            session.prove(VariantId::Copy).await,
            &["file-missing", "2 of 3", "executor 4"],
        )?;
        // What is in the image is in every pod.
        session.prove(VariantId::Baked).await?;
        session.populate(VariantId::Copy).await?;
        session.prove(VariantId::Copy).await?;
        session.stop().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_store_that_is_down_is_named_and_its_return_is_seen() -> Outcome {
    proof("a_store_that_is_down_is_named_and_its_return_is_seen", async |p| {
        let mut session = started(little(p, &[VariantId::S3]).session(impatient)).await?;
        // Also with the store's jars on the class paths.
        maps_archived_classes(p, &mut session.live).await?;
        // It was written to, and nothing has read yet.
        let unread = session.prove_server(VariantId::S3).await;
        expect_red(unread, &["the log shows no read of big.csv"])?;
        let store = p.environment.stores.get(StoreKind::S3)?;
        store.halt(&p.context).await?;
        let down = session.prove(VariantId::S3).await;
        store.resume(&p.context).await?;
        expect_red(down, &["store-unreachable"])?;
        session.prove(VariantId::S3).await?;
        session.stop().await.map(drop)
    })
    .await
}

/// One pod cannot reach the store's port; the driver and the others can.
#[tokio::test]
#[ignore = "full: a store that is down is in ci"]
async fn a_store_cut_off_from_one_pod_is_named() -> Outcome {
    proof("a_store_cut_off_from_one_pod_is_named", async |p| {
        let mut session = reading(p, &[VariantId::Hdfs]).await?;
        let pod = session.live.executor_pods().into_values().next();
        let pod = pod.ok_or_else(|| Error::red("no executor runs"))?;
        cut_off(p, &pod, &p.environment.stores.get(StoreKind::Hdfs)?.address).await?;
        expect_red(session.prove(VariantId::Hdfs).await, &["store-unreachable", "2 of 3"])?;
        session.stop().await.map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "full: another red read of the same store is in ci"]
async fn a_wrong_key_is_named() -> Outcome {
    proof("a_wrong_key_is_named", async |p| {
        let builder = little(p, &[VariantId::S3]).session(impatient).change(|added| {
            added
                .conf
                .change(|key, value| key.ends_with(".secret.key").then(|| format!("{value}wrong")));
        });
        let mut session = started(builder).await?;
        expect_red(session.prove(VariantId::S3).await, &["store-denies-access"])?;
        session.stop().await.map(drop)
    })
    .await
}

/// The driver has the jars, but the executors' image does not.
#[tokio::test]
#[ignore = "full: another red read of the same store is in ci"]
async fn missing_jars_are_named() -> Outcome {
    proof("missing_jars_are_named", async |p| {
        let builder =
            little(p, &[VariantId::S3]).bare_image().session(|session| session.executors(1));
        let mut session = started(builder).await?;
        expect_red(session.prove(VariantId::S3).await, &["missing-jar", "S3AFileSystem"])?;
        session.stop().await.map(drop)
    })
    .await
}

/// A variant that is declared as refused is never green by accident, and its reason is named.
#[tokio::test]
async fn a_scheme_that_spark_does_not_read_is_named() -> Outcome {
    proof("a_scheme_that_spark_does_not_read_is_named", async |p| {
        let mut session = reading(p, &[VariantId::Http]).await?;
        expect_red(session.prove_frame(VariantId::Http).await, &["unsupported-scheme"])?;
        // A refusal with another message than the declared one is not a proof either.
        let other = Expected::Refused("words that Spark does not say".to_owned());
        expect_red(session.prove_to_be(VariantId::Http, other).await, &["without `words"])?;
        let nodes = p.environment.cluster.executor_nodes().len();
        let spread = checks::read::spread(&p.context, &session.live, nodes + 1).await;
        expect_red(spread, &[&format!("executors are on {nodes} nodes, expected {}", nodes + 1)])?;
        session.stop().await.map(drop)
    })
    .await
}

/// The driver alone reads it all, in `local[*]`: never green.
#[tokio::test]
#[ignore = "full: a local session that reads nothing is in ci"]
async fn a_read_in_a_local_session_is_never_green() -> Outcome {
    proof("a_read_in_a_local_session_is_never_green", async |p| {
        let builder =
            little(p, &[VariantId::Copy]).session(|session| session.executors(1).local_master());
        match builder.start().await {
            Ok(_) => Err(Error::red("a local session came out green")),
            Err(error) => expect_red::<()>(Err(error), &["local-master"]).map(drop),
        }
    })
    .await
}

/// Fails within seconds where the default tries for minutes (hadoop-aws 3.3: 20 attempts).
fn impatient(
    session: sparkproof::testbed::SessionBuilder<'_>,
) -> sparkproof::testbed::SessionBuilder<'_> {
    session
        .conf("spark.hadoop.fs.s3a.attempts.maximum", "1")
        .conf("spark.hadoop.fs.s3a.retry.limit", "1")
        .conf("spark.hadoop.fs.s3a.connection.establish.timeout", "2000")
}
