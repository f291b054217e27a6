//! Debian packages, installed when the user said yes.

use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::StepGuard;

use super::LinuxDistribution;
use crate::exec::Tool;

/// Packages that may be installed, on any release of Debian.
pub const INSTALLED: [&str; 6] =
    ["docker.io", "docker-cli", "iptables", "iproute2", "debootstrap", "maven"];
/// The longest a package installation may take.
const APT: Duration = Duration::from_secs(15 * 60);

/// Installs the engine's packages.
pub(super) async fn docker(context: &Context, phase: &str) -> Result<()> {
    apt(context, phase, &LinuxDistribution::here().docker_packages()).await
}

/// Has a program on `PATH`: as it is, else, where `--yes` allows it, by its package, now that a
/// stage needs it. Stages that run side by side wait for each other.
///
/// # Errors
/// Environment: it is missing and may not or cannot be installed.
pub async fn provide_program(context: &Context, phase: &str, program: &str) -> Result<()> {
    let there = || which::which(program).is_ok();
    if there() {
        return Ok(());
    }
    let _turn = context.installs.turn().await;
    if there() {
        return Ok(());
    }
    let here = LinuxDistribution::here();
    match here.package(program) {
        Some(package) if context.installs.are_allowed() => apt(context, phase, &[package]).await,
        _ => {
            let yes = if here.has_apt() && super::is_root() { "add --yes, or " } else { "" };
            Err(Error::environment(format!("{program} is not installed"))
                .remedy(format!("{yes}{}", here.how_to_get(program))))
        }
    }
}

/// Installs packages of Debian and its derivatives. Installed packages stay: each is a fact of the
/// run. `phase` owns the progress.
///
/// # Errors
/// Environment: not root, no apt-get, or it failed (with its last lines).
pub async fn apt(context: &Context, phase: &str, packages: &[&str]) -> Result<()> {
    let here = LinuxDistribution::here();
    let command = here.command(packages);
    if !here.has_apt() {
        let what = format!("--yes installs packages by apt-get, which {} lacks", here.name());
        return Err(Error::environment(what)
            .remedy(format!("install what {} stand for on Debian", packages.join(", "))));
    }
    if !super::is_root() {
        return Err(Error::environment("installing packages needs root")
            .remedy(format!("run as root, or install yourself: {command}")));
    }
    let step = StepGuard::begin(&context.recorder, phase, command);
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
