//! The three ways to a Spark image.

use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::spark::find;
use sparkproof_machine::engine::Engine;

use super::{Distribution, build, class_data, composed, distribution, java, tool};
use crate::Key;

/// The image of executors, with the driver's distribution.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct SparkImage {
    /// Its name for pods; with a content tag, never `latest`, unless the user gave it.
    pub reference: String,
    /// The engine's id of it (`sha256:…`); `None` if the engine does not have it, because only the
    /// cluster can pull it.
    pub digest: Option<String>,
    /// Unpacked size in bytes, if the engine has it.
    pub size_bytes: Option<u64>,
    /// The driver's `SPARK_HOME`.
    pub spark_home: PathBuf,
    /// The driver's Java, if the host's is not suitable.
    #[serde(default)]
    pub java_home: Option<PathBuf>,
    /// The archive of classes for a driver on this host, if there is one.
    #[serde(default)]
    pub driver_archive: Option<PathBuf>,
    /// Spark's version, of the driver.
    pub version: SparkVersion,
    /// Its origin, for the report.
    pub origin: String,
}

/// Built from PyPI's package of a version, unless the engine has the image already.
pub async fn from_version(
    context: &Context,
    engine: &Engine,
    phase: &str,
    version: &SparkVersion,
) -> Result<SparkImage> {
    let known = find(version)?;
    let key = Key::new(&known.version.to_string())
        .with("distribution", distribution::key(known).id())
        .with("base", java::base_image_key(Some(known)).id());
    let plain = format!("{}/spark:{}", tool::REPOSITORY, key.id());
    // Java 11 archives classes in another way, which is not worth it for versions of the past.
    let archives = known.runtime().is_none();
    let reference = match archives {
        true => format!("{}/spark:{}", tool::REPOSITORY, class_data::add(key).id()),
        false => plain.clone(),
    };
    let distribution = composed(context, phase, version);
    let (distribution, origin, archived) = if engine.image(&reference).await?.is_some() {
        (distribution.await?, "cached", archives)
    } else {
        // Two concurrent downloads.
        let (distribution, base) = futures::try_join!(
            distribution,
            java::base_image(context, engine, phase, Some(known))
        )?;
        if engine.image(&plain).await?.is_none() {
            let step = StepGuard::begin(&context.recorder, phase, format!("docker build {plain}"));
            match build::build(context, engine, &distribution, &base, &plain).await {
                Ok(()) => step.done(""),
                Err(error) => {
                    step.failed(&error);
                    return Err(error);
                }
            }
        }
        let archived =
            archives && class_data::build(context, engine, phase, &plain, &reference).await?;
        (distribution, "built from PyPI's pyspark", archived)
    };
    if !archived {
        return describe(Some(engine), plain, distribution, origin.to_owned()).await;
    }
    let home = &distribution.home;
    let driver_archive =
        class_data::driver_archive(context, engine, phase, &reference, home).await?;
    let image = describe(Some(engine), reference, distribution, origin.to_owned()).await?;
    Ok(SparkImage { driver_archive, ..image })
}

/// Built from a distribution by its `bin/docker-image-tool.sh`. If its Dockerfile allows it, with
/// sparkproof's base; else the tool pulls the base from a registry.
pub async fn from_home(
    context: &Context,
    engine: &Engine,
    phase: &str,
    distribution: Distribution,
) -> Result<SparkImage> {
    let path = distribution.home.join("kubernetes/dockerfiles/spark/Dockerfile");
    let dockerfile = fs_err::read_to_string(&path).map_err(|e| {
        Error::input(format!("--spark-home {}", distribution.home.display())).with_source(e)
    })?;
    let from = tool::base_of(&dockerfile);
    let known = find(&distribution.version).ok();
    let base_key = match &from {
        tool::Base::Ours(_) => java::base_image_key(known).id(),
        tool::Base::Registry(base) => base.clone(),
    };
    let listing = listing(&distribution.home)?;
    let key = Key::new(&format!("{}-home", distribution.version))
        .with("base", base_key)
        .with("files", listing);
    let tag = key.id();
    let reference = format!("{}/spark:{tag}", tool::REPOSITORY);
    if engine.image(&reference).await?.is_some() {
        return describe(Some(engine), reference, distribution, "cached".into()).await;
    }
    let base = match &from {
        tool::Base::Ours(argument) => {
            Some((*argument, java::base_image(context, engine, phase, known).await?))
        }
        tool::Base::Registry(base) => {
            context.recorder.info(format!(
                "docker-image-tool.sh pulls the base {base} of its Dockerfile from a registry"
            ));
            None
        }
    };
    let step = StepGuard::begin(&context.recorder, phase, "docker-image-tool.sh build".into());
    let base = base.as_ref().map(|(argument, image)| (*argument, image.as_str()));
    match tool::run(context, engine, &distribution, &tag, base).await {
        Ok(()) => step.done(""),
        Err(error) => {
            step.failed(&error);
            return Err(error);
        }
    }
    let origin = "built by the distribution's docker-image-tool.sh".to_owned();
    describe(Some(engine), reference, distribution, origin).await
}

/// The user's image as it is; the driver uses the given distribution, whose version must be the
/// image's. With an engine, from which nodes get the image, the engine must have it (bad input);
/// without one the cluster pulls it.
pub async fn from_reference(
    engine: Option<&Engine>,
    reference: &str,
    driver: Distribution,
) -> Result<SparkImage> {
    let origin = if engine.is_some() { "given" } else { "given; the cluster pulls it" };
    let image = describe(engine, reference.to_owned(), driver, origin.to_owned()).await?;
    if engine.is_some() && image.digest.is_none() {
        return Err(Error::input(format!("--image {reference}: not in Docker"))
            .remedy("build it or `docker pull` it first; nodes get it from Docker"));
    }
    Ok(image)
}

async fn describe(
    engine: Option<&Engine>,
    reference: String,
    distribution: Distribution,
    origin: String,
) -> Result<SparkImage> {
    let found = match engine {
        Some(engine) => engine.image(&reference).await?,
        None => None,
    };
    Ok(SparkImage {
        digest: found.as_ref().and_then(|i| i.id.clone()),
        size_bytes: found.and_then(|i| i.size).and_then(|s| u64::try_from(s).ok()),
        reference,
        spark_home: distribution.home,
        java_home: distribution.java_home,
        driver_archive: None,
        version: distribution.version,
        origin,
    })
}

/// Path, size and modification time of every file that can be in the image, which is cheaper than
/// hashing half a gigabyte each time.
fn listing(home: &Path) -> Result<String> {
    use std::fmt::Write;
    let mut lines = String::new();
    for entry in walkdir::WalkDir::new(home).sort_by_file_name() {
        let entry = entry.or_input("reading --spark-home")?;
        let meta = entry.metadata().or_input("reading --spark-home")?;
        if meta.is_file() {
            let time =
                meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
            let _ = writeln!(lines, "{} {} {time:?}", entry.path().display(), meta.len());
        }
    }
    Ok(lines)
}
