//! Java for Spark versions that do not run on Java 17: a runtime from PyPI, for the driver and for
//! the base of images.

use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::spark::{Runtime, SparkRelease};
use sparkproof_machine::engine::Engine;

use super::{base, tool};
use crate::docker_build::{Build, docker_build, put_dockerfile};
use crate::{Cache, Key, pip};

const DOCKERFILE: &str = include_str!("../../spark/java.Dockerfile");

/// The `JAVA_HOME` of the runtime for a version, from the cache or downloaded. Progress belongs to
/// `phase`.
///
/// # Errors
/// Environment: no pip, or no index that answers; an architecture that the package is not for.
pub(super) async fn home(
    context: &Context,
    phase: &str,
    version: &SparkRelease,
) -> Result<Option<PathBuf>> {
    let Some(runtime) = version.runtime() else { return Ok(None) };
    let what = format!("Java {}", runtime.java);
    let step = StepGuard::begin(&context.recorder, phase, format!("{what}, {}", runtime.package));
    let entry = Cache::new(context)
        .entry(context, &key(runtime), step, async |dir, _| {
            let pinned = format!("{} --hash=sha256:{}\n", runtime.package, runtime.sha256);
            fs_err::write(dir.join("requirements.txt"), pinned).or_environment("writing a pin")?;
            pip::install(context, &what, dir, "package", &[]).await
        })
        .await?;
    Ok(Some(entry.keep().join("package").join(&runtime.home)))
}

/// A program of the Java that Spark's scripts choose: of `JAVA_HOME`, else on `PATH`.
pub fn program(name: &str) -> PathBuf {
    match std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => PathBuf::from(home).join("bin").join(name),
        None => name.into(),
    }
}

/// What changes when a Java is replaced: path, size and time of its program.
pub(super) fn identity(java: &Path) -> std::io::Result<String> {
    let path = fs_err::canonicalize(java)?;
    let meta = fs_err::metadata(&path)?;
    Ok(format!("{} {} {:?}", path.display(), meta.len(), meta.modified()?))
}

/// The base image of a version: Debian with Java.
pub(super) async fn base_image(
    context: &Context,
    engine: &Engine,
    phase: &str,
    version: Option<&SparkRelease>,
) -> Result<String> {
    let Some((version, runtime)) = version.and_then(|v| Some((v, v.runtime()?))) else {
        return base::base(context, engine, phase).await;
    };
    let id = base_key(runtime).id();
    let tag = id.rsplit('-').next().unwrap_or_default();
    let reference = format!("{}/spark-base-java{}:{tag}", tool::REPOSITORY, runtime.java);
    if engine.image(&reference).await?.is_some() {
        return Ok(reference);
    }
    let both =
        futures::try_join!(base::base(context, engine, phase), home(context, phase, version));
    let (base, home) = both?;
    let step = StepGuard::begin(&context.recorder, phase, format!("docker build {reference}"));
    let build = Build { reference: &reference, dockerfile: "Dockerfile", base: Some(&base) };
    docker_build(context, engine, build, move |archive| {
        put_dockerfile(archive, DOCKERFILE)?;
        archive.append_dir_all("java", home.as_deref().unwrap_or(Path::new("/nonexistent")))
    })
    .await?;
    step.done("");
    Ok(reference)
}

/// The key of [`base_image`].
pub(super) fn base_image_key(version: Option<&SparkRelease>) -> Key {
    version.and_then(SparkRelease::runtime).map_or_else(base::key, base_key)
}

fn base_key(runtime: &Runtime) -> Key {
    Key::new("spark-base-java")
        .with("base", base::key().id())
        .with("dockerfile", DOCKERFILE)
        .with("runtime", key(runtime).id())
}

fn key(runtime: &Runtime) -> Key {
    Key::new(&format!("java-{}", runtime.java)).with("package", &runtime.sha256)
}
