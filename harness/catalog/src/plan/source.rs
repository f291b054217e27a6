//! Where Spark comes from.

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
    /// A distribution of the user, absolute; without one it is composed from PyPI's `pyspark`.
    pub home: Option<PathBuf>,
    /// Of the driver: the one asked for, the distribution's, or the pinned default.
    pub version: SparkVersion,
    /// An image to use as it is.
    pub image: Option<String>,
}

impl SparkSource {
    /// Which Spark it is, looked at once.
    ///
    /// # Errors
    /// Bad input: the directory is no distribution with Kubernetes, the version is not known, or it has no such
    /// front end.
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
