//! Debian packages, installed when the user said yes.

use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::events::PhaseGuard;
use crate::exec::Tool;

/// The engine: `dockerd`, what it needs to make networks, and the tool that removes them.
pub(crate) const DOCKER_PACKAGES: [&str; 3] = ["docker.io", "iptables", "iproute2"];
/// Programs that stages call, and their packages: Debian's own root file systems, jars.
pub(crate) const TOOL_PACKAGES: [(&str, &str); 2] =
    [("debootstrap", "debootstrap"), ("mvn", "maven")];
/// The longest a package installation may take.
const APT: Duration = Duration::from_secs(15 * 60);

/// Installs the engine's packages.
pub(super) async fn docker(context: &Context, phase: &PhaseGuard) -> Result<()> {
    apt(context, phase, &DOCKER_PACKAGES).await
}

/// Installs Debian packages. Installed packages stay: each is a fact of the run.
///
/// # Errors
/// Environment: not root, no apt-get, or it failed (with its last lines).
pub async fn apt(context: &Context, phase: &PhaseGuard, packages: &[&str]) -> Result<()> {
    if !super::is_root() {
        let names = packages.join(" ");
        return Err(Error::environment("installing packages needs root")
            .remedy(format!("run as root, or install yourself: apt-get install {names}")));
    }
    let step = phase.step(format!("apt-get install {}", packages.join(" ")));
    let apt = |words: &[&str]| {
        Tool::new("apt-get")
            .args(["--yes", "--quiet", "-o", "DPkg::Lock::Timeout=300"])
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // invoke-rc.d starts no service that runlevel 1 does not have: what is started would be
            // left behind. Where systemd runs, services belong to the system and are used as found.
            .env("RUNLEVEL", "1")
            .env("PREVLEVEL", "N")
            .deadline(APT)
    };
    let install: Vec<&str> = ["install", "--no-install-recommends"]
        .into_iter()
        .chain(packages.iter().copied())
        .collect();
    if apt(&install).run(context).await.is_err() {
        // The usual reason on a fresh machine: package lists that are missing or old.
        step.progress("updating the package lists");
        apt(&["update"]).run(context).await?;
        apt(&install).run(context).await?;
    }
    context.recorder.fact("installed packages", packages.join(" "));
    step.done("");
    Ok(())
}
