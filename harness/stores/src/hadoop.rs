//! Reads and writes data of HDFS, with `hdfs-native`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};
use sparkproof_base::error::{ErrorContext, Result};

use super::Store;
use super::key::joined;

/// Time limit of a call: the client's 15 attempts would take minutes, too long for a local server.
const CONFIG: [(&str, &str); 1] = [("dfs.client.failover.max.attempts", "2")];
/// Number of concurrent uploads; each waits for the NameNode three times.
const AT_ONCE: usize = 32;

/// A client of an HDFS store.
pub(super) struct Hdfs<'a> {
    store: &'a Store,
    client: Client,
}

impl<'a> Hdfs<'a> {
    pub(super) fn connect(store: &'a Store) -> Result<Self> {
        let endpoint = &store.record.endpoint;
        let client = ClientBuilder::new().with_url(endpoint).with_config(CONFIG).build();
        Ok(Hdfs { store, client: client.or_environment(format!("a client for {endpoint}"))? })
    }

    /// Checks that the directory exists.
    pub(super) async fn check(&self) -> Result<()> {
        let path = format!("/{}", self.store.record.bucket.trim_matches('/'));
        let seen = self.client.get_file_info(&path).await;
        seen.map(drop).or_environment(format!("checking {path} of HDFS"))
    }

    /// Requests the status of a key, which need not exist.
    pub(super) async fn head(&self, key: &str) -> Result<()> {
        match self.client.get_file_info(&self.path(key)).await {
            Ok(_) | Err(HdfsError::FileNotFound(_)) => Ok(()),
            Err(error) => Err(error).or_environment(format!("checking {key} of HDFS")),
        }
    }

    fn path(&self, path: &str) -> String {
        format!("/{}/{path}", self.store.record.bucket.trim_matches('/'))
    }

    pub(super) async fn put_all(
        &self,
        prefix: &str,
        files: &BTreeMap<String, PathBuf>,
    ) -> Result<()> {
        let directory = self.path(prefix.trim_matches('/'));
        let made = self.client.mkdirs(directory.trim_end_matches('/'), 0o777, true).await;
        made.or_environment(format!("making {directory} in HDFS"))?;
        let puts = files.iter().map(|(key, file)| self.put(self.path(&joined(prefix, key)), file));
        futures::stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn put(&self, path: String, file: &Path) -> Result<()> {
        let what = || format!("putting {path} into HDFS");
        // With the server's block size.
        let options = WriteOptions::default().overwrite(true).create_parent(true);
        let mut writer = self.client.create(&path, options).await.or_environment(what())?;
        let file = fs_err::tokio::File::open(file).await.or_environment(what())?;
        let mut chunks = tokio_util::io::ReaderStream::with_capacity(file, 1 << 20);
        while let Some(chunk) = chunks.try_next().await.or_environment(what())? {
            writer.write_bytes(chunk).await.or_environment(what())?;
        }
        writer.close().await.or_environment(what())
    }

    pub(super) async fn get(&self, key: &str) -> Result<Bytes> {
        let path = self.path(key);
        let what = || format!("reading {path} of HDFS");
        let mut reader = self.client.read(&path).await.or_environment(what())?;
        reader.read_bytes(reader.file_length()).await.or_environment(what())
    }

    pub(super) async fn remove(&self, prefix: &str) -> Result<()> {
        let path = self.path(prefix.trim_matches('/'));
        match self.client.delete(&path, true).await {
            Ok(_) | Err(HdfsError::FileNotFound(_)) => Ok(()),
            Err(error) => Err(error).or_environment(format!("removing {path} from HDFS")),
        }
    }
}
