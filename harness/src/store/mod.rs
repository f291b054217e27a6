//! Storage servers.

use serde::{Deserialize, Serialize};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// versitygw over a directory.
    S3,
    /// moto, a second S3.
    Moto,
    /// A NameNode and a DataNode.
    Hdfs,
    /// Azurite's blob service.
    Azure,
}
