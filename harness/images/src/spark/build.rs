//! Builds the Spark image from a distribution.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_machine::engine::Engine;

use super::Distribution;
use crate::docker_build::{Build, docker_build};

/// What the Dockerfile copies, relative to the distribution.
const CONTEXT: [&str; 7] = ["jars", "bin", "sbin", "data", "examples", "RELEASE", "kubernetes"];

/// Builds `reference` from a distribution and a base image.
pub(super) async fn build(
    context: &Context,
    engine: &Engine,
    distribution: &Distribution,
    base: &str,
    reference: &str,
) -> Result<()> {
    let home = distribution.home.clone();
    let dockerfile = "kubernetes/dockerfiles/spark/Dockerfile";
    let build = Build { reference, dockerfile, base: Some(base) };
    docker_build(context, engine, build, move |archive| {
        for name in CONTEXT {
            let path = home.join(name);
            if path.is_dir() {
                archive.append_dir_all(name, path)?;
            } else {
                archive.append_path_with_name(path, name)?;
            }
        }
        Ok(())
    })
    .await
}
