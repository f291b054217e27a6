//! What is mounted: one prefix of a bucket or container.

use super::objects::MARKER;
use crate::error::{Error, Result};
use crate::read::{Dataset, Scene, Variant};
use crate::store::{Store, StoreKind};

/// A prefix of a store, and the keys to it. Not `Debug`: it holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) kind: StoreKind,
    /// `http://172.18.0.3:7070`, without a path.
    pub(super) endpoint: String,
    pub(super) account: String,
    pub(super) key: String,
    /// Bucket or container.
    pub(super) bucket: String,
    /// The prefix, which is the data's nonce: in each request that the server logs.
    pub(super) prefix: String,
}

impl Remote {
    /// Of a variant's data in a store.
    pub(super) fn of(store: &Store, data: &Dataset) -> Result<Self> {
        let kind = store.kind;
        let credentials = store.credentials().ok_or_else(|| {
            Error::internal(format!("the {kind} store has no keys: it cannot be mounted"))
        })?;
        Ok(Remote {
            kind,
            endpoint: store.endpoint().to_owned(),
            account: credentials.account.clone(),
            key: credentials.key.clone(),
            bucket: store.bucket.clone(),
            prefix: data.nonce.clone(),
        })
    }
}

/// Puts a variant's data into its store, with the object that marks it; what is to be mounted.
pub(super) async fn fill(scene: Scene<'_>, variant: &Variant, data: &Dataset) -> Result<Remote> {
    let context = scene.context;
    let kind = variant.stores.first().ok_or_else(|| {
        Error::internal(format!("{} has no store in strategies.toml", variant.id))
    })?;
    let store = scene.environment.stores.get(*kind)?;
    let remote = Remote::of(store, data)?;
    let marker = context.run.dir().join(format!("marker-{}", data.nonce));
    crate::dirs::private_file(&marker, data.nonce.as_bytes())?;
    let files = data.files().map(|file| (file.path.clone(), data.dir.join(&file.path)));
    let files = files.chain([(MARKER.to_owned(), marker)]).collect();
    store.put_all(context, &remote.prefix, &files).await?;
    Ok(remote)
}
