//! The root file system: Debian 12 by debootstrap, in separate namespaces.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::{PhaseGuard, StepGuard};
use sparkproof_machine::engine::{is_root, provide_program};
use sparkproof_machine::exec::Tool;

use super::inputs;
use crate::{Cache, Key};

/// The packages of kind's base image, without those for a second snapshotter or network file
/// systems; and the container runtime and a shell for helper pods, which kind builds from sources.
const PACKAGES: &str = "busybox-static,ca-certificates,conntrack,containerd,\
containernetworking-plugins,ethtool,iproute2,ipset,iptables,kmod,mount,nftables,pigz,procps,runc,\
systemd,systemd-sysv,util-linux";

/// Its key. The Debian release is in the script; package versions are those of the day of the
/// build.
pub(super) fn key(arch: &str) -> Key {
    Key::new("rootfs")
        .with("script", inputs::text("rootfs.sh"))
        .with("packages", PACKAGES)
        .with("arch", arch)
}

/// The path of `rootfs.tar`.
pub(super) async fn rootfs(context: &Context, phase: &PhaseGuard, arch: &str) -> Result<PathBuf> {
    let build = async |dir: &Path, step: &StepGuard| {
        provide_program(context, phase.name(), "debootstrap").await?;
        script(context, step, dir, "rootfs.sh", &[dir.display().to_string(), PACKAGES.to_owned()])
            .await
    };
    let step = phase.step("debootstrap");
    Ok(Cache::new(context).entry(context, &key(arch), step, build).await?.keep().join("rootfs.tar"))
}

/// Runs a script of `harness/images/node/` as root in separate mount and pid namespaces, so that
/// its mounts and processes are gone after any end.
pub(super) async fn script(
    context: &Context,
    step: &StepGuard,
    dir: &Path,
    name: &str,
    args: &[String],
) -> Result<()> {
    if !is_root() {
        return Err(Error::environment(
            "assembling a node image needs root: it mounts and chroots",
        )
        .remedy("run as root, or make a registry with a published node image reachable"));
    }
    let path = dir.join(name);
    fs_err::write(&path, inputs::text(name)).or_environment("writing a script")?;
    let report = step.reporter();
    Tool::bound("unshare")
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh"])
        .args([&path])
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .deadline(Duration::from_secs(20 * 60))
        .on_line(move |line| report(line.to_owned()))
        .run(context)
        .await?;
    fs_err::remove_file(path).or_environment("removing a script")
}
