//! The source of a mount: one prefix of a bucket or container.

use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::{StoreKind, Variant};
use sparkproof_stores::Store;

use crate::{Dataset, StrategyContext};

/// The marker object, whose content is the prefix: reading it through a mount shows that the mount
/// is of this data.
pub(super) const MARKER: &str = ".mounted";

/// A prefix of a store, with the keys. Not `Debug`, because it has a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct MountSource {
    pub(super) kind: StoreKind,
    /// URL for requests: `http://172.18.0.3:7070`, for Azure with the account.
    pub(super) url: String,
    /// S3's region.
    pub(super) region: String,
    pub(super) account: String,
    pub(super) key: String,
    /// Bucket or container.
    pub(super) bucket: String,
    /// The prefix, which is the data's nonce, so that each request in the server's log has it.
    pub(super) prefix: String,
}

impl MountSource {
    /// For a variant's data in a store.
    pub(super) fn new(store: &Store, data: &Dataset) -> Result<Self> {
        let kind = store.kind;
        let credentials = store.credentials().ok_or_else(|| {
            Error::internal(format!("the {kind} store has no keys: it cannot be mounted"))
        })?;
        Ok(MountSource {
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

/// Uploads a variant's data and its marker; returns the source to mount.
pub(super) async fn fill(
    scene: StrategyContext<'_>,
    variant: &Variant,
    data: &Dataset,
) -> Result<MountSource> {
    let context = scene.context;
    let kind = variant.stores.first().ok_or_else(|| {
        Error::internal(format!("{} has no store in strategies.toml", variant.id))
    })?;
    let store = scene.environment.stores.get(*kind)?;
    let source = MountSource::new(store, data)?;
    let marker = context.run.dir().join(format!("marker-{}", data.nonce));
    sparkproof_base::dirs::private_file(&marker, data.nonce.as_bytes())?;
    let mut files = data.sources();
    files.insert(MARKER.to_owned(), marker);
    store.put_all(context, &source.prefix, &files).await?;
    Ok(source)
}

/// Removes the data from its store, which may be the user's.
pub(super) async fn empty(scene: StrategyContext<'_>, source: &MountSource) -> Result<()> {
    let store = scene.environment.stores.get(source.kind)?;
    store.remove(scene.context, &source.prefix).await
}
