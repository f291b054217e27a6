//! A request for a server.

use sparkproof_base::ledger::Scope;
use sparkproof_catalog::StoreKind;

/// The server to start.
#[derive(Debug, Clone)]
pub struct StoreRequest<'a> {
    /// The kind of server.
    pub kind: StoreKind,
    /// Its name within the run: that of its kind, unless there are several of a kind.
    pub name: &'a str,
    /// Its scope.
    pub scope: Scope,
    /// HDFS: default block size in bytes, at least 1 MiB.
    pub block_bytes: u64,
    /// For pods: the Secret with which nodes pull its image.
    pub pull_secret: Option<&'a str>,
}

impl StoreRequest<'_> {
    /// A server of the run, named after its kind, with blocks of 4 MiB.
    pub fn for_kind(kind: StoreKind) -> Self {
        StoreRequest {
            kind,
            name: kind.name(),
            scope: Scope::Run,
            block_bytes: 4 << 20,
            pull_secret: None,
        }
    }
}
