//! Reads and writes data of S3 and Azure, with `object_store`.

use std::collections::BTreeMap;
use std::path::{Path as File, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use http::Method;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, RetryConfig, WriteMultipart};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::StoreKind;

use super::http::{Http, refused};
use super::key::joined;
use super::{Credentials, Placement, Store};

/// Number of concurrent uploads: enough to hide the latency of small files.
const AT_ONCE: usize = 16;
/// Files up to this size are uploaded in one request; S3 refuses more than 5 GiB in one.
const WHOLE: u64 = 16 << 20;
/// Bytes of one part of a larger one, at least 5 MiB by S3's rules.
const PART: usize = 8 << 20;

/// A client of a bucket or a container.
pub(super) struct Objects<'a> {
    store: &'a Store,
    credentials: &'a Credentials,
    http: Http,
    client: Arc<dyn ObjectStore>,
}

/// Few retries: minutes of retries would only hide that a local server is down.
fn retry() -> RetryConfig {
    RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(20), ..Default::default() }
}

impl<'a> Objects<'a> {
    pub(super) fn connect(store: &'a Store) -> Result<Self> {
        let record = &store.record;
        let credentials = store.credentials.as_ref();
        let credentials =
            credentials.ok_or_else(|| Error::internal(format!("{} without keys", record.kind)))?;
        let http = Http::to(record)?;
        let client: Arc<dyn ObjectStore> = match record.kind {
            StoreKind::Azure => Arc::new(
                MicrosoftAzureBuilder::new()
                    .with_account(&credentials.account)
                    .with_access_key(credentials.key())
                    .with_container_name(&record.bucket)
                    // The account is part of the path if the host is an address.
                    .with_endpoint(record.account_url(&credentials.account))
                    .with_allow_http(true)
                    .with_retry(retry())
                    .with_http_connector(http.clone())
                    .build()
                    .or_internal("a client for Azure")?,
            ),
            _ => Arc::new(
                AmazonS3Builder::new()
                    .with_access_key_id(&credentials.account)
                    .with_secret_access_key(credentials.key())
                    .with_bucket_name(&record.bucket)
                    .with_endpoint(&record.endpoint)
                    .with_region(record.region())
                    .with_virtual_hosted_style_request(false)
                    .with_allow_http(true)
                    .with_retry(retry())
                    .with_http_connector(http.clone())
                    .build()
                    .or_internal("a client for S3")?,
            ),
        };
        Ok(Objects { store, credentials, http, client })
    }

    /// Creates the bucket or container, if it does not exist. A user's must exist.
    async fn make(&self) -> Result<()> {
        let record = &self.store.record;
        if record.placement == Placement::Own {
            return Ok(());
        }
        let url = match record.kind {
            StoreKind::Azure => {
                let account = record.account_url(&self.credentials.account);
                format!("{account}/{}?restype=container", record.bucket)
            }
            _ => format!("{}/{}", record.endpoint, record.bucket),
        };
        let made = self.http.signed(record, self.credentials, Method::PUT, &url).await?;
        match made {
            (200 | 201 | 409, _) => Ok(()),
            (status, text) => Err(refused(&format!("making {}", record.bucket), status, &text)),
        }
    }

    pub(super) async fn put_all(
        &self,
        prefix: &str,
        files: &BTreeMap<String, PathBuf>,
    ) -> Result<()> {
        self.make().await?;
        let puts = files.iter().map(|(key, file)| self.put(joined(prefix, key), file));
        futures::stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn put(&self, key: String, file: &File) -> Result<()> {
        let what = || format!("putting {key} into the {} store", self.store.record.kind);
        // Not `Path::from`, which rewrites characters: the key must be exactly this.
        let path = Path::parse(&key).or_input(what())?;
        let size = fs_err::tokio::metadata(file).await.or_environment(what())?.len();
        if size <= WHOLE {
            let bytes = fs_err::tokio::read(file).await.or_environment(what())?;
            self.client.put(&path, Bytes::from(bytes).into()).await.or_environment(what())?;
            return Ok(());
        }
        let upload = self.client.put_multipart(&path).await.or_environment(what())?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART);
        let file = fs_err::tokio::File::open(file).await.or_environment(what())?;
        let mut chunks = tokio_util::io::ReaderStream::with_capacity(file, 1 << 20);
        while let Some(chunk) = chunks.try_next().await.or_environment(what())? {
            // A few parts in memory, not the whole file.
            parts.wait_for_capacity(2).await.or_environment(what())?;
            parts.put(chunk);
        }
        parts.finish().await.or_environment(what())?;
        Ok(())
    }

    pub(super) async fn get(&self, key: &str) -> Result<Bytes> {
        let what = || format!("reading {key} of the {} store", self.store.record.kind);
        let path = Path::parse(key).or_input(what())?;
        let found = self.client.get(&path).await.or_environment(what())?;
        found.bytes().await.or_environment(what())
    }

    /// Requests the metadata of a key, which need not exist.
    pub(super) async fn head(&self, key: &str) -> Result<()> {
        match self.client.head(&Path::parse(key).or_input(key)?).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).or_environment(format!("checking {key}")),
        }
    }

    pub(super) async fn remove(&self, prefix: &str) -> Result<()> {
        let what = || format!("removing {prefix} from the {} store", self.store.record.kind);
        let path = Path::parse(prefix.trim_matches('/')).or_input(what())?;
        let listed = self.client.list(Some(&path)).map_ok(|object| object.location);
        let paths: Vec<Path> = match listed.try_collect().await {
            Ok(paths) => paths,
            Err(object_store::Error::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error).or_environment(what()),
        };
        let removes = paths.iter().map(|path| async move {
            self.client.delete(path).await.or_environment(format!("removing {path}"))
        });
        futures::stream::iter(removes).buffer_unordered(AT_ONCE).try_collect().await
    }
}
