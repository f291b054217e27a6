//! The ids of variants: a closed list.

use std::fmt;
use std::str::FromStr;

use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unknown, StrDeserializer};
use serde::{Deserialize, Serialize};

/// A strategy of reading files, numbered as in the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrategyName {
    /// `0` to `4`.
    pub number: &'static str,
    /// A short name for lines such as `0 copy 5/5`.
    pub word: &'static str,
    /// A description.
    pub title: &'static str,
}

/// The five, in the guide's order.
pub const STRATEGIES: [StrategyName; 5] = [
    StrategyName { number: "0", word: "copy", title: "copied into every pod and to the driver" },
    StrategyName { number: "1", word: "baked", title: "baked into the image" },
    StrategyName { number: "2", word: "mount", title: "a file system mounted by the OS" },
    StrategyName { number: "3", word: "volume", title: "a Kubernetes volume" },
    StrategyName { number: "4", word: "remote", title: "a remote file system by its URL" },
];

/// The id of a variant. Each has a row in `versions/strategies.toml`, in this order, and its code in
/// `sparkproof-strategies`.
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
#[expect(missing_docs, reason = "strategies.toml has the title of each")]
pub enum VariantId {
    #[serde(rename = "0-copy")]
    Copy,
    #[serde(rename = "1-baked")]
    Baked,
    #[serde(rename = "2-s3fs-node")]
    S3fsNode,
    #[serde(rename = "2-rclone-node")]
    RcloneNode,
    #[serde(rename = "2-rclone-azure-node")]
    RcloneAzureNode,
    #[serde(rename = "2-blobfuse2-node")]
    Blobfuse2Node,
    #[serde(rename = "2-s3fs-executor")]
    S3fsExecutor,
    #[serde(rename = "3-hostpath")]
    HostPath,
    #[serde(rename = "3-pvc-static")]
    PvcStatic,
    #[serde(rename = "3-pvc-dynamic")]
    PvcDynamic,
    #[serde(rename = "3-emptydir")]
    EmptyDir,
    #[serde(rename = "3-configmap")]
    ConfigMap,
    #[serde(rename = "3-nfs")]
    Nfs,
    #[serde(rename = "4-hdfs")]
    Hdfs,
    #[serde(rename = "4-s3")]
    S3,
    #[serde(rename = "4-s3-moto")]
    S3Moto,
    #[serde(rename = "4-wasb")]
    Wasb,
    #[serde(rename = "4-wasbs")]
    Wasbs,
    #[serde(rename = "4-abfs")]
    Abfs,
    #[serde(rename = "4-http")]
    Http,
    #[serde(rename = "4-https")]
    Https,
}

impl VariantId {
    /// The strategy that the variant belongs to.
    pub fn strategy(self) -> &'static StrategyName {
        let number = match self {
            VariantId::Copy => 0,
            VariantId::Baked => 1,
            VariantId::S3fsNode
            | VariantId::RcloneNode
            | VariantId::RcloneAzureNode
            | VariantId::Blobfuse2Node
            | VariantId::S3fsExecutor => 2,
            VariantId::HostPath
            | VariantId::PvcStatic
            | VariantId::PvcDynamic
            | VariantId::EmptyDir
            | VariantId::ConfigMap
            | VariantId::Nfs => 3,
            VariantId::Hdfs
            | VariantId::S3
            | VariantId::S3Moto
            | VariantId::Wasb
            | VariantId::Wasbs
            | VariantId::Abfs
            | VariantId::Http
            | VariantId::Https => 4,
        };
        &STRATEGIES[number]
    }
}

impl FromStr for VariantId {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let text: StrDeserializer<'_, Unknown> = text.into_deserializer();
        Self::deserialize(text)
    }
}

impl fmt::Display for VariantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The same spelling in flags, files, check ids and reports.
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn an_id_is_parsed_as_it_is_written_and_nothing_else_is() {
        for id in VariantId::value_variants() {
            let text = id.to_string();
            assert_eq!(text.parse(), Ok(*id));
            assert_eq!(text.split('-').next(), Some(id.strategy().number), "{text}");
        }
        for text in ["4-s3a", "3", "", "Copy"] {
            assert!(text.parse::<VariantId>().is_err(), "{text}");
        }
    }
}
