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

/// stub
#[derive(Debug, Default, Clone)]
pub struct Stores(std::collections::BTreeMap<StoreKind, Store>);
/// stub
#[derive(Debug, Clone)]
pub struct Store;
/// stub
#[derive(Debug)]
pub struct ServerRequest {
    /// p
    pub path: String,
    /// c
    pub client: String,
    /// c
    pub method: String,
    /// c
    pub status: String,
}
impl ServerRequest {
    /// r
    pub fn is_read(&self) -> bool {
        true
    }
}
impl std::fmt::Display for ServerRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}
impl Stores {
    /// g
    pub fn get(&self, kind: StoreKind) -> crate::Result<&Store> {
        self.0.get(&kind).ok_or_else(|| crate::Error::environment("no store"))
    }
}
impl Store {
    /// r
    pub async fn requests(&self, _: &crate::Context, _: &str) -> crate::Result<Vec<ServerRequest>> {
        Ok(Vec::new())
    }
}
