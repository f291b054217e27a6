//! Installs Debian packages, if `--yes` was given.

use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::StepGuard;

use super::LinuxDistribution;
use crate::exec::Tool;

/// Packages that may be installed, of any Debian release.
pub const INSTALLED: [&str; 6] =
    ["docker.io", "docker-cli", "iptables", "iproute2", "debootstrap", "maven"];
/// Time limit of an installation.
const APT: Duration = Duration::from_secs(15 * 60);

/// Installs the engine's packages.
pub(super) async fn docker(context: &Context, phase: &str) -> Result<()> {
    apt(context, phase, &LinuxDistribution::here().docker_packages()).await
}

/// Makes sure that a program is on `PATH`; installs its package if needed and `--yes` allows it.
/// Concurrent stages wait for each other.
///
/// # Errors
/// Environment: it is missing and must not or cannot be installed.
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

/// Installs packages of Debian and its derivatives. They stay installed, and each is recorded as a
/// fact of the run. Progress belongs to `phase`.
///
/// # Errors
/// Environment: not root, no apt-get, or apt-get failed (with its last lines).
pub async fn apt(context: &Context, phase: &str, packages: &[&str]) -> Result<()> {
    let here = LinuxDistribution::here();
    let command = here.command(packages);
    if !here.has_apt() {
        let what = format!("--yes installs packages by apt-get, which {} lacks", here.name());
        return Err(Error::environment(what)
            .remedy(format!("install the equivalents of Debian's {}", packages.join(", "))));
    }
    if !super::is_root() {
        return Err(Error::environment("installing packages needs root")
            .remedy(format!("run as root, or install them with: {command}")));
    }
    let step = StepGuard::begin(&context.recorder, phase, command);
    let apt = |words: &[&str]| {
        Tool::new("apt-get")
            .args(["--yes", "--quiet", "-o", "DPkg::Lock::Timeout=300"])
            .args(words)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // With runlevel 1 invoke-rc.d starts no services, which would be left running. Where
            // systemd runs, services are the system's business.
            .env("RUNLEVEL", "1")
            .env("PREVLEVEL", "N")
            .deadline(APT)
    };
    let install: Vec<&str> = ["install", "--no-install-recommends"]
        .into_iter()
        .chain(packages.iter().copied())
        .collect();
    if apt(&install).run(context).await.is_err() {
        // On a fresh machine the package lists are usually missing or old.
        step.progress("updating the package lists");
        apt(&["update"]).run(context).await?;
        apt(&install).run(context).await?;
    }
    context.recorder.fact("installed packages", packages.join(" "));
    step.done("");
    Ok(())
}
