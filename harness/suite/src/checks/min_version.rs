//! The Spark version that a check needs.

use semver::Version;
use sparkproof_base::error::{ErrorContext, Result};

/// Whether this Spark version is at least the given major and minor version.
pub(super) fn is_since(spark: &str, since: (u64, u64)) -> Result<bool> {
    let version = Version::parse(spark).or_internal(format!("Spark's version {spark}"))?;
    Ok((version.major, version.minor) >= since)
}

/// Why it cannot be proven with an older Spark version.
pub(super) fn too_old(spark: &str, since: (u64, u64)) -> Result<Option<String>> {
    let reason = || format!("Spark has it since {}.{}", since.0, since.1);
    Ok((!is_since(spark, since)?).then(reason))
}
