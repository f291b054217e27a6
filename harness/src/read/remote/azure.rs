//! Azure's blobs by `wasb://`, `wasbs://` and `abfs://`.

use std::net::IpAddr;

use crate::error::{Error, OrFail, Result};
use crate::plan::Conf;
use crate::plan::conf::ABFS_SETTINGS;
use crate::session::Contribution;
use crate::store::{Credentials, Store};

/// The account's key, which every variant but HDFS has.
pub(super) fn credentials(store: &Store) -> Result<&Credentials> {
    store.credentials().ok_or_else(|| Error::internal(format!("{} has no key", store.endpoint())))
}

/// `host:port` of the store by name: wasb takes the host's first label for the account, and all of
/// it with the port for the account's full name (`AzureNativeFileSystemStore`).
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

pub(super) fn contribute_wasb(store: &Store, tls: bool, hadoop_2: bool) -> Result<Contribution> {
    let key = credentials(store)?.key();
    let name = format!("spark.hadoop.fs.azure.account.key.{}", authority(store, tls)?);
    let host = store.host.clone().unwrap_or_default();
    let mut conf = Conf::from([(name, key)]);
    if hadoop_2 {
        // By default since Hadoop 3.
        let class = "org.apache.hadoop.fs.azure.NativeAzureFileSystem";
        let (scheme, class) =
            if tls { ("wasbs", format!("{class}$Secure")) } else { ("wasb", class.into()) };
        conf.insert(format!("spark.hadoop.fs.{scheme}.impl"), class);
    }
    Ok(Contribution { conf, hosts: [(host, address(store)?)].into(), ..Default::default() })
}

fn address(store: &Store) -> Result<IpAddr> {
    store.address.parse().or_internal("the address of the Azure store")
}

/// abfs names Azure's own host; `abfs.endpoint` says where it really is.
pub(super) fn abfs_uri(store: &Store, prefix: &str) -> Result<String> {
    let account = &credentials(store)?.account;
    Ok(format!("abfs://{}@{account}.dfs.core.windows.net/{prefix}", store.bucket))
}

/// Over the Blob endpoint, since Hadoop 3.4.2; before that the client knows only the DFS endpoint,
/// which Azurite does not have, and ignores the last two settings.
pub(super) fn contribute_abfs(store: &Store) -> Result<Contribution> {
    let credentials = credentials(store)?;
    let (account, key) = (&credentials.account, credentials.key());
    let endpoint = store.endpoint().trim_start_matches("http://");
    let mut conf = Conf::from(ABFS_SETTINGS);
    conf.insert("spark.hadoop.fs.azure.abfs.endpoint", endpoint);
    let host = format!("{account}.dfs.core.windows.net");
    conf.insert(format!("spark.hadoop.fs.azure.account.key.{host}"), key);
    Ok(Contribution { conf, ..Default::default() })
}
