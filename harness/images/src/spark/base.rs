//! The base of Spark images: Debian 12 with a Java 17 runtime, assembled from packages.

use std::path::PathBuf;
use std::time::Duration;

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::TryStreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_base::ledger::labels::{Lifetime, SCOPE};
use sparkproof_machine::engine::{Engine, is_root, provide_program};
use sparkproof_machine::exec::Tool;
use tokio_util::io::ReaderStream;

use crate::docker_build::bounded;
use crate::{Cache, Key, entries};

const SCRIPT: &str = include_str!("../../spark/base.sh");
/// Written by base.sh.
const JAVA_HOME: &str = "/usr/lib/jvm/java-17";
/// With `localhost/`, so that no engine asks a registry for it.
pub(super) const REPOSITORY: &str = "localhost/sparkproof/spark-base";

/// The key of its content.
pub(crate) fn key() -> Key {
    Key::new("spark-base").with("script", SCRIPT).with("arch", std::env::consts::ARCH)
}

/// The base's root file system as a tar, from the cache or assembled.
pub(crate) async fn root(context: &Context, phase: &str) -> Result<PathBuf> {
    let step = StepGuard::begin(&context.recorder, phase, "Spark base: Debian 12, Java 17".into());
    let entry = Cache::new(context)
        .entry(context, &key(), step, async |dir, step| {
            step.progress("debootstrap");
            if !is_root() {
                let what = "assembling the base of Spark images needs root: it mounts and chroots";
                return Err(Error::environment(what)
                    .remedy("run as root, or name an image with --image"));
            }
            provide_program(context, phase, "debootstrap").await?;
            let script = dir.join("base.sh");
            fs_err::write(&script, SCRIPT).or_environment("writing base.sh")?;
            Tool::new("sh")
                .args([script.as_os_str(), dir.as_os_str(), dir.join("root.tar").as_os_str()])
                .deadline(Duration::from_secs(900))
                .run(context)
                .await
                .map_err(|e| {
                    Error::environment("assembling the base of Spark images")
                        .with_source(e)
                        .remedy("configure a mirror of Debian 12 that answers for debootstrap, or name an image with --image")
                })?;
            Ok(())
        })
        .await?;
    Ok(entry.keep().join("root.tar"))
}

fn tag() -> String {
    let id = Key::new("spark-base").with("root", key().id()).with("java", JAVA_HOME).id();
    id.rsplit('-').next().unwrap_or_default().to_owned()
}

/// Whether the engine or the cache has it already.
///
/// # Errors
/// Environment: the engine does not answer, or the cache cannot be read.
pub async fn is_held(context: &Context, engine: Option<&Engine>) -> Result<bool> {
    if let Some(engine) = engine
        && engine.image(&format!("{REPOSITORY}:{}", tag())).await?.is_some()
    {
        return Ok(true);
    }
    let id = key().id();
    Ok(entries(&context.dirs)?.iter().any(|entry| entry.id == id))
}

/// The base image's reference; assembled and imported if the engine lacks it.
pub(crate) async fn base(context: &Context, engine: &Engine, phase: &str) -> Result<String> {
    let changes = vec![
        format!("LABEL {SCOPE}={}", Lifetime::Cache.as_str()),
        format!("ENV JAVA_HOME={JAVA_HOME}"),
    ];
    let tag = tag();
    let reference = format!("{REPOSITORY}:{tag}");
    if engine.image(&reference).await?.is_some() {
        return Ok(reference);
    }
    let root = root(context, phase).await?;
    let what = || format!("importing {reference}");
    let step = StepGuard::begin(&context.recorder, phase, what());
    let file = tokio::fs::File::open(root).await.or_environment(what())?;
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(REPOSITORY).tag(&tag);
    let import = engine.docker.create_image(
        Some(options.changes(changes).build()),
        Some(bollard::body_try_stream(ReaderStream::with_capacity(file, 1 << 20))),
        None,
    );
    let import = async { import.try_collect::<Vec<_>>().await.or_environment(what()) };
    bounded(context, 300, what(), import).await?;
    step.done("");
    Ok(reference)
}

/// Whether an image in the engine is built on the base.
pub(crate) async fn is_under(
    context: &Context,
    engine: &Engine,
    phase: &str,
    image: &str,
) -> Result<bool> {
    let base = base(context, engine, phase).await?;
    let layers = async |reference: &str| {
        let layers = engine.image(reference).await?.and_then(|image| image.root_fs?.layers);
        Ok::<_, Error>(layers.unwrap_or_default())
    };
    let base = layers(&base).await?;
    Ok(!base.is_empty() && layers(image).await?.starts_with(&base))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    fn program(dir: &Path, name: &str, body: &str) {
        let path = dir.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
            .expect("executable");
    }

    #[test]
    fn packages_come_from_the_mirror_that_the_nodes_come_from() {
        let dir = tempfile::tempdir().expect("a directory");
        let line = "echo bookworm http://mirror.test/debian; echo trixie http://other.test/debian";
        program(dir.path(), "apt-get", line);
        program(dir.path(), "unshare", "shift 3; exec \"$@\"");
        program(dir.path(), "debootstrap", "echo \"$@\" >\"$SEEN\"; exit 7");
        let (script, seen) = (dir.path().join("base.sh"), dir.path().join("seen"));
        std::fs::write(&script, SCRIPT).expect("written");
        let path = std::env::var("PATH").expect("a path");
        let ended = std::process::Command::new("sh")
            .args([&script, dir.path(), &dir.path().join("root.tar")])
            .env("PATH", format!("{}:{path}", dir.path().display()))
            .env("SEEN", &seen)
            .status();
        assert_eq!(ended.expect("sh").code(), Some(7), "the stand-in of debootstrap ends it");
        let asked = std::fs::read_to_string(seen).expect("debootstrap was called");
        assert!(asked.trim_end().ends_with("/root http://mirror.test/debian"), "{asked}");
        // One rule for both recipes.
        let rootfs = include_str!("../../node/rootfs.sh");
        let mirror = |text: &str| -> Vec<String> {
            let lines = text.lines().skip_while(|line| !line.starts_with("mirror="));
            lines.take(2).map(str::to_owned).collect()
        };
        assert_eq!(mirror(SCRIPT), mirror(rootfs));
    }
}
