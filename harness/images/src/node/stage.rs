//! The layer over the root file system: kind's base files, those of sparkproof, Kubernetes'
//! programs, and the component images unpacked in containerd's store.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::kubernetes::KubernetesRelease;
use sparkproof_machine::exec::Tool;

use super::components::Components;
use super::oci::{Image, Layout};
use super::rootfs::script;
use super::{inputs, packages};
use crate::{Entry, tree};

const STAGING: &str = "laying out the node's files";
/// Names that the manifest of the default StorageClass uses.
const LOCAL_PATH_PROVISIONER: &str = "docker.io/rancher/local-path-provisioner:v0.0.30";
const HELPER: &str = "localhost/sparkproof/busybox:1";
/// Units that a node starts.
const UNITS: [&str; 4] =
    ["containerd.service", "kubelet.service", "netd.path", "undo-mount-hacks.service"];

/// Writes `layer.tar` in `dir`.
pub(super) async fn layer(
    context: &Context,
    step: &StepGuard,
    dir: &Path,
    rootfs: &Path,
    parts: &Components,
    release: &KubernetesRelease,
    arch: &str,
) -> Result<()> {
    let kubeadm = Tool::new(parts.kubernetes.join("kubeadm"))
        .args(["config", "images", "list", "--kubernetes-version", &release.version])
        .run(context)
        .await?;
    let names: Vec<String> = kubeadm.stdout.split_whitespace().map(str::to_owned).collect();
    let pause = names
        .iter()
        .find(|name| component(name) == "pause")
        .ok_or_else(|| Error::internal(format!("no pause image among {names:?}")))?;

    let stage = dir.join("stage");
    let layers = {
        let (work, rootfs, stage) = (dir.to_owned(), rootfs.to_owned(), stage.clone());
        let images = images(&names, parts, &rootfs)?;
        let (files, pause, version) = (node_files(parts), pause.clone(), release.version.clone());
        let (base, arch) = (parts.kind.join("base"), arch.to_owned());
        tokio::task::spawn_blocking(move || {
            stage_files(&stage, &base, &files, &pause, &version).or_environment(STAGING)?;
            let mut layout = Layout::create(&work.join("oci"), &arch)?;
            images.iter().try_for_each(|image| layout.add(image))?;
            layout.finish()?;
            Ok::<_, Error>(layout.layers)
        })
        .await
        .or_internal(STAGING)??
    };
    fs_err::write(dir.join("layers"), layers.join("\n")).or_environment(STAGING)?;
    let args = [dir, rootfs].map(|path| path.display().to_string());
    script(context, step, dir, "layer.sh", &args).await?;
    for left in ["stage", "oci", "root"] {
        fs_err::remove_dir_all(dir.join(left)).or_environment("removing the node's files")?;
    }
    fs_err::remove_file(dir.join("layers")).or_environment("removing the node's files")
}

/// `kube-proxy` of `registry.example/kube-proxy:v1`.
fn component(image: &str) -> &str {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split(':').next().unwrap_or(name)
}

/// The component images that kubeadm names, and the two of the StorageClass.
fn images(names: &[String], parts: &Components, rootfs: &Path) -> Result<Vec<Image>> {
    let one = |name: &str, path: &str, program: PathBuf| Image {
        name: name.to_owned(),
        entrypoint: format!("/{path}"),
        files: BTreeMap::from([(path.to_owned(), Entry::file(program, 0o755))]),
    };
    let packages = packages::taken(rootfs)?;
    let mut images = Vec::new();
    for name in names {
        images.push(match component(name) {
            "pause" => one(name, "pause", parts.kubernetes.join("pause")),
            "coredns" => one(name, "coredns", parts.coredns.join("coredns")),
            "etcd" => one(name, "usr/local/bin/etcd", parts.etcd.join("etcd")),
            program => {
                let path = format!("usr/local/bin/{program}");
                let mut image = one(name, &path, parts.kubernetes.join(program));
                if program == "kube-proxy" {
                    image.files.extend(packages.files.clone());
                }
                image
            }
        });
    }
    let provisioner = parts.kubernetes.join("local-path-provisioner");
    images.push(one(LOCAL_PATH_PROVISIONER, "usr/local/bin/local-path-provisioner", provisioner));
    let mut files = BTreeMap::from([("bin/busybox".to_owned(), packages.busybox)]);
    for applet in ["sh", "mkdir", "rm"] {
        files.insert(format!("bin/{applet}"), Entry::link("busybox"));
    }
    images.push(Image { name: HELPER.to_owned(), entrypoint: "/bin/sh".to_owned(), files });
    Ok(images)
}

/// Programs of the node itself: source, place.
fn node_files(parts: &Components) -> Vec<(PathBuf, &'static str)> {
    vec![
        (parts.kubernetes.join("kubeadm"), "usr/bin/kubeadm"),
        (parts.kubernetes.join("kubectl"), "usr/bin/kubectl"),
        (parts.kubernetes.join("kubelet"), "usr/bin/kubelet"),
        (parts.kubernetes.join("netd"), "usr/local/bin/netd"),
        (parts.policyd.join("policyd"), "usr/local/bin/policyd"),
    ]
}

fn stage_files(
    stage: &Path,
    base: &Path,
    programs: &[(PathBuf, &str)],
    pause: &str,
    version: &str,
) -> std::io::Result<()> {
    // kind's files first, those of sparkproof over them.
    tree::copy(base, stage)?;
    inputs::extract("files", stage).map_err(std::io::Error::other)?;
    for dir in ["usr/local/bin", "usr/bin", "opt/cni", "etc/kubernetes/manifests"] {
        fs_err::create_dir_all(stage.join(dir))?;
    }
    for (from, to) in programs {
        fs_err::copy(from, stage.join(to))?;
    }
    for scripts in ["kind/bin", "usr/local/bin"] {
        for entry in fs_err::read_dir(stage.join(scripts))? {
            fs_err::set_permissions(entry?.path(), std::fs::Permissions::from_mode(0o755))?;
        }
    }
    let config = stage.join("etc/containerd/config.toml");
    let text = fs_err::read_to_string(&config)?.replace("@PAUSE_IMAGE@", pause);
    fs_err::write(config, text)?;
    fs_err::write(stage.join("kind/version"), version)?;
    // For shells by ssh and `docker exec`, same as the image's ENV.
    fs_err::write(
        stage.join("etc/environment"),
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
    )?;
    let wants = stage.join("etc/systemd/system/multi-user.target.wants");
    fs_err::create_dir_all(&wants)?;
    for unit in UNITS {
        symlink(format!("/etc/systemd/system/{unit}"), wants.join(unit))?;
    }
    // Debian's paths, which kind's unit and the kubelet use.
    symlink("/usr/bin/containerd", stage.join("usr/local/bin/containerd"))?;
    symlink("/usr/lib/cni", stage.join("opt/cni/bin"))
}
