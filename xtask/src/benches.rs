//! The harness' own hot paths, of two revisions.

use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic, WrapErr, bail};

use crate::run::{Invocation, cargo, tell};

/// Compares the hot paths of two revisions by pairs: `before`, and `after` or the tree as it is.
pub(crate) fn gate(before: &str, after: Option<&str>) -> miette::Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let dir = std::path::absolute(target.join("bench-gate")).into_diagnostic()?;
    let a = costs_of(before, &dir)?;
    let b = match after {
        Some(revision) => costs_of(revision, &dir)?,
        None => build(Path::new("."), &dir, "tree")?,
    };
    let (a, b) = (a.display().to_string(), b.display().to_string());
    cargo(["run", "--release", "-p", "benches", "--bin", "bench-gate", "--"])
        .args([a.as_str(), b.as_str()])
        .run()
}

/// Builds `costs` of a revision, in a worktree that is removed again.
fn costs_of(revision: &str, dir: &Path) -> miette::Result<PathBuf> {
    let commit = revision_of(revision)?;
    let tree = dir.join(format!("tree-{commit}"));
    let shown = tree.display().to_string();
    Invocation::new("git")
        .args(["worktree", "add", "--force", "--detach", &shown, &commit])
        .run()?;
    let built = build(&tree, dir, &commit);
    Invocation::new("git").args(["worktree", "remove", "--force", &shown]).run()?;
    built
}

/// The commit that a revision names.
fn revision_of(revision: &str) -> miette::Result<String> {
    let commit = format!("{revision}^{{commit}}");
    let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit];
    let output = std::process::Command::new("git").args(args).output().into_diagnostic()?;
    if !output.status.success() {
        bail!("{revision} is no commit of this repository");
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Builds `costs` of a tree and keeps it by `name`. All trees share one target directory.
fn build(tree: &Path, dir: &Path, name: &str) -> miette::Result<PathBuf> {
    let manifest = tree.join("Cargo.toml");
    if !tree.join("benches/src/bin/costs.rs").exists() {
        bail!("{name} has no benches/src/bin/costs.rs: name a later revision");
    }
    tell(&format!("building {name}"));
    cargo(["build", "--release", "-p", "benches", "--bin", "costs", "--manifest-path"])
        .args([manifest.display().to_string().as_str(), "--target-dir"])
        .args([dir.display().to_string().as_str()])
        .run()?;
    let kept = dir.join(format!("costs-{name}"));
    std::fs::copy(dir.join("release/costs"), &kept)
        .into_diagnostic()
        .wrap_err_with(|| format!("keeping {}", kept.display()))?;
    Ok(kept)
}
