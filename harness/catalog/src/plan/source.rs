//! Where Spark comes from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SparkVersion;

/// Where Spark comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SparkSource {
    /// A distribution of the user's.
    pub home: Option<PathBuf>,
    /// A version from PyPI; `None` with no home means the pinned default.
    pub version: Option<SparkVersion>,
    /// An image to use as it is.
    pub image: Option<String>,
}
