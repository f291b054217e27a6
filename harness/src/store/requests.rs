//! What a server's own log says of requests.

use serde::{Deserialize, Serialize};

use super::{Store, StoreKind, log};
use crate::context::Context;
use crate::error::Result;

/// A request as a server logged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRequest {
    /// HTTP's method; HDFS: the NameNode's command (`open`) or the DataNode's operation
    /// (`HDFS_READ`).
    pub method: String,
    /// The path with its query, decoded.
    pub path: String,
    /// Bytes of data that were sent, where the server says so.
    pub bytes: Option<u64>,
    /// Address it came from: source NAT makes that the node's for pods.
    pub client: String,
    /// HTTP's status; HDFS: `allowed`, `denied`, or `done` for what a DataNode sent.
    pub status: String,
}

impl Store {
    /// The requests so far whose path contains `needle`, oldest first.
    ///
    /// # Errors
    /// Environment: its log cannot be read.
    pub async fn requests(&self, context: &Context, needle: &str) -> Result<Vec<ServerRequest>> {
        let text = context.cancel.guard(self.log()).await?;
        let mut requests = parse(self.record.kind, &text);
        requests.retain(|request| request.path.contains(needle));
        Ok(requests)
    }
}

/// All requests of a log.
fn parse(kind: StoreKind, text: &str) -> Vec<ServerRequest> {
    match kind {
        StoreKind::S3 => text.lines().filter_map(log::s3).collect(),
        StoreKind::Azure | StoreKind::Moto => text.lines().filter_map(log::common).collect(),
        StoreKind::Hdfs => log::hdfs(text),
    }
}
