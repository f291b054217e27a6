//! Provides the image of a server: from the engine, else assembled.

use std::path::Path;

use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::StoreKind;
use sparkproof_machine::engine::Engine;

use super::inputs::STORES;
use super::{azure, hdfs, moto, s3};
use crate::docker_build::{Build, docker_build};
use crate::golang::Go;
use crate::spark::base;
use crate::{Cache, Key};

/// The image's reference; assembled and built if the engine lacks it. Progress belongs to `phase`.
///
/// # Errors
/// Environment: a package cannot be downloaded or is not the pinned one, or the engine refused the
/// build.
pub async fn provide(
    context: &Context,
    engine: &Engine,
    phase: &str,
    kind: StoreKind,
) -> Result<String> {
    let go = match kind {
        StoreKind::S3 => Some(Go::find(context).await?),
        _ => None,
    };
    let key =
        Key::new(&format!("store-{kind}")).with("recipe", "1").with("arch", std::env::consts::ARCH);
    let key = STORES.add(key, kind.name());
    let key = match &go {
        Some(go) => go.add(key),
        None => key.with("base", base::key().id()),
    };
    let id = key.id();
    let tag = id.rsplit('-').next().unwrap_or_default();
    let reference = format!("localhost/sparkproof/store-{kind}:{tag}");
    if engine.image(&reference).await?.is_some() {
        return Ok(reference);
    }
    let base = match go {
        Some(_) => None,
        None => Some(base::base(context, engine, phase).await?),
    };
    let step = StepGuard::begin(&context.recorder, phase, format!("assemble {reference}"));
    let entry = Cache::new(context)
        .entry(context, &key, step, async |dir, step| {
            for (name, bytes) in STORES.files(kind.name()) {
                write(&dir.join(name), bytes)?;
            }
            // An empty directory for the server's data, owned by its user.
            write(&dir.join("data/.keep"), b"")?;
            match kind {
                StoreKind::S3 => s3::fill(context, step, dir).await,
                StoreKind::Hdfs => hdfs::fill(context, phase, step, dir).await,
                StoreKind::Azure => azure::fill(context, step, dir).await,
                StoreKind::Moto => moto::fill(context, phase, step, dir).await,
            }
        })
        .await?;
    let step = StepGuard::begin(&context.recorder, phase, format!("docker build {reference}"));
    let build = Build { reference: &reference, dockerfile: "Dockerfile", base: base.as_deref() };
    let built =
        docker_build(context, engine, build, move |archive| archive.append_dir_all(".", &*entry));
    match built.await {
        Ok(()) => step.done(""),
        Err(error) => {
            step.failed(&error);
            return Err(error);
        }
    }
    Ok(reference)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs_err::create_dir_all(path.parent().unwrap_or(path)).or_environment("making inputs")?;
    fs_err::write(path, bytes).or_environment("writing inputs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_its_inputs_with_a_dockerfile() {
        for kind in StoreKind::ALL {
            let path = format!("{kind}/Dockerfile");
            assert!(STORES.text(&path).contains("ENTRYPOINT"), "{path}");
        }
    }
}
