//! Azure's blobs by `wasb://`, `wasbs://` and `abfs://`.

use std::net::IpAddr;

use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::plan::Conf;
use sparkproof_catalog::plan::conf::abfs_settings;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_stores::{Credentials, Store};

/// The account's key.
pub(super) fn credentials(store: &Store) -> Result<&Credentials> {
    store.credentials().ok_or_else(|| Error::internal(format!("{} has no key", store.endpoint())))
}

/// `host:port` of the store by name: for wasb the first label of the host is the account, and host
/// and port are its full name (`AzureNativeFileSystemStore`).
fn authority(store: &Store, tls: bool) -> Result<String> {
    let host = store.host.as_deref();
    let host = host.ok_or_else(|| Error::internal("the Azure store has no host name"))?;
    let endpoint = if tls { store.tls_endpoint.as_deref() } else { Some(store.endpoint()) };
    let port = endpoint.and_then(|endpoint| endpoint.rsplit(':').next());
    let port = port.ok_or_else(|| Error::internal("the Azure store has no such port"))?;
    Ok(format!("{host}:{port}"))
}

pub(super) fn wasb_uri(store: &Store, prefix: &str, tls: bool) -> Result<String> {
    let scheme = if tls { "wasbs" } else { "wasb" };
    Ok(format!("{scheme}://{}@{}/{prefix}", store.bucket, authority(store, tls)?))
}

pub(super) fn contribute_wasb(store: &Store, tls: bool, hadoop_2: bool) -> Result<SessionOverlay> {
    let key = credentials(store)?.key();
    let name = format!("spark.hadoop.fs.azure.account.key.{}", authority(store, tls)?);
    let host = store.host.clone().unwrap_or_default();
    let mut conf = Conf::from([(name, key)]);
    if hadoop_2 {
        // The default since Hadoop 3.
        let class = "org.apache.hadoop.fs.azure.NativeAzureFileSystem";
        let (scheme, class) =
            if tls { ("wasbs", format!("{class}$Secure")) } else { ("wasb", class.into()) };
        conf.insert(format!("spark.hadoop.fs.{scheme}.impl"), class);
    }
    Ok(SessionOverlay { conf, hosts: [(host, address(store)?)].into(), ..Default::default() })
}

fn address(store: &Store) -> Result<IpAddr> {
    store.address.parse().or_internal("the address of the Azure store")
}

/// abfs URLs have Azure's host name; `abfs.endpoint` is the real address.
pub(super) fn abfs_uri(store: &Store, prefix: &str) -> Result<String> {
    let account = &credentials(store)?.account;
    Ok(format!("abfs://{}@{account}.dfs.core.windows.net/{prefix}", store.bucket))
}

/// Uses the Blob endpoint, since Hadoop 3.4.2. Older clients have only the DFS endpoint, which
/// Azurite does not have, and ignore the last two settings.
pub(super) fn contribute_abfs(store: &Store) -> Result<SessionOverlay> {
    let credentials = credentials(store)?;
    let (account, key) = (&credentials.account, credentials.key());
    let mut conf = Conf::from(abfs_settings(store.endpoint().starts_with("https://")));
    if let Some(endpoint) = abfs_endpoint(store.endpoint(), account) {
        conf.insert("spark.hadoop.fs.azure.abfs.endpoint", endpoint);
    }
    let host = format!("{account}.dfs.core.windows.net");
    conf.insert(format!("spark.hadoop.fs.azure.account.key.{host}"), key);
    Ok(SessionOverlay { conf, ..Default::default() })
}

/// `host:port` for `abfs.endpoint`, which has no scheme and needs a port (`AbfsClient`'s
/// `getURIBuilder`); `None` for Azure's own host, which is in the URL already.
fn abfs_endpoint(endpoint: &str, account: &str) -> Option<String> {
    let (scheme, rest) = endpoint.split_once("://")?;
    let authority = rest.split('/').next()?;
    if authority == format!("{account}.blob.core.windows.net") {
        return None;
    }
    let port = if scheme == "https" { 443 } else { 80 };
    Some(match authority.contains(':') {
        true => authority.to_owned(),
        false => format!("{authority}:{port}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("http://172.18.0.5:10000", Some("172.18.0.5:10000"))]
    #[case("https://store.example.org", Some("store.example.org:443"))]
    #[case("http://store.example.org/a", Some("store.example.org:80"))]
    #[case("https://store.example.org:8443", Some("store.example.org:8443"))]
    #[case("https://a.blob.core.windows.net", None)]
    fn abfs_is_told_a_host_and_a_port_without_a_scheme(
        #[case] endpoint: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(abfs_endpoint(endpoint, "a").as_deref(), expected);
    }
}
