//! What each server is given to serve.

use sparkproof_catalog::StoreKind;

use super::{Credentials, StoreRequest};

/// Port of Azurite by TLS, as `harness/images/stores/azure/tls.js` listens.
pub(super) const TLS_PORT: u16 = 10443;
/// Where it looks for the certificate.
pub(super) const TLS_DIR: &str = "/opt/azurite/tls";
/// What data is put into. Two S3 servers in one session are told apart by it: Hadoop takes
/// endpoint and keys by bucket.
pub(super) const fn bucket(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Moto => "data-moto",
        _ => "data",
    }
}
/// User of every server's process.
pub(super) const SERVER_UID: u64 = 185;
/// Port of a NameNode's web server.
pub(super) const NAMENODE_HTTP: u16 = 9870;
const MIB: i64 = 1 << 20;

/// The environment of its process: servers take keys from there, never from their arguments.
pub(super) fn environment(
    request: &StoreRequest<'_>,
    credentials: Option<&Credentials>,
) -> Vec<(&'static str, String)> {
    let Some(credentials) = credentials else {
        return vec![("STORE_BLOCK_BYTES", request.block_bytes.to_string())];
    };
    let (account, key) = (&credentials.account, credentials.key());
    match request.kind {
        StoreKind::S3 => {
            vec![("ROOT_ACCESS_KEY", account.clone()), ("ROOT_SECRET_KEY", key.to_owned())]
        }
        StoreKind::Azure => vec![("AZURITE_ACCOUNTS", format!("{account}:{key}"))],
        // It checks none.
        StoreKind::Moto | StoreKind::Hdfs => Vec::new(),
    }
}

/// Memory limit in bytes: heaps with what a JVM or Node.js needs beside them.
pub(super) const fn memory(kind: StoreKind) -> i64 {
    match kind {
        StoreKind::S3 | StoreKind::Moto => 512 * MIB,
        StoreKind::Hdfs | StoreKind::Azure => 1024 * MIB,
    }
}

/// What a container of its image runs that only waits.
pub(super) const fn idle(kind: StoreKind) -> &'static [&'static str] {
    match kind {
        StoreKind::S3 => &["/pause"],
        _ => &["/usr/bin/tini", "--", "/bin/sleep", "infinity"],
    }
}

/// The scheme of its endpoint.
pub(super) const fn scheme(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Hdfs => "hdfs",
        StoreKind::S3 | StoreKind::Moto | StoreKind::Azure => "http",
    }
}
