//! Provides the node image of a Kubernetes version.

use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::{PhaseGuard, StepGuard};
use sparkproof_base::ledger::labels::RECIPE;
use sparkproof_catalog::kubernetes::{KubernetesRelease, kind_version};
use sparkproof_machine::engine::Engine;

use super::published::Decision;
use super::rootfs::rootfs;
use super::{components, inputs, load, published, rootfs, stage};
use crate::golang::Go;
use crate::{Cache, Key, Layer};

/// A node image in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeImage {
    /// The argument of `kind create cluster --image`.
    pub reference: String,
    /// Image id, the digest of its configuration: `sha256:…`.
    pub digest: String,
    /// Unpacked size in bytes.
    pub size: u64,
    /// The Kubernetes version, e.g. `v1.34.11`.
    pub kubernetes_version: String,
}

/// The kind binary of the pinned release, from the cache or built from its Go module.
pub async fn kind_binary(context: &Context, phase: &PhaseGuard) -> Result<PathBuf> {
    let go = Go::find(context).await?;
    Ok(components::kind(context, phase, &go).await?.join("kind"))
}

/// The node image of a release: from the engine, else pulled by digest if a registry answers, else
/// assembled (needs root, Go, debootstrap and some 6 GB of disk).
///
/// # Errors
/// Environment: a prerequisite is missing, a build failed (with the tool's last lines), the engine
/// refused the image, or this version cannot be provided here.
pub async fn build_node_image(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    release: &KubernetesRelease,
) -> Result<NodeImage> {
    let docker = &engine.docker;
    if let Some(digest) = &release.published {
        let reference = format!("{}@{digest}", published::KIND);
        if let Some(image) = held(engine, &reference, None, release).await? {
            phase.step(format!("pull {reference}")).cached();
            return Ok(image);
        }
    }
    let go = Go::find(context).await;
    if let Ok(go) = &go {
        let key = recipe(go, release)?;
        if let Some(image) = held(engine, &reference(&key, release), Some(&key), release).await? {
            phase.step("assemble the node image").cached();
            return Ok(image);
        }
    }
    let decision =
        context.cancel.guard(async { Ok(published::decide(context, docker, release).await) });
    match decision.await? {
        Decision::Pull(reference) => {
            context.recorder.info(format!("node image: pulling {reference}, a registry has it"));
            let step = phase.step(format!("pull {reference}"));
            context.cancel.guard(published::pull(context, docker, &reference, &step)).await?;
            step.done("");
            held(engine, &reference, None, release).await?.ok_or_else(|| {
                Error::environment(format!("{reference} was pulled but is not in the engine"))
            })
        }
        Decision::Assemble(reason) if release.assembled => {
            reason.assembling(context, "node image")?;
            assemble(context, phase, engine, release, &go?).await
        }
        Decision::Assemble(reason) => Err(Error::environment(format!(
            "Kubernetes {}: {reason}, and this version cannot be assembled from packages",
            release.version
        ))
        .remedy("choose another --kubernetes-version")),
    }
}

async fn assemble(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    release: &KubernetesRelease,
    go: &Go,
) -> Result<NodeImage> {
    let key = recipe(go, release)?;
    let layers = layers(context, phase, release, go).await?;
    let reference = reference(&key, release);
    let named = Named { key: &key, reference: &reference, entrypoint: load::ENTRYPOINT };
    send(context, phase, engine, layers, named, release, go).await
}

/// The two layers of an assembled node image: the root file system, and Kubernetes.
pub(super) async fn layers(
    context: &Context,
    phase: &PhaseGuard,
    release: &KubernetesRelease,
    go: &Go,
) -> Result<Vec<Layer>> {
    let key = recipe(go, release)?;
    let step = phase.step("assemble the node image");
    let build = async |dir: &Path, step: &StepGuard| {
        // Concurrently: one waits for the network, the other for the processors.
        let (rootfs, parts) = tokio::try_join!(
            rootfs(context, phase, &go.arch),
            components::all(context, phase, go, release)
        )?;
        stage::layer(context, step, dir, &rootfs, &parts, release, &go.arch).await
    };
    let layer = Cache::new(context).entry(context, &key, step, build).await?.keep();
    let rootfs = rootfs(context, phase, &go.arch).await?;
    Ok(vec![Layer::of_tar(rootfs).await?, Layer::of_tar(layer.join("layer.tar")).await?])
}

/// An image to be assembled: its recipe, its name, its command.
pub(super) struct Named<'a> {
    pub(super) key: &'a Key,
    pub(super) reference: &'a str,
    pub(super) entrypoint: &'a [&'a str],
}

/// Loads the image with these layers into the engine, under the name of its recipe.
pub(super) async fn send(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    layers: Vec<Layer>,
    named: Named<'_>,
    release: &KubernetesRelease,
    go: &Go,
) -> Result<NodeImage> {
    let step = phase.step("load the node image");
    let Named { key, reference, entrypoint } = named;
    let configuration = load::configuration(&layers, &go.arch, &key.id(), entrypoint);
    context.cancel.guard(load::load(&engine.docker, reference, configuration, layers)).await?;
    let image = held(engine, reference, Some(key), release).await?.ok_or_else(|| {
        Error::environment(format!("{reference} was loaded but is not in the engine"))
    })?;
    step.done(format!("{} MB", image.size / 1_000_000));
    Ok(image)
}

/// The key of an assembled image: everything that decides its content.
pub(super) fn recipe(go: &Go, release: &KubernetesRelease) -> Result<Key> {
    let key = Key::new("node")
        .with("layout", "1")
        .with("script", inputs::text("layer.sh"))
        .with("rootfs", rootfs::key(&go.arch).id())
        .with("kind", kind_version()?);
    let parts = [
        go.key("kubernetes", Some(release)),
        go.key("etcd", None),
        go.key("coredns", None),
        go.key("kind", None),
        go.key("policyd", None),
    ];
    let key = parts.iter().fold(key, |key, part| key.with("part", part.id()));
    Ok(inputs::add(key, "files"))
}

fn reference(key: &Key, release: &KubernetesRelease) -> String {
    let id = key.id();
    format!("sparkproof/node:{}-{}", release.version, id.trim_start_matches("node-"))
}

/// The image, if the engine has it; an assembled one only if its label has this recipe.
pub(super) async fn held(
    engine: &Engine,
    reference: &str,
    key: Option<&Key>,
    release: &KubernetesRelease,
) -> Result<Option<NodeImage>> {
    let Some(seen) = engine.image(reference).await? else { return Ok(None) };
    let labels = seen.config.and_then(|config| config.labels).unwrap_or_default();
    if key.is_some_and(|key| labels.get(RECIPE) != Some(&key.id())) {
        return Ok(None);
    }
    Ok(Some(NodeImage {
        reference: reference.to_owned(),
        digest: seen.id.unwrap_or_default(),
        size: seen.size.unwrap_or_default().unsigned_abs(),
        kubernetes_version: release.version.clone(),
    }))
}
