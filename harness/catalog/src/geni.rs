//! The Geni version for each Spark version, from `harness/catalog/versions/geni.toml`.

use std::sync::LazyLock;

use semver::VersionReq;
use serde::Deserialize;

use crate::SparkVersion;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeniTable {
    geni: Vec<GeniRelease>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GeniRelease {
    version: String,
    spark: VersionReq,
}

static TABLE: LazyLock<GeniTable> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../versions/geni.toml")).expect("geni.toml is valid")
});

/// The version of Geni for a Spark version; `None` if no known Geni works with it.
pub fn geni_for(spark: &SparkVersion) -> Option<&'static str> {
    let fits = |release: &&GeniRelease| spark.is_in(&release.spark);
    TABLE.geni.iter().find(fits).map(|release| release.version.as_str())
}
