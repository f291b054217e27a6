//! Reads and writes data of a server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::StoreKind;

use super::Store;
use super::hadoop::Hdfs;
use super::objects::Objects;

/// Time limit of a check.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

impl Store {
    /// Uploads files under `prefix` into the store's bucket, container or directory, which is
    /// created if it does not exist. Keys may be any path without empty, `.` and `..` parts;
    /// existing keys are replaced.
    ///
    /// # Errors
    /// Environment: a file cannot be read, or the server refused one.
    pub async fn put_all(
        &self,
        context: &Context,
        prefix: &str,
        files: &BTreeMap<String, PathBuf>,
    ) -> Result<()> {
        let work = async {
            match self.record.kind {
                StoreKind::Hdfs => Hdfs::connect(self)?.put_all(prefix, files).await,
                _ => Objects::connect(self)?.put_all(prefix, files).await,
            }
        };
        context.cancel.guard(work).await
    }

    /// The content of one key, in memory.
    ///
    /// # Errors
    /// Environment: the server refused, or has no such key.
    pub async fn get(&self, context: &Context, key: &str) -> Result<Bytes> {
        let work = async {
            match self.record.kind {
                StoreKind::Hdfs => Hdfs::connect(self)?.get(key).await,
                _ => Objects::connect(self)?.get(key).await,
            }
        };
        context.cancel.guard(work).await
    }

    /// Sends a marker request, for a key that does not exist, so that the server logs it.
    pub(super) async fn ask_for_nothing(&self, context: &Context, key: &str) -> Result<()> {
        let work = async {
            match self.record.kind {
                StoreKind::Hdfs => Hdfs::connect(self)?.head(key).await,
                _ => Objects::connect(self)?.head(key).await,
            }
        };
        let limited = tokio::time::timeout(ANSWER, context.cancel.guard(work));
        limited.await.or_environment("sending a marker request")?
    }

    /// Removes everything under `prefix`, if there is anything.
    ///
    /// # Errors
    /// Environment: the server refused.
    pub async fn remove(&self, context: &Context, prefix: &str) -> Result<()> {
        if prefix.trim_matches('/').is_empty() {
            return Err(Error::internal("an empty prefix would remove the whole store"));
        }
        let work = async {
            match self.record.kind {
                StoreKind::Hdfs => Hdfs::connect(self)?.remove(prefix).await,
                _ => Objects::connect(self)?.remove(prefix).await,
            }
        };
        context.cancel.guard(work).await
    }
}
