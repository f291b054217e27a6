//! The Minikube binary.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::{PhaseGuard, StepGuard};
use sparkproof_catalog::kubernetes::{Minikube, minikube};
use sparkproof_machine::exec::Tool;

use super::super::{components, inputs};
use crate::golang::architecture;
use crate::{Cache, Key};

/// The Minikube binary of the pinned release: from the cache, downloaded (by curl, checked by its
/// digest), or built from its Go module, in this order.
///
/// # Errors
/// Environment: both failed, with the reason of the build.
pub async fn minikube_binary(context: &Context, phase: &PhaseGuard) -> Result<PathBuf> {
    let pinned = minikube()?;
    let key = Key::new("minikube").with("recipe", "1").with("version", &pinned.version);
    let key = inputs::add(key.with("arch", architecture()), "go/minikube");
    let step = phase.step(format!("Minikube {}", pinned.version));
    let build = async |dir: &Path, step: &StepGuard| {
        step.progress("asking for the release");
        match download(context, &pinned, &dir.join("minikube")).await {
            Err(error) if error.is_interruption() => return Err(error),
            Err(error) => {
                context.recorder.info(format!("Minikube: building it from its module, {error}"));
                step.progress("go build");
                components::build_minikube(context, dir, step).await?;
            }
            Ok(()) => context.recorder.info("Minikube: the released binary"),
        }
        let mode = std::fs::Permissions::from_mode(0o755);
        fs_err::set_permissions(dir.join("minikube"), mode).or_environment("Minikube's binary")
    };
    Ok(Cache::new(context).entry(context, &key, step, build).await?.keep().join("minikube"))
}

async fn download(context: &Context, pinned: &Minikube, to: &Path) -> Result<()> {
    let arch = architecture();
    let Some(expected) = pinned.sha256.get(arch) else {
        return Err(Error::environment(format!("no released binary for {arch} is pinned")));
    };
    let url = format!(
        "https://github.com/kubernetes/minikube/releases/download/{}/minikube-linux-{arch}",
        pinned.version
    );
    Tool::new("curl")
        .args(["--fail", "--location", "--silent", "--show-error", "--proto", "=https"])
        .args(["--connect-timeout", "8", "--output"])
        .args([to.as_os_str(), url.as_ref()])
        .deadline(Duration::from_secs(600))
        .run(context)
        .await?;
    let bytes = fs_err::read(to).or_environment("reading the download")?;
    let seen = hex::encode(Sha256::digest(bytes));
    if seen == *expected {
        return Ok(());
    }
    Err(Error::environment(format!("{url} has sha256:{seen}, expected sha256:{expected}")))
}
