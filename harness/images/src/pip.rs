//! Packages from PyPI: programs, or modules for another Python than the host's. Pinned by hash;
//! pip's configuration (index, proxy, certificates) applies.

use std::path::Path;
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_machine::engine::LinuxDistribution;
use sparkproof_machine::exec::Tool;

/// Installs the wheels that `dir/requirements.txt` pins into `dir/target`. `options` select another
/// Python than the host's.
///
/// # Errors
/// Environment: no pip, no index that answers, or a hash differs.
pub(super) async fn install(
    context: &Context,
    what: &str,
    dir: &Path,
    target: &str,
    options: &[String],
) -> Result<()> {
    Tool::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"])
        .args(["--no-cache-dir", "--disable-pip-version-check", "--root-user-action", "ignore"])
        .args(options)
        .args(["--target", target, "--require-hashes", "--requirement", "requirements.txt"])
        .dir(dir)
        .deadline(Duration::from_secs(900))
        .run(context)
        .await
        .map(drop)
        .map_err(|e| {
            Error::environment(format!("downloading {what} from the Python package index"))
                .with_source(e)
                .remedy(format!(
                    "configure an index that answers for pip (pip itself: {})",
                    LinuxDistribution::here().how_to_get("pip")
                ))
        })
}
