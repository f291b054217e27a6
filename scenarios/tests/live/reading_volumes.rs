//! Kubernetes volumes that do not hold what Spark shall read: each must be red with its reason.

use sparkproof::checks::{self, read};
use sparkproof::measure::Figures;
use sparkproof::proof::{Proof, ReadingSession};
use sparkproof::read::volume::{HostPath, by_claim};
use sparkproof::read::{DataSize, Dataset, Scene, Setup, Strategy, Variant, variants};
use sparkproof::{Error, Result};

use crate::frame::{Outcome, expect_red, proof};

fn variant(id: &str) -> Result<&'static Variant> {
    let found = variants().iter().find(|variant| variant.id == id);
    found.ok_or_else(|| Error::internal(format!("{id} is not declared")))
}

/// Two executors read one variant.
async fn reading<'a>(p: &'a Proof, id: &str) -> Result<ReadingSession<'a>> {
    let wanted = p.reading(&[variant(id)?]).size(DataSize::tiny());
    let (reading, failed) = wanted.session(|session| session.executors(2)).start().await?;
    failed.map_or(Ok(reading), Err)
}

/// The session is stopped, and nothing of it is left.
async fn leaves_nothing(p: &Proof, reading: ReadingSession<'_>) -> Result<()> {
    let ended = reading.stop().await?;
    checks::nothing_left(&p.context, &ended).await?;
    checks::namespace_gone(&p.context, &ended).await
}

/// kubelet makes a directory that does not exist, empty, unless Spark can say that it must.
#[tokio::test]
async fn a_mistyped_host_path_is_named() -> Outcome {
    proof("a_mistyped_host_path_is_named", async |p| {
        let variant = variant("3-hostpath")?;
        let ground = p.session().executors(2).strict().grant().await?;
        let namespace = ground.access().namespace.clone();
        let (context, environment) = (&p.context, &p.environment);
        let scene = Scene { context, environment, namespace: &namespace, executors: 2 };
        let data = context.run.dir().join("data");
        let data = Dataset::generate(&data, "mistyped", DataSize::tiny())?;
        let mut strategy = HostPath::new(variant);
        strategy.prepare(scene, &data).await?;
        let mistyped = scene.path(variant).with_extension("mistyped");
        let added = HostPath::elsewhere(scene, variant, &mistyped)?;
        let started = ground.with(None, added).start().await;
        if !environment.image.version.starts_with("3.") {
            expect_red(started, &["volume-not-mounted", "is not a directory"])?;
            return strategy.undo(scene).await;
        }
        let mut live = started?;
        let location = strategy.location(scene);
        let subject = read::Subject {
            variant,
            location: &location,
            data: &data,
            stores: &environment.stores,
        };
        let mut figures = Figures::of(variant, Setup::default());
        let red = read::executors(context, &mut live, subject, &mut figures).await;
        expect_red(red, &["0 of 2 executors", "file-missing", "FileNotFoundException"])?;
        live.stop().await?;
        strategy.undo(scene).await
    })
    .await
}

/// Pods wait for ever; Spark's own call returns without a word.
#[tokio::test]
async fn a_missing_claim_is_named() -> Outcome {
    proof("a_missing_claim_is_named", async |p| {
        let ground = p.session().executors(1).grant().await?;
        let added = by_claim("data", "no-such-claim", "/var/tmp/data".as_ref());
        let started = ground.with(None, added).start().await;
        expect_red(
            started,
            &["missing-claim", r#"persistentvolumeclaim "no-such-claim" not found"#],
        )?;
        Ok(())
    })
    .await
}

/// Without the right to make claims, Spark makes a pod, deletes it and tries again, without end.
#[tokio::test]
async fn without_the_right_to_make_claims_is_named() -> Outcome {
    proof("without_the_right_to_make_claims_is_named", async |p| {
        let wanted = p.reading(&[variant("3-pvc-dynamic")?]).size(DataSize::tiny());
        let without = wanted
            .session(|session| session.executors(1).without("persistentvolumeclaims", "create"));
        let started = without.start().await;
        expect_red(started, &["missing-verb", "may not create persistentvolumeclaims"])?;
        Ok(())
    })
    .await
}

/// A file that goes away from the volume under a running session.
#[tokio::test]
async fn a_file_removed_from_the_volume_is_named() -> Outcome {
    proof("a_file_removed_from_the_volume_is_named", async |p| {
        let mut reading = reading(p, "3-hostpath").await?;
        reading.prove("3-hostpath").await?;
        HostPath::remove(reading.scene(), variant("3-hostpath")?, "many.csv/part-03.csv").await?;
        let red = reading.prove("3-hostpath").await;
        expect_red(red, &["0 of 2 executors", "file-missing", "many.csv/part-03.csv"])?;
        leaves_nothing(p, reading).await
    })
    .await
}

/// A replaced executor gets a claim of its own, and an empty volume, until the data are copied
/// again.
#[tokio::test]
async fn a_replaced_executor_has_an_empty_claim() -> Outcome {
    proof("a_replaced_executor_has_an_empty_claim", async |p| {
        let mut reading = reading(p, "3-pvc-dynamic").await?;
        reading.prove("3-pvc-dynamic").await?;
        let lost = checks::lose_an_executor(&p.context, &reading.live).await?;
        checks::replaced(&p.context, &reading.live, &lost).await?;
        let red = reading.prove("3-pvc-dynamic").await;
        expect_red(red, &["1 of 2 executors", "file-missing", "FileNotFoundException"])?;
        reading.populate("3-pvc-dynamic").await?;
        reading.prove("3-pvc-dynamic").await?;
        leaves_nothing(p, reading).await
    })
    .await
}
