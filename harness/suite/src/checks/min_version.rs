//! The Spark version that a check needs.

use sparkproof_catalog::SparkVersion;

/// Why it cannot be proven with a Spark older than this major and minor version.
pub(super) fn too_old(spark: &SparkVersion, since: (u64, u64)) -> Option<String> {
    (spark.minor() < since).then(|| format!("Spark has it since {}.{}", since.0, since.1))
}
