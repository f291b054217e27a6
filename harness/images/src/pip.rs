//! Packages from PyPI that are more than Python: programs, or modules for another Python than the
//! host's. Pinned by hash; pip's own configuration (index, proxy, certificates) applies.

use std::path::Path;
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_machine::engine::LinuxDistribution;
use sparkproof_machine::exec::Tool;

/// Has pip put what `dir/requirements.txt` pins, and nothing that needs building, into
/// `dir/target`. `options` say for which Python it is, where that is not the host's.
///
/// # Errors
/// Environment: no pip, no index that answers, or another content than pinned.
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
                    "give pip an index that answers (pip itself: {})",
                    LinuxDistribution::here().how_to_get("pip")
                ))
        })
}
