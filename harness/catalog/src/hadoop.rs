//! The jars that each Hadoop needs for reading object stores, from
//! `harness/catalog/versions/hadoop.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use sparkproof_base::error::{Error, Result};

/// A set of jars, by the stores that they read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JarSet {
    /// `s3a`.
    S3,
    /// `wasb`, `wasbs`, `abfs`, `abfss`, if this Hadoop version has them.
    Azure,
}

impl JarSet {
    /// The name, e.g. `s3`.
    pub fn as_str(self) -> &'static str {
        match self {
            JarSet::S3 => "s3",
            JarSet::Azure => "azure",
        }
    }
}

/// A Hadoop version and the coordinates of the jars that it needs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hadoop {
    version: String,
    s3: Vec<String>,
    azure: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    hadoop: Vec<Hadoop>,
    jar: BTreeMap<String, Pin>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../versions/hadoop.toml")).expect("hadoop.toml is valid")
});

/// The pin of a jar.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Coordinates of the jars that a Hadoop version needs for these stores, `group:artifact:version`.
///
/// # Errors
/// Environment: the jars of this Hadoop version are not pinned.
pub fn coordinates(hadoop: &str, set: JarSet) -> Result<&'static [String]> {
    let known = TABLE.hadoop.iter().find(|known| known.version == hadoop).ok_or_else(|| {
        let known = TABLE.hadoop.iter().map(|h| h.version.as_str()).collect::<Vec<_>>().join(", ");
        Error::environment(format!(
            "the jars of Hadoop {hadoop} for {} are not pinned (those of {known} are)",
            set.as_str()
        ))
        .remedy(
            "use a Spark version with one of these, or leave this strategy out with --strategies",
        )
    })?;
    Ok(match set {
        JarSet::S3 => &known.s3,
        JarSet::Azure => &known.azure,
    })
}

/// The pin of a jar, if it is in the table.
pub fn pin_of(coordinates: &str) -> Option<&'static Pin> {
    TABLE.jar.get(coordinates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pin_is_left_over() {
        let named = |h: &'static Hadoop| h.s3.iter().chain(&h.azure);
        let named: Vec<_> = TABLE.hadoop.iter().flat_map(named).collect();
        assert!(TABLE.jar.keys().all(|jar| named.contains(&jar)));
    }
}
