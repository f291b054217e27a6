//! Settings of each kind of server.

use sparkproof_catalog::StoreKind;

use super::{Credentials, StoreRequest};

/// TLS port of Azurite, from `harness/images/stores/azure/tls.js`.
pub(super) const TLS_PORT: u16 = 10443;
/// Directory of the certificate in the server.
pub(super) const TLS_DIR: &str = "/opt/azurite/tls";
/// Bucket, container or directory for data. Different for two S3 servers in one session, since
/// Hadoop has endpoint and keys by bucket.
pub(super) const fn bucket(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Moto => "data-moto",
        _ => "data",
    }
}
/// User id of every server's process.
pub(super) const SERVER_UID: u64 = 185;
/// Port of a NameNode's web server.
pub(super) const NAMENODE_HTTP: u16 = 9870;
const MIB: i64 = 1 << 20;

/// The environment of its process: servers get keys there, never in their arguments.
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
        // moto checks no keys.
        StoreKind::Moto | StoreKind::Hdfs => Vec::new(),
    }
}

/// Memory limit in bytes: heap plus what a JVM or Node.js needs besides.
pub(super) const fn memory(kind: StoreKind) -> i64 {
    match kind {
        StoreKind::S3 | StoreKind::Moto => 512 * MIB,
        StoreKind::Hdfs | StoreKind::Azure => 1024 * MIB,
    }
}

/// A command that only waits, in a container of this image.
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
