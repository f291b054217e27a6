//! Which Geni goes with which Spark, from `harness/catalog/versions/geni.toml`.

use std::sync::LazyLock;

use semver::{Version, VersionReq};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    geni: Vec<Release>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    version: String,
    spark: VersionReq,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../versions/geni.toml")).expect("geni.toml is valid")
});

/// The version of Geni for a Spark, when one is known.
pub fn geni_for(spark: &str) -> Option<&'static str> {
    let spark = Version::parse(spark).ok()?;
    let fits = |release: &&Release| release.spark.matches(&spark);
    TABLE.geni.iter().find(fits).map(|release| release.version.as_str())
}
