//! The base image of Minikube's nodes.

use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::{PhaseGuard, StepGuard};
use sparkproof_catalog::kubernetes::{KubernetesRelease, minikube};
use sparkproof_machine::engine::Engine;

use super::super::build::{Named, NodeImage, held, layers, recipe, send};
use super::super::published::{Decision, Lack};
use super::super::rootfs::{rootfs, script};
use super::super::{components, inputs, published, rootfs};
use crate::golang::{Go, architecture};
use crate::{Cache, Entry, Key, Layer, tree};

/// Packages that Minikube needs on a node, besides those of every node (its
/// deploy/kicbase/Dockerfile).
const PACKAGES: [&str; 3] = ["openssh-server", "rsync", "sudo"];
/// Files of the node image that a Minikube node must not have: kind's kubelet units, since Minikube
/// writes its own; and the start of containerd before Minikube has changed its configuration.
const TAKEN_AWAY: [&str; 4] = [
    "etc/systemd/system/.wh.kubelet.service",
    "etc/systemd/system/.wh.kubelet.service.d",
    "etc/systemd/system/multi-user.target.wants/.wh.kubelet.service",
    "etc/systemd/system/multi-user.target.wants/.wh.containerd.service",
];
/// Directories that Minikube needs on each node.
const BINARIES: [&str; 3] = ["kubeadm", "kubectl", "kubelet"];

/// The parts of a Minikube node.
#[derive(Debug, Clone)]
pub struct MinikubeImage {
    /// The base image in the engine, with its Kubernetes version.
    pub node: NodeImage,
    /// For an assembled image: the directory with Kubernetes' programs, which are also in the
    /// image.
    pub programs: Option<PathBuf>,
}

/// Starts like a kind node, but in its own control group namespace. Minikube leaves that to the
/// daemon, which on cgroup v1 gives none: systemd then mounts the host's whole hierarchies, and
/// groups that the kubelet creates in hierarchies unknown to Docker (`unified`) stay on the host.
const ENTRYPOINT: &[&str] =
    &["/usr/bin/unshare", "--cgroup", "--", "/usr/local/bin/entrypoint", "/sbin/init"];

impl MinikubeImage {
    /// Prepares Minikube's home directory for an assembled image. Puts Kubernetes' programs at
    /// their download path, since Minikube asks kubeadm on this host for the images of a version,
    /// and otherwise uses older ones, which do not exist. Returns the path of the pod network's
    /// manifest. Does nothing for a published image and returns `None`.
    pub fn ready(&self, home: &Path) -> Result<Option<PathBuf>> {
        let Some(programs) = &self.programs else { return Ok(None) };
        let what = "laying out Minikube's home directory";
        let cache = home.join(".minikube/cache/linux").join(architecture());
        let cache = cache.join(&self.node.kubernetes_version);
        fs_err::create_dir_all(&cache).or_environment(what)?;
        for name in BINARIES {
            fs_err::os::unix::fs::symlink(programs.join(name), cache.join(name))
                .or_environment(what)?;
        }
        let manifest = home.join("pod-network.yaml");
        fs_err::write(&manifest, inputs::text("files/kind/manifests/default-cni.yaml"))
            .or_environment(what)?;
        Ok(Some(manifest))
    }
}

/// The base image: from the engine, else Minikube's own by digest if a registry answers, else
/// assembled. `asked_for` is the release of Kubernetes; without it, the published and the assembled
/// image have their own defaults.
///
/// # Errors
/// As [`build_node_image`](crate::node::build_node_image).
pub async fn minikube_image(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    asked_for: Option<&KubernetesRelease>,
) -> Result<MinikubeImage> {
    let pinned = minikube()?;
    let or = |default| asked_for.cloned().map_or_else(|| KubernetesRelease::resolve(default), Ok);
    let (ours, theirs) = (or(None)?, or(Some(&pinned.kubernetes))?);
    let published = format!("{}@{}", pinned.base, pinned.base_digest);
    let runs_on_published = runs_on_published(&theirs);
    if runs_on_published && let Some(node) = held(engine, &published, None, &theirs).await? {
        phase.step(format!("pull {published}")).cached();
        return Ok(MinikubeImage { node, programs: None });
    }
    let go = Go::find(context).await;
    if let Ok(go) = &go {
        let (key, reference) = names(go, &ours)?;
        if let Some(node) = held(engine, &reference, Some(&key), &ours).await? {
            phase.step("assemble Minikube's base image").cached();
            let programs = Some(components::kubernetes(context, phase, go, &ours).await?);
            return Ok(MinikubeImage { node, programs });
        }
    }
    let decision = async {
        Ok(match runs_on_published {
            true => {
                published::ask(context, &engine.docker, &pinned.base, &pinned.base_digest).await
            }
            false => Decision::Assemble(Lack::Unpublished(format!(
                "the etcd of Kubernetes {} does not accept the flags of Minikube {}",
                theirs.version, pinned.version
            ))),
        })
    };
    match context.cancel.guard(decision).await? {
        Decision::Pull(reference) => {
            context.recorder.info(format!("Minikube's base image: pulling {reference}"));
            let step = phase.step(format!("pull {reference}"));
            context
                .cancel
                .guard(published::pull(context, &engine.docker, &reference, &step))
                .await?;
            step.done("");
            let node = held(engine, &reference, None, &theirs).await?;
            let node = node.ok_or_else(|| {
                Error::environment(format!("{reference} was pulled but is not in the engine"))
            })?;
            Ok(MinikubeImage { node, programs: None })
        }
        Decision::Assemble(reason) if ours.assembled => {
            reason.assembling(context, "Minikube's base image")?;
            assemble(context, phase, engine, &ours, &go?).await
        }
        Decision::Assemble(reason) => Err(Error::environment(format!(
            "Kubernetes {} on Minikube: {reason}, and it cannot be assembled from packages",
            ours.version
        ))
        .remedy("choose another --kubernetes-version")),
    }
}

/// Minikube starts etcd with flags that etcd 3.6 (Kubernetes 1.34) no longer has.
fn runs_on_published(release: &KubernetesRelease) -> bool {
    release.major_minor().1.parse::<u32>().is_ok_and(|minor| minor <= 33)
}

/// The recipe and the reference of an assembled base image.
fn names(go: &Go, release: &KubernetesRelease) -> Result<(Key, String)> {
    let key = Key::new("minikube-base")
        .with("layout", "1")
        .with("entrypoint", ENTRYPOINT.join(" "))
        .with("node", recipe(go, release)?.id())
        .with("packages", packages_key(go).id())
        .with("crictl", go.key("crictl", None).id());
    let key = inputs::add(key, "minikube");
    let id = key.id();
    let tag = id.trim_start_matches("minikube-base-");
    let reference = format!("sparkproof/minikube:{}-{tag}", release.version);
    Ok((key, reference))
}

fn packages_key(go: &Go) -> Key {
    Key::new("minikube-packages")
        .with("script", inputs::text("minikube.sh"))
        .with("packages", PACKAGES.join(" "))
        .with("rootfs", rootfs::key(&go.arch).id())
}

async fn assemble(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    release: &KubernetesRelease,
    go: &Go,
) -> Result<MinikubeImage> {
    let mut layers = layers(context, phase, release, go).await?;
    layers.push(Layer::of_tar(packages(context, phase, go).await?).await?);
    let crictl = components::crictl(context, phase, go).await?;
    layers.push(Layer::of_entries(files(release, &crictl)).await?);
    let programs = Some(components::kubernetes(context, phase, go, release).await?);
    let (key, reference) = names(go, release)?;
    let named = Named { key: &key, reference: &reference, entrypoint: ENTRYPOINT };
    let node = send(context, phase, engine, layers, named, release, go).await?;
    Ok(MinikubeImage { node, programs })
}

/// A tar of what the packages and the user add to the root file system.
async fn packages(context: &Context, phase: &PhaseGuard, go: &Go) -> Result<PathBuf> {
    let rootfs = rootfs(context, phase, &go.arch).await?;
    let step = phase.step(format!("apt install {}", PACKAGES.join(" ")));
    let build = async |dir: &Path, step: &StepGuard| {
        let mut args = vec![dir.display().to_string(), rootfs.display().to_string()];
        args.extend(PACKAGES.map(str::to_owned));
        script(context, step, dir, "minikube.sh", &args).await?;
        let (root, layer, rootfs) = (dir.join("root"), dir.join("layer.tar"), rootfs.clone());
        tokio::task::spawn_blocking(move || {
            tree::difference(&rootfs, &root, &layer)?;
            fs_err::remove_dir_all(root)
        })
        .await
        .or_internal("packing Minikube's packages")?
        .or_environment("packing Minikube's packages")
    };
    let entry = Cache::new(context).entry(context, &packages_key(go), step, build).await?;
    Ok(entry.keep().join("layer.tar"))
}

/// The files of the last layer by path.
fn files(release: &KubernetesRelease, crictl: &Path) -> Vec<(String, Entry)> {
    let mode = |path: &str| if path.starts_with("etc/sudoers.d/") { 0o440 } else { 0o644 };
    let mut files: Vec<(String, Entry)> = inputs::files("minikube")
        .into_iter()
        .map(|(path, bytes)| (path.clone(), Entry::bytes(bytes, mode(&path))))
        .collect();
    files.extend(TAKEN_AWAY.map(|path| (path.to_owned(), Entry::bytes("", 0o644))));
    files.push(("usr/local/bin/crictl".to_owned(), Entry::file(crictl, 0o755)));
    // Minikube checks this path before it copies them.
    let place = format!("var/lib/minikube/binaries/{}", release.version);
    files.extend(
        BINARIES.map(|name| (format!("{place}/{name}"), Entry::link(format!("/usr/bin/{name}")))),
    );
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_etcds_take_minikubes_flags() {
        let release = |version| KubernetesRelease::resolve(Some(version)).expect("known");
        assert!(runs_on_published(&release("v1.33.5")) && !runs_on_published(&release("v1.34.11")));
    }

    #[test]
    fn the_last_layer_is_as_reviewed() {
        let release = KubernetesRelease::resolve(Some("v1.33.5")).expect("known");
        let files = files(&release, Path::new("/cache/crictl"));
        let paths: Vec<String> = files.into_iter().map(|(path, _)| path).collect();
        insta::assert_snapshot!(paths.join("\n"));
    }
}
