//! The Spark versions we know, from `harness/versions/spark.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::error::{Error, Result};

/// A version of PyPI's `pyspark` source package.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparkVersion {
    /// E.g. `3.5.9`.
    pub version: String,
    /// Of the package, in hex.
    pub sha256: String,
    /// Size of the package.
    pub bytes: u64,
    /// Scala's binary version, e.g. `2.12`.
    pub scala: String,
    /// Hadoop's version, e.g. `3.3.4`.
    pub hadoop: String,
    /// Java runtimes it works with, newest first.
    pub java: Vec<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    default: String,
    version: Vec<SparkVersion>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../../../versions/spark.toml")).expect("spark.toml is valid")
});

/// All of them, newest first.
pub fn known() -> &'static [SparkVersion] {
    &TABLE.version
}

/// The version when none is asked for.
pub fn default_version() -> &'static str {
    &TABLE.default
}

/// The entry of a version; an unknown one is bad input, and the error lists the known ones.
pub fn find(version: &str) -> Result<&'static SparkVersion> {
    known().iter().find(|v| v.version == version).ok_or_else(|| {
        let known = known().iter().map(|v| v.version.as_str()).collect::<Vec<_>>().join(", ");
        Error::input(format!("Spark {version}: not a version with a pinned digest"))
            .remedy(format!("one of {known}; or --spark-home with a distribution of yours"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_known_and_an_unknown_version_names_the_known_ones() {
        assert!(find(default_version()).is_ok());
        let error = find("3.5.99").expect_err("unknown");
        assert_eq!(error.exit, crate::Exit::BadInput);
        assert!(error.remedy.expect("a remedy").contains("3.5.9"));
        assert!(known().iter().all(|v| v.sha256.len() == 64 && v.java.contains(&17)));
    }
}
