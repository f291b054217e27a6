//! Which server is asked for.

use sparkproof_base::ledger::Scope;
use sparkproof_catalog::StoreKind;

/// Which server to start.
#[derive(Debug, Clone)]
pub struct StoreRequest<'a> {
    /// Which server.
    pub kind: StoreKind,
    /// Its name within the run; its kind's name unless there are several of a kind.
    pub name: &'a str,
    /// How long it lives.
    pub scope: Scope,
    /// HDFS: bytes of a block for clients that do not say, at least 1 MiB.
    pub block_bytes: u64,
    /// In pods: the Secret with which nodes pull its image.
    pub pull_secret: Option<&'a str>,
}

impl StoreRequest<'_> {
    /// A server of the run, named after its kind, with blocks of 4 MiB.
    pub fn of(kind: StoreKind) -> Self {
        StoreRequest {
            kind,
            name: kind.name(),
            scope: Scope::Run,
            block_bytes: 4 << 20,
            pull_secret: None,
        }
    }
}
