//! moto, from PyPI, and Python to run it, from Debian.

use std::path::Path;
use std::time::Duration;

use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::events::StepGuard;
use crate::exec::Tool;
use crate::images::debian::debian_layer;

/// The Python of Debian 12: packages with machine code are made for one.
const PYTHON: &str = "3.11";

/// Puts Python's layer and moto's packages beside the Dockerfile. The host's Python only fetches:
/// what it installs is for the image's.
pub(super) async fn fill(
    context: &Context,
    phase: &str,
    step: &StepGuard,
    dir: &Path,
) -> Result<()> {
    let layer = debian_layer(context, phase, "python", &["python3-minimal", "libpython3-stdlib"]);
    let layer = layer.await?;
    fs_err::tokio::copy(layer, dir.join("debian.tar")).await.or_environment("placing Python")?;
    step.progress("pip install moto");
    let arch = std::env::consts::ARCH;
    Tool::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"])
        .args(["--no-cache-dir", "--disable-pip-version-check", "--root-user-action", "ignore"])
        .args(["--no-compile", "--python-version", PYTHON, "--implementation", "cp"])
        .args(["--abi", "cp311", "--abi", "abi3", "--abi", "none"])
        // Debian 12 has glibc 2.36.
        .args(["2014", "_2_28", "_2_34"].map(|g| format!("--platform=manylinux{g}_{arch}")))
        .args(["--platform=any", "--target", "site", "--require-hashes"])
        .args(["--requirement", "requirements.txt"])
        .dir(dir)
        .deadline(Duration::from_secs(900))
        .run(context)
        .await
        .map_err(|e| {
            Error::environment("downloading moto from the Python package index")
                .because(e)
                .remedy("install python3-pip and give it a network, or use the `s3` store")
        })?;
    Ok(())
}
