//! The Go programs of a node, each a cache entry: Kubernetes with related programs, etcd, CoreDNS,
//! kind, the policy controller. Built one after the other: `go build` uses all processors, and builds that share packages
//! must not compile them twice.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::{PhaseGuard, StepGuard};
use sparkproof_catalog::kubernetes::{KubernetesRelease, kind_version, minikube};
use sparkproof_machine::exec::Tool;

use super::{gomod, inputs};
use crate::golang::{Go, go, go_build};
use crate::{Cache, InUse, Key, tree};

/// The programs of Kubernetes' `cmd/` on a node.
const KUBERNETES: [&str; 7] = [
    "kubeadm",
    "kubectl",
    "kubelet",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
];

/// Directories with the built programs.
#[derive(Debug)]
pub(super) struct Components {
    /// The programs of `KUBERNETES`, and `netd`, `pause`, `local-path-provisioner`.
    pub kubernetes: PathBuf,
    /// `etcd`.
    pub etcd: PathBuf,
    /// `coredns`.
    pub coredns: PathBuf,
    /// `kind`, and `base/`: the files of its base image.
    pub kind: PathBuf,
    /// `policyd`.
    pub policyd: PathBuf,
}

/// Minikube, in a directory of its own sources.
pub(super) async fn build_minikube(context: &Context, dir: &Path, step: &StepGuard) -> Result<()> {
    let source = source(dir, "minikube")?;
    let pinned = minikube()?;
    let set = |name: &str, value: &str| format!(" -X k8s.io/minikube/pkg/version.{name}={value}");
    // As in its Makefile. The storage provisioner's version is that of the release.
    let stamp = [
        set("version", &pinned.version),
        set("isoVersion", &pinned.version),
        set("gitCommitID", &pinned.commit),
        set("storageProvisionerVersion", "v5"),
    ];
    // Without this tag the build needs libvirt's headers.
    let args = ["-tags", "libvirt_dlopen", "-o", "../minikube", "k8s.io/minikube/cmd/minikube"];
    go_build(context, &source, step, "readonly", &stamp.concat(), &args).await?;
    remove(&source)
}

/// `crictl`, with which Minikube uses a node's runtime.
pub(super) async fn crictl(context: &Context, phase: &PhaseGuard, go: &Go) -> Result<PathBuf> {
    let package = "sigs.k8s.io/cri-tools/cmd/crictl";
    Ok(single(context, phase, go, "crictl", package).await?.join("crictl"))
}

impl Go {
    /// The key of one component; `release` only where its version decides the content.
    pub(super) fn key(&self, name: &str, release: Option<&KubernetesRelease>) -> Key {
        let key = self.add(Key::new(name).with("recipe", "1"));
        let key = key.with("release", release.map_or("", |release| &release.version));
        inputs::add(key, &format!("go/{name}"))
    }
}

/// kind with its base files.
pub(super) async fn kind(context: &Context, phase: &PhaseGuard, go: &Go) -> Result<PathBuf> {
    let step = phase.step(format!("go build kind {}", kind_version()?));
    let key = go.key("kind", None);
    let build = async |dir: &Path, step: &StepGuard| {
        let source = source(dir, "kind")?;
        go_build(context, &source, step, "readonly", "", &["-o", "../kind", "sigs.k8s.io/kind"])
            .await?;
        let module = Tool::new("go")
            .args(["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind"])
            .dir(&source)
            .run(context)
            .await?;
        let files = Path::new(module.stdout.trim()).join("images/base/files");
        tree::copy(&files, &dir.join("base")).or_environment("copying kind's base files")?;
        remove(&source)
    };
    Cache::new(context).entry(context, &key, step, build).await.map(InUse::keep)
}

/// Builds all of them.
pub(super) async fn all(
    context: &Context,
    phase: &PhaseGuard,
    go: &Go,
    release: &KubernetesRelease,
) -> Result<Components> {
    Ok(Components {
        kubernetes: kubernetes(context, phase, go, release).await?,
        etcd: single(context, phase, go, "etcd", ".").await?,
        coredns: single(context, phase, go, "coredns", ".").await?,
        kind: kind(context, phase, go).await?,
        policyd: single(context, phase, go, "policyd", ".").await?,
    })
}

/// The programs of `KUBERNETES`, and what is built beside them.
pub(super) async fn kubernetes(
    context: &Context,
    phase: &PhaseGuard,
    go: &Go,
    release: &KubernetesRelease,
) -> Result<PathBuf> {
    let step = phase.step(format!("go build kubernetes {}", release.version));
    let key = go.key("kubernetes", Some(release));
    let build = async |dir: &Path, step: &StepGuard| {
        let source = source(dir, "kubernetes")?;
        let mode = if release.is_default() {
            "readonly"
        } else {
            take_requirements(context, &source, release).await?;
            "mod"
        };
        let stamp = stamp(release);
        let mut args = vec!["-o".to_owned(), "../".to_owned()];
        args.extend(KUBERNETES.map(|name| format!("k8s.io/kubernetes/cmd/{name}")));
        args.extend(["./netd".to_owned(), "./pause".to_owned()]);
        go_build(context, &source, step, mode, &stamp, &args).await?;
        // Not in one call with Kubernetes: they import two spellings of one module's name.
        let beside = ["-o", "../", "github.com/rancher/local-path-provisioner"];
        go_build(context, &source, step, mode, "", &beside).await?;
        // Derived for another version: kept in the entry, so that it can become the default.
        for name in ["go.mod", "go.sum"] {
            fs_err::rename(source.join(name), dir.join(name)).or_environment("keeping go.mod")?;
        }
        remove(&source)
    };
    Cache::new(context).entry(context, &key, step, build).await.map(InUse::keep)
}

async fn single(
    context: &Context,
    phase: &PhaseGuard,
    go: &Go,
    name: &str,
    package: &str,
) -> Result<PathBuf> {
    let step = phase.step(format!("go build {name}"));
    let build = async |dir: &Path, step: &StepGuard| {
        let source = source(dir, name)?;
        let output = format!("../{name}");
        go_build(context, &source, step, "readonly", "", &["-o", &output, package]).await?;
        remove(&source)
    };
    let key = go.key(name, None);
    Cache::new(context).entry(context, &key, step, build).await.map(InUse::keep)
}

/// `go.mod` and `go.sum` of another version than the committed one.
async fn take_requirements(
    context: &Context,
    source: &Path,
    release: &KubernetesRelease,
) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Module {
        dir: PathBuf,
    }
    let module = format!("k8s.io/kubernetes@{}", release.version);
    // Outside any module, so that the answer does not depend on its requirements.
    let said = go(source)
        .args(["mod", "download", "-json", &module])
        .dir(source.join(".."))
        .run(context)
        .await?;
    let dir = serde_json::from_str::<Module>(&said.stdout).or_environment("reading `go mod`")?.dir;
    let upstream = fs_err::read_to_string(dir.join("go.mod")).or_environment("reading go.mod")?;
    fs_err::write(source.join("go.mod"), gomod::derive(&upstream, release))
        .or_environment("writing go.mod")?;
    // Not copied, since a copy from the module cache would be read-only, too.
    let sums = fs_err::read(dir.join("go.sum")).or_environment("reading go.sum")?;
    fs_err::write(source.join("go.sum"), sums).or_environment("writing go.sum")
}

/// The version of `kubectl version` and the API server, set like in Kubernetes' build.
fn stamp(release: &KubernetesRelease) -> String {
    let (major, minor) = release.major_minor();
    ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
        .map(|package| {
            format!(
                " -X {package}.gitVersion={} -X {package}.gitMajor={major} \
                 -X {package}.gitMinor={minor} -X {package}.gitTreeState=clean",
                release.version
            )
        })
        .concat()
}

fn source(dir: &Path, name: &str) -> Result<PathBuf> {
    let source = dir.join("source");
    inputs::extract(&format!("go/{name}"), &source)?;
    Ok(source)
}

fn remove(source: &Path) -> Result<()> {
    fs_err::remove_dir_all(source).or_environment("removing sources")
}
