//! Jars that Spark lacks for reading object stores.

use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::{JarSet, coordinates, pin_of};

use super::SparkImage;
use crate::maven::{self, Jar};
use crate::{Cache, Entry, Key, Layer};

/// Path of the jars in Spark images.
const JARS: &str = "/opt/spark/jars";

/// The jars that a Spark distribution needs for these stores, without those in its `jars/`: from
/// the cache, or fetched, in exactly its Hadoop's version. Progress belongs to `phase`.
///
/// # Errors
/// Environment: the jars of this Hadoop version are not pinned; no Maven, or Maven failed.
pub async fn jars(
    context: &Context,
    phase: &str,
    image: &SparkImage,
    set: JarSet,
) -> Result<Vec<PathBuf>> {
    let own = own_jars(&image.spark_home)?;
    let hadoop = hadoop_of(&own).ok_or_else(|| {
        Error::environment(format!(
            "{}/jars has no hadoop-client-api-*.jar and no hadoop-common-*.jar: its Hadoop is not known",
            image.spark_home.display()
        ))
    })?;
    fetched(context, phase, hadoop, set, &own).await
}

/// For controls: the jars of another Hadoop than the one of the distribution.
///
/// # Errors
/// As [`jars`].
pub async fn jars_of(
    context: &Context,
    phase: &str,
    hadoop: &str,
    set: JarSet,
) -> Result<Vec<PathBuf>> {
    fetched(context, phase, hadoop, set, &[]).await
}

async fn fetched(
    context: &Context,
    phase: &str,
    hadoop: &str,
    set: JarSet,
    own: &[String],
) -> Result<Vec<PathBuf>> {
    let (wanted, bytes) = lacking(hadoop, set, own)?;
    let name = format!("jars-{}-{hadoop}", set.as_str());
    let key = wanted.iter().fold(Key::new(&name), |key, jar| key.with(jar.file(), &jar.sha256));
    let what = format!("jars of Hadoop {hadoop} for {}", set.as_str());
    let step = StepGuard::begin(&context.recorder, phase, what);
    let dir = Cache::new(context)
        .entry(context, &key, step, async |dir, step| {
            step.progress(format!("{} MB of jars", bytes / 1_000_000));
            maven::fetch(context, phase, &wanted, dir).await
        })
        .await?
        .keep();
    Ok(wanted.iter().map(|jar| dir.join(jar.file())).collect())
}

/// A layer that adds these jars to Spark's in an image, with the same owner.
pub async fn jar_layer(jars: &[PathBuf]) -> Result<Layer> {
    let place = |jar: &PathBuf| {
        let name = jar.file_name().unwrap_or_default().to_string_lossy();
        (format!("{JARS}/{name}"), Entry::file(jar, 0o644))
    };
    Layer::of_entries(jars.iter().map(place)).await
}

/// The names of a distribution's jars.
fn own_jars(home: &Path) -> Result<Vec<String>> {
    let what = || format!("reading {}/jars", home.display());
    let listed = fs_err::read_dir(home.join("jars")).or_environment(what())?;
    let name = |entry: std::io::Result<fs_err::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().into_owned())
    };
    listed.map(name).collect::<std::io::Result<_>>().or_environment(what())
}

/// The Hadoop version of these jars.
fn hadoop_of(jars: &[String]) -> Option<&str> {
    // Shaded since Hadoop 3 (Spark 3.2).
    let version_of = |artifact: &str| {
        jars.iter().find_map(|jar| jar.strip_prefix(artifact)?.strip_suffix(".jar"))
    };
    version_of("hadoop-client-api-").or_else(|| version_of("hadoop-common-"))
}

/// The jars in the table for this Hadoop version, and their bytes, without those that exist in any
/// version: two versions of a jar on a class path are worse than an old one.
fn lacking(hadoop: &str, set: JarSet, own: &[String]) -> Result<(Vec<Jar>, u64)> {
    let (mut wanted, mut bytes) = (Vec::new(), 0);
    for name in coordinates(hadoop, set)? {
        let pin = pin_of(name).ok_or_else(|| Error::internal(format!("{name}: no pin")))?;
        let jar = Jar::new(name, &pin.sha256)?;
        if own.iter().any(|own| is_version_of(own, jar.artifact())) {
            continue;
        }
        wanted.push(jar);
        bytes += pin.bytes;
    }
    Ok((wanted, bytes))
}

/// Whether the file is this artifact in some version: `jetty-util-9.4.jar`, not
/// `jetty-util-ajax-9.4.jar`, is `jetty-util`.
fn is_version_of(file: &str, artifact: &str) -> bool {
    let version = file.strip_prefix(artifact).and_then(|rest| rest.strip_prefix('-'));
    version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_catalog::spark::known;

    #[test]
    fn every_known_spark_has_its_jars_pinned() {
        for spark in known() {
            for set in [JarSet::S3, JarSet::Azure] {
                let (wanted, _) = lacking(&spark.hadoop, set, &[]).expect("in the table");
                assert!(wanted.len() >= 2, "{} {}", spark.version, set.as_str());
                let first = wanted[0].file();
                assert!(first.ends_with(&format!("-{}.jar", spark.hadoop)), "{first}");
                assert!(wanted.iter().all(|jar| jar.sha256.len() == 64));
                let pins = coordinates(&spark.hadoop, set).expect("in the table");
                let mut pins = pins.iter().map(|name| pin_of(name).expect("pinned"));
                assert!(pins.all(|pin| pin.bytes > 10_000));
            }
        }
    }

    #[test]
    fn what_spark_has_is_not_added() {
        let own = ["wildfly-openssl-9.jar", "jetty-util-ajax-9.jar", "hadoop-client-api-3.3.4.jar"];
        let own = own.map(str::to_owned);
        let wanted = lacking(hadoop_of(&own).expect("known"), JarSet::Azure, &own);
        let files: Vec<String> =
            wanted.expect("known").0.iter().map(|jar| jar.file().to_owned()).collect();
        assert!(files.contains(&"jetty-util-9.4.43.v20210629.jar".to_owned()));
        assert!(!files.iter().any(|f| f.starts_with("wildfly") || f.contains("ajax")), "{files:?}");
    }

    #[test]
    fn a_hadoop_that_is_not_pinned_is_named_with_those_that_are() {
        let error = lacking("2.6.5", JarSet::S3, &[]).expect_err("not pinned");
        assert_eq!(error.exit, sparkproof_base::Exit::Environment);
        assert!(error.to_string().contains("Hadoop 2.6.5 for s3"), "{error}");
        assert!(error.to_string().contains("3.3.4"), "{error}");
    }

    #[tokio::test]
    async fn jars_lie_beside_sparks_own() {
        let keep = tempfile::tempdir().expect("dir");
        let jar = keep.path().join("hadoop-aws-3.3.4.jar");
        std::fs::write(&jar, "jar").expect("written");
        let one = jar_layer(&[jar.clone(), jar.clone()]).await.expect("layer");
        let entry = Entry::file(&jar, 0o644);
        let same = Layer::of_entries([("/opt/spark/jars/hadoop-aws-3.3.4.jar", entry)]).await;
        assert_eq!(one.diff_id(), same.expect("layer").diff_id(), "two sets may share a jar");
    }
}
