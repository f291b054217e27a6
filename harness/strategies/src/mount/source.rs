//! What is mounted: one prefix of a bucket or container.

use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::{StoreKind, Variant};
use sparkproof_stores::Store;

use crate::{Dataset, StrategyContext};

/// The object whose content is the prefix: read through a mount, it says that the mount is there,
/// and of this very data.
pub(super) const MARKER: &str = ".mounted";

/// A prefix of a store, and the keys to it. Not `Debug`: it holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) kind: StoreKind,
    /// Where requests go: `http://172.18.0.3:7070`, for Azure with the account.
    pub(super) url: String,
    /// S3's region.
    pub(super) region: String,
    pub(super) account: String,
    pub(super) key: String,
    /// Bucket or container.
    pub(super) bucket: String,
    /// The prefix, which is the data's nonce: in each request that the server logs.
    pub(super) prefix: String,
}

impl Source {
    /// Of a variant's data in a store.
    pub(super) fn of(store: &Store, data: &Dataset) -> Result<Self> {
        let kind = store.kind;
        let credentials = store.credentials().ok_or_else(|| {
            Error::internal(format!("the {kind} store has no keys: it cannot be mounted"))
        })?;
        Ok(Source {
            kind,
            url: match kind {
                StoreKind::Azure => store.account_url(&credentials.account),
                _ => store.endpoint().to_owned(),
            },
            region: store.region().to_owned(),
            account: credentials.account.clone(),
            key: credentials.key().to_owned(),
            bucket: store.bucket.clone(),
            prefix: data.nonce.clone(),
        })
    }
}

/// Puts a variant's data into its store, with the object that marks it; what is to be mounted.
pub(super) async fn fill(
    scene: StrategyContext<'_>,
    variant: &Variant,
    data: &Dataset,
) -> Result<Source> {
    let context = scene.context;
    let kind = variant.stores.first().ok_or_else(|| {
        Error::internal(format!("{} has no store in strategies.toml", variant.id))
    })?;
    let store = scene.environment.stores.get(*kind)?;
    let source = Source::of(store, data)?;
    let marker = context.run.dir().join(format!("marker-{}", data.nonce));
    sparkproof_base::dirs::private_file(&marker, data.nonce.as_bytes())?;
    let mut files = data.sources();
    files.insert(MARKER.to_owned(), marker);
    store.put_all(context, &source.prefix, &files).await?;
    Ok(source)
}

/// Takes the data from its store again, which may be the user's own.
pub(super) async fn empty(scene: StrategyContext<'_>, source: &Source) -> Result<()> {
    let store = scene.environment.stores.get(source.kind)?;
    store.remove(scene.context, &source.prefix).await
}
