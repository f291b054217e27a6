//! A distribution's `bin/docker-image-tool.sh`, as the guide uses it.

use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_machine::engine::{Engine, configuration};
use sparkproof_machine::exec::Tool;

use super::Distribution;

/// The repository argument of the tool, which appends `/spark`.
pub(super) const REPOSITORY: &str = "localhost/sparkproof";

/// How the base of a distribution's Dockerfile is chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// sparkproof's base, through this build argument.
    Ours(&'static str),
    /// The official base, `eclipse-temurin:<java_image_tag>` from a registry.
    Registry(String),
}

/// Reads a distribution's Dockerfile.
pub(super) fn base_of(dockerfile: &str) -> Base {
    let argument = |name: &str| {
        dockerfile.lines().find_map(|l| l.trim().strip_prefix("ARG ")?.strip_prefix(name))
    };
    if argument("base_image").is_some() {
        return Base::Ours("base_image");
    }
    let from = dockerfile.lines().find_map(|l| l.trim().strip_prefix("FROM "));
    let tag = argument("java_image_tag=").unwrap_or_default().trim();
    Base::Registry(from.unwrap_or_default().trim().replace("${java_image_tag}", tag))
}

/// `docker-image-tool.sh -r REPOSITORY -t TAG [-b base_image=…] build`.
pub(super) async fn run(
    context: &Context,
    engine: &Engine,
    distribution: &Distribution,
    tag: &str,
    base: Option<(&str, &str)>,
) -> Result<()> {
    let mut arguments = vec!["-r".to_owned(), REPOSITORY.to_owned(), "-t".into(), tag.to_owned()];
    if let Some((argument, image)) = base {
        arguments.extend(["-b".to_owned(), format!("{argument}={image}")]);
    }
    arguments.push("build".to_owned());
    let configuration = configuration::borrowed(context.run.dir())?;
    Tool::new(distribution.home.join("bin/docker-image-tool.sh"))
        .args(arguments)
        .env("DOCKER_HOST", &engine.host)
        .env("DOCKER_CONFIG", configuration.path())
        .env("SPARK_HOME", &distribution.home)
        .dir(&distribution.home)
        .deadline(Duration::from_secs(1800))
        .run(context)
        .await
        .map_err(|e| {
            let error = Error::environment(format!(
                "building the image of {} with its own bin/docker-image-tool.sh",
                distribution.home.display()
            ));
            error.with_source(e).remedy(
                "the official Dockerfile pulls its base from a registry and installs packages: \
                 configure a network for the Docker daemon, or use --spark-version, which needs neither",
            )
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dockerfile_says_where_its_base_comes_from() {
        let ours = include_str!("../../spark/Dockerfile");
        assert_eq!(base_of(ours), Base::Ours("base_image"));
        let official = "ARG java_image_tag=17-jre\n\nFROM eclipse-temurin:${java_image_tag}\n";
        assert_eq!(base_of(official), Base::Registry("eclipse-temurin:17-jre".into()));
        assert_eq!(base_of("FROM openjdk:8"), Base::Registry("openjdk:8".into()));
    }
}
