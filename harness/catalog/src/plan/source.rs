//! The origin of Spark: version, distribution, image.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::Result;

use crate::home::home_and_version;
use crate::plan::{FrontEnd, RawPlan};
use crate::spark::{default_version, find};
use crate::{SparkVersion, check_home};

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
                let (home, version) = home_and_version(home)?;
                check_home(&home, front_end)?;
                if let Ok(known) = find(&version) {
                    known.check_front_end(front_end)?;
                }
                (Some(home), version)
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
