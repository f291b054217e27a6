//! The origin of Spark: version, distribution, image.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::Result;

use crate::SparkVersion;
use crate::home::SparkHome;
use crate::plan::{FrontEnd, RawPlan};
use crate::spark::{check_scala, default_version, find};

/// Where Spark comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SparkSource {
    /// Absolute path of the user's distribution; `None`: one is composed from PyPI's `pyspark`.
    pub home: Option<PathBuf>,
    /// The driver's version: from `--spark-version`, of the distribution, or the pinned default.
    pub version: SparkVersion,
    /// An image to use as it is.
    pub image: Option<String>,
}

impl SparkSource {
    /// Determines the Spark version.
    ///
    /// # Errors
    /// Bad input: the directory is not a distribution with Kubernetes, the version is not known, or it
    /// does not have the front end.
    pub(super) fn new(raw: &RawPlan, front_end: FrontEnd) -> Result<Self> {
        let (home, version) = match (&raw.spark_home, &raw.spark_version) {
            (Some(home), _) => {
                let SparkHome { dir, version, scala } = SparkHome::open(home)?;
                check_scala(front_end, &version, &scala)?;
                if let Ok(known) = find(&version) {
                    known.check_front_end(front_end)?;
                }
                (Some(dir), version)
            }
            (None, Some(version)) => {
                find(version)?.check_front_end(front_end)?;
                (None, version.clone())
            }
            (None, None) => (None, default_version().clone()),
        };
        Ok(SparkSource { home, version, image: raw.image.clone() })
    }
}
