//! The known Spark versions, from `harness/catalog/versions/spark.toml`.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::LazyLock;

use clap::ValueEnum;
use serde::Deserialize;
use sparkproof_base::error::{Error, Result};

use crate::SparkVersion;
use crate::plan::FrontEnd;

/// A version of PyPI's `pyspark` source package.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SparkRelease {
    /// E.g. `3.5.9`.
    pub version: SparkVersion,
    /// SHA-256 of the package, in hex.
    pub sha256: String,
    /// Size of the package in bytes.
    pub bytes: u64,
    /// Scala's binary version, e.g. `2.12`.
    pub scala: String,
    /// Hadoop's version, e.g. `3.3.4`.
    pub hadoop: String,
    /// Feature releases of Java it works with, newest first.
    pub java: Vec<u8>,
    /// The shells it has.
    #[serde(default = "all_front_ends")]
    pub front_ends: Vec<FrontEnd>,
    /// Whether it makes a ConfigMap for executors.
    #[serde(default = "yes")]
    pub executor_config_map: bool,
    /// Whether executors end by themselves after their driver was killed.
    #[serde(default = "yes")]
    pub executors_end: bool,
}

/// A Java runtime for Spark versions that do not run on [`BASE_JAVA`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// E.g. 11.
    pub java: u8,
    /// Pip's requirement: `name==version`.
    pub package: String,
    /// SHA-256 of the package, in hex.
    pub sha256: String,
    /// Its `JAVA_HOME`, within the package.
    pub home: PathBuf,
}

fn all_front_ends() -> Vec<FrontEnd> {
    FrontEnd::value_variants().to_vec()
}

fn yes() -> bool {
    true
}

impl SparkRelease {
    /// The runtime it needs, if it does not run on [`BASE_JAVA`].
    pub fn runtime(&self) -> Option<&'static Runtime> {
        let wanted = |runtime: &&Runtime| self.java.contains(&runtime.java);
        (!self.java.contains(&BASE_JAVA)).then(|| TABLE.runtime.iter().find(wanted)).flatten()
    }

    /// Refuses a front end that this version does not have.
    ///
    /// # Errors
    /// Bad input: the version does not have it.
    pub fn check_front_end(&self, front_end: FrontEnd) -> Result<()> {
        check_scala(front_end, &self.version, &self.scala)?;
        if self.front_ends.contains(&front_end) {
            return Ok(());
        }
        let other = self.front_ends.iter().map(FrontEnd::to_string).collect::<Vec<_>>().join(", ");
        let version = &self.version;
        Err(Error::input(format!("--front-end {front_end} does not work with Spark {version}"))
            .remedy(format!("--front-end {other}, or another --spark-version")))
    }
}

/// Refuses Geni with a Spark of another Scala version than Geni's: its first line fails with
/// `ClassNotFoundException: scala.collection.convert.Wrappers$IteratorWrapper` (measured, 0.0.42 on
/// 4.3.0).
pub(super) fn check_scala(front_end: FrontEnd, version: impl Display, scala: &str) -> Result<()> {
    if front_end != FrontEnd::Geni || scala == GENI_SCALA {
        return Ok(());
    }
    Err(Error::input(format!(
        "--front-end geni does not work with Spark {version}, which is built with Scala {scala}: Geni \
         is built for Scala {GENI_SCALA}"
    ))
    .remedy(format!("--spark-version {DEFAULT_OF_GENI}, or another --front-end")))
}

/// The Scala that every version of Geni is built for.
const GENI_SCALA: &str = "2.12";
/// A Spark version that Geni works with.
const DEFAULT_OF_GENI: &str = "3.5.9";

/// Java's feature release in the base of Spark images.
pub const BASE_JAVA: u8 = 17;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SparkTable {
    default: SparkVersion,
    runtime: Vec<Runtime>,
    version: Vec<SparkRelease>,
}

static TABLE: LazyLock<SparkTable> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../versions/spark.toml")).expect("spark.toml is valid")
});

/// All known versions, newest first.
pub fn known() -> &'static [SparkRelease] {
    &TABLE.version
}

/// The version without `--spark-version`.
pub fn default_version() -> &'static SparkVersion {
    &TABLE.default
}

/// Whether this version makes a ConfigMap for executors: all but the oldest do, so true for one that is
/// not in the table.
pub fn makes_config_map(version: &SparkVersion) -> bool {
    entry(version).is_none_or(|v| v.executor_config_map)
}

/// Whether executors of this version end by themselves after their driver was killed: all but the
/// oldest do, so true for one that is not in the table.
pub fn executors_end(version: &SparkVersion) -> bool {
    entry(version).is_none_or(|v| v.executors_end)
}

fn entry(version: &SparkVersion) -> Option<&'static SparkRelease> {
    known().iter().find(|release| release.version == *version)
}

/// The entry of a version.
///
/// # Errors
/// Bad input: it is not in the table. The error lists the known versions.
pub fn find(version: &SparkVersion) -> Result<&'static SparkRelease> {
    entry(version).ok_or_else(|| {
        let known = known().iter().map(|v| v.version.to_string()).collect::<Vec<_>>().join(", ");
        Error::input(format!("Spark {version}: not a version with a pinned digest"))
            .remedy(format!("one of {known}; or --spark-home with your own distribution"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_known_and_an_unknown_version_names_the_known_ones() {
        assert!(find(default_version()).is_ok());
        let error = find(&SparkVersion::new(3, 5, 99)).expect_err("unknown");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(error.remedy.expect("a remedy").contains("3.5.9"));
        assert!(known().iter().all(|v| v.sha256.len() == 64 && !v.front_ends.is_empty()));
    }

    #[test]
    fn every_version_has_a_java_to_run_on() {
        let on_base = |v: &&SparkRelease| v.java.contains(&BASE_JAVA);
        assert!(known().iter().all(|v| on_base(&v) != v.runtime().is_some()));
        assert!(known().iter().any(|v| v.runtime().is_some_and(|r| r.java == 11)));
    }

    #[test]
    fn a_front_end_that_a_version_has_not_is_bad_input() {
        let old = find(&SparkVersion::new(3, 0, 1)).expect("known");
        old.check_front_end(FrontEnd::SparkShell).expect("it has");
        let error = old.check_front_end(FrontEnd::Pyspark).expect_err("it has not");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(error.remedy.expect("a remedy").contains("--front-end spark-shell"));
        find(default_version()).expect("known").check_front_end(FrontEnd::Pyspark).expect("has");
    }
}
