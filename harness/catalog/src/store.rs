//! Which servers there are.

use serde::{Deserialize, Serialize};

/// A storage server.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// S3: versitygw over a directory.
    S3,
    /// S3 again: moto, another implementation, in memory; it checks no signature.
    Moto,
    /// A NameNode and a DataNode.
    Hdfs,
    /// Azure Blob Storage: Azurite.
    Azure,
}

impl StoreKind {
    /// All of them.
    pub const ALL: [StoreKind; 4] =
        [StoreKind::S3, StoreKind::Moto, StoreKind::Hdfs, StoreKind::Azure];

    /// Its word on the command line, in names and labels.
    pub const fn name(self) -> &'static str {
        match self {
            StoreKind::S3 => "s3",
            StoreKind::Moto => "moto",
            StoreKind::Hdfs => "hdfs",
            StoreKind::Azure => "azure",
        }
    }

    /// The port that clients use.
    pub const fn port(self) -> u16 {
        match self {
            StoreKind::S3 => 7070,
            StoreKind::Moto => 5555,
            StoreKind::Hdfs => 9000,
            StoreKind::Azure => 10000,
        }
    }
}

impl std::fmt::Display for StoreKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
