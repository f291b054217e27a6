//! The example of a repository with its own scenarios, outside the checkout.

use std::fs;
use std::path::Path;
use std::time::Duration;

use scenarios::frame::{Outcome, proof};
use sparkproof::Error;
use sparkproof::error::{ErrorContext, Result};
use sparkproof::exec::Tool;
use walkdir::WalkDir;

/// Deadline: a build of all of sparkproof on two cores, then one session.
const LONG: Duration = Duration::from_secs(25 * 60);
/// The dependency as the example has it.
const DEPENDENCY: &str = "../../harness/sparkproof";

/// Copies the files that a clone would have: after a build the directory also has a target.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let files = WalkDir::new(from).into_iter().filter_entry(|entry| entry.file_name() != "target");
    for file in files {
        let file = file.or_environment("reading the example")?;
        let place = to.join(file.path().strip_prefix(from).or_internal("a path below")?);
        match file.file_type().is_dir() {
            true => fs::create_dir_all(place),
            false => fs::copy(file.path(), place).map(drop),
        }
        .or_environment("copying the example")?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "full: builds sparkproof once more; the same checks are in ci"]
async fn a_repository_of_somebody_else_proves() -> Outcome {
    proof("a_repository_of_somebody_else_proves", async |p| {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize();
        let checkout = checkout.or_environment("looking for the checkout")?;
        let repository = tempfile::tempdir().or_environment("a directory")?;
        assert!(!repository.path().starts_with(&checkout), "outside the checkout");
        copy(&checkout.join("examples/own-scenarios"), repository.path())?;
        let manifest = repository.path().join("Cargo.toml");
        let text = fs::read_to_string(&manifest).or_environment("reading the manifest")?;
        assert_eq!(text.matches(DEPENDENCY).count(), 1, "{text}");
        let here = checkout.join("harness/sparkproof");
        let text = text.replace(DEPENDENCY, &here.to_string_lossy());
        fs::write(&manifest, text).or_environment("writing the manifest")?;
        // The versions that are downloaded already.
        fs::copy(checkout.join("Cargo.lock"), repository.path().join("Cargo.lock"))
            .or_environment("copying the lock file")?;
        // Variables that cargo and nextest set for this test would change the settings.
        let of_ours = |key: &str| {
            ["CARGO_PKG_", "CARGO_MANIFEST_", "NEXTEST"].iter().any(|own| key.starts_with(own))
                || key == "RUST_MIN_STACK"
        };
        let keys = std::env::vars_os().map(|(key, _)| key);
        let keys = keys.filter(|key| of_ours(&key.to_string_lossy()));
        let ran = Tool::new("cargo")
            .args(["nextest", "run"])
            .without_env(keys)
            // Kept, so that a second run builds little.
            .env("CARGO_TARGET_DIR", checkout.join("target/own-scenarios"))
            .dir(repository.path())
            .deadline(LONG)
            .run(&p.context)
            .await?;
        match ran.stderr.contains("1 test run: 1 passed, 0 skipped") {
            true => Ok(()),
            false => Err(Error::red(format!("not one test that passed: {}", ran.stderr))),
        }
    })
    .await
}
