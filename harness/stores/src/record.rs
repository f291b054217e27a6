//! The record of a server, without its secrets.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_catalog::StoreKind;

/// Where a server runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "placement")]
pub enum Placement {
    /// A container on the cluster's Docker network.
    Container {
        /// Docker host address.
        docker: String,
        /// Its name, which contains the run id.
        name: String,
        /// The network.
        network: String,
    },
    /// A pod behind a NodePort service.
    Pod {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Context of the kubeconfig; `None` for the current one.
        context: Option<String>,
        /// Its namespace.
        namespace: String,
        /// Name of pod, Service and Secret.
        name: String,
    },
    /// The user's server.
    Own,
}

/// A server's record, with which other processes reopen it: a file in the state directory (0600).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreRecord {
    /// The kind of server.
    pub kind: StoreKind,
    /// Where it runs.
    pub placement: Placement,
    /// The endpoint, the same for the driver and for pods: `http://172.18.0.3:7070`,
    /// `hdfs://172.18.0.4:9000`, `http://172.18.0.5:10000`.
    pub endpoint: String,
    /// The TLS endpoint for the same data, if the server has one.
    pub tls_endpoint: Option<String>,
    /// Its address without port, for `hostAliases` and hosts files.
    pub address: String,
    /// Host name on the container network, for clients that need one: Azure's account is its first
    /// label.
    pub host: Option<String>,
    /// Bucket, container or directory for data.
    pub bucket: String,
    /// S3's region.
    pub region: Option<String>,
    /// The server's image; `None` for a user's server.
    pub image: Option<String>,
    /// File with the credentials (0600); `None` if none are needed.
    pub credentials: Option<PathBuf>,
    /// Certificate of the authority that signed the TLS certificate, in PEM.
    pub ca_certificate: Option<PathBuf>,
}

impl StoreRecord {
    /// S3's region. Clients require one, also if the server has none.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }

    /// The endpoint for Azure's requests: the account is part of the path if it is not part of the
    /// host.
    pub fn account_url(&self, account: &str) -> String {
        let host = self.endpoint.split_once("://").map_or("", |(_, rest)| rest);
        if host.starts_with(&format!("{account}.")) {
            return self.endpoint.clone();
        }
        format!("{}/{account}", self.endpoint)
    }

    /// Directory of a server's files below a run's private directory.
    pub fn dir(run: &Path, name: &str) -> PathBuf {
        run.join("stores").join(name)
    }

    /// Path of its record in that directory.
    pub fn path(run: &Path, name: &str) -> PathBuf {
        Self::dir(run, name).join("record.json")
    }

    /// The records of a run.
    pub fn all(run: &Path) -> Result<Vec<StoreRecord>> {
        let Ok(entries) = fs_err::read_dir(run.join("stores")) else { return Ok(Vec::new()) };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|e| Some(e.ok()?.path().join("record.json"))).collect();
        paths.sort();
        paths.iter().filter(|path| path.exists()).map(|path| Self::read(path)).collect()
    }

    /// Reads a record.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs_err::read(path).or_input("reading a store's record")?;
        serde_json::from_slice(&text).or_input(format!("the store's record {}", path.display()))
    }

    /// Writes it (0600).
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).or_internal("writing a store's record")?;
        private_file(path, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_its_file_and_an_account_its_place() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let record = StoreRecord {
            kind: StoreKind::Azure,
            placement: Placement::Own,
            endpoint: "http://172.18.0.3:10000".into(),
            tls_endpoint: None,
            address: "172.18.0.3".into(),
            host: None,
            bucket: "data".into(),
            region: None,
            image: None,
            credentials: None,
            ca_certificate: None,
        };
        assert_eq!(record.account_url("a"), "http://172.18.0.3:10000/a");
        let named = StoreRecord { endpoint: "https://a.example.org".into(), ..record.clone() };
        assert_eq!(named.account_url("a"), "https://a.example.org");
        let path = StoreRecord::path(keep.path(), "azure");
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        record.write(&path).expect("written");
        assert_eq!(StoreRecord::all(keep.path()).expect("readable"), [record]);
        assert!(StoreRecord::all(&keep.path().join("none")).expect("readable").is_empty());
    }
}
