//! moto, from PyPI, and Python to run it, from Debian.

use std::path::Path;

use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::StepGuard;

use crate::debian::debian_layer;
use crate::pip;

/// The Python version of Debian 12: binary packages are for one version.
const PYTHON: &str = "3.11";

/// Adds Python's layer and moto's packages to the build context. The host's pip installs packages
/// for the image's Python.
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
    let fixed = ["--no-compile", "--python-version", PYTHON, "--implementation", "cp"];
    let abis = ["--abi", "cp311", "--abi", "abi3", "--abi", "none", "--platform=any"];
    // Debian 12 has glibc 2.36.
    let platforms = ["2014", "_2_28", "_2_34"].map(|g| format!("--platform=manylinux{g}_{arch}"));
    let options = fixed.into_iter().chain(abis).map(str::to_owned).chain(platforms);
    let options: Vec<String> = options.collect();
    pip::install(context, "moto", dir, "site", &options).await.map_err(|e| {
        e.remedy("install python3-pip and configure its network, or use the `s3` store")
    })
}
