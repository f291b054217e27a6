//! Data in and out of a server.

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

/// The longest one answer may take for somebody who only looks.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

impl Store {
    /// Puts files under `prefix` into the store's bucket, container or directory, which is made
    /// when missing. Keys may be any path without empty, `.` and `..` parts; what is there under
    /// the same key is replaced.
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
                StoreKind::Hdfs => Hdfs::of(self)?.put_all(prefix, files).await,
                _ => Objects::of(self)?.put_all(prefix, files).await,
            }
        };
        context.cancel.guard(work).await
    }

    /// The content of one key, to look at: all of it in memory.
    ///
    /// # Errors
    /// Environment: the server refused, or has no such key.
    pub async fn get(&self, context: &Context, key: &str) -> Result<Bytes> {
        let work = async {
            match self.record.kind {
                StoreKind::Hdfs => Hdfs::of(self)?.get(key).await,
                _ => Objects::of(self)?.get(key).await,
            }
        };
        context.cancel.guard(work).await
    }

    /// A request for a key that is not there, which the server logs.
    pub(super) async fn ask_for_nothing(&self, context: &Context, key: &str) -> Result<()> {
        let work = async {
            match self.record.kind {
                StoreKind::Hdfs => Hdfs::of(self)?.look_at(key).await,
                _ => Objects::of(self)?.look_at(key).await,
            }
        };
        let limited = tokio::time::timeout(ANSWER, context.cancel.guard(work));
        limited.await.or_environment("asking for what is not there")?
    }

    /// Removes everything under `prefix`; nothing there is no error.
    ///
    /// # Errors
    /// Environment: the server refused.
    pub async fn remove(&self, context: &Context, prefix: &str) -> Result<()> {
        if prefix.trim_matches('/').is_empty() {
            return Err(Error::internal("removing all of a store is not asked for by a prefix"));
        }
        let work = async {
            match self.record.kind {
                StoreKind::Hdfs => Hdfs::of(self)?.remove(prefix).await,
                _ => Objects::of(self)?.remove(prefix).await,
            }
        };
        context.cancel.guard(work).await
    }
}
