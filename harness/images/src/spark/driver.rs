//! The image of a driver that runs in a container: the base of Spark images with Python.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::plan::FrontEnd;
use sparkproof_machine::engine::Engine;

use super::{base, tool};
use crate::docker_build::{Build, docker_build, put_dockerfile};
use crate::{Key, debian, debian_layer};

const DOCKERFILE: &str = include_str!("../../spark/driver.Dockerfile");
/// PySpark needs more of the standard library than `python3-minimal` has.
pub(super) const PYTHON: (&str, [&str; 1]) = ("python3", ["python3"]);

/// Its reference; built if the engine lacks it. It contains no Spark, so it fits any version. JVM
/// front ends need only the base.
///
/// # Errors
/// Environment: the base or its packages cannot be assembled here.
pub async fn driver_image(
    context: &Context,
    engine: &Engine,
    phase: &str,
    front_end: FrontEnd,
) -> Result<String> {
    if front_end != FrontEnd::Pyspark {
        return base::base(context, engine, phase).await;
    }
    let (name, packages) = PYTHON;
    let key = Key::new("driver")
        .with("dockerfile", DOCKERFILE)
        .with("layer", debian::key(name, &packages).id());
    let id = key.id();
    let tag = id.rsplit('-').next().unwrap_or_default();
    let reference = format!("{}/driver:{tag}", tool::REPOSITORY);
    if engine.image(&reference).await?.is_some() {
        return Ok(reference);
    }
    let parts = async {
        let base = base::base(context, engine, phase).await?;
        Ok((base, debian_layer(context, phase, name, &packages).await?))
    };
    let (base, layer) = parts.await.map_err(|error: Error| {
        Error::environment("building the image of a driver in a container")
            .with_source(error)
            .remedy("--driver host needs no image")
    })?;
    let step = StepGuard::begin(&context.recorder, phase, format!("docker build {reference}"));
    let build = Build { reference: &reference, dockerfile: "Dockerfile", base: Some(&base) };
    docker_build(context, engine, build, move |archive| {
        put_dockerfile(archive, DOCKERFILE)?;
        archive.append_path_with_name(layer, "layer.tar")
    })
    .await?;
    step.done("");
    Ok(reference)
}
