//! The servers of a proof, by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::try_join_all;

use super::{Store, StoreKind, StoreRecord, StoreRequest};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::plan::OwnStore;

/// At most one of a kind.
#[derive(Debug, Clone, Default)]
pub struct Stores(BTreeMap<StoreKind, Arc<Store>>);

impl Stores {
    /// Opens the user's own of these kinds and starts the others on the cluster's network, side by
    /// side. Without an engine there are only the user's own.
    pub async fn start(
        context: &Context,
        network: Option<(&Engine, &str)>,
        kinds: BTreeSet<StoreKind>,
        own: &[OwnStore],
    ) -> Result<Self> {
        let start = |kind| async move {
            if let Some(own) = own.iter().find(|own| own.kind == kind) {
                return Store::own(context, own).await.map(Some);
            }
            match network {
                Some((engine, network)) => {
                    let request = StoreRequest::of(kind);
                    Store::start(context, engine, network, &request).await.map(Some)
                }
                None => Ok(None),
            }
        };
        let started = try_join_all(kinds.into_iter().map(start)).await?;
        Ok(Self::of(started.into_iter().flatten().collect()))
    }

    /// As another process started them.
    pub async fn open(context: &Context, records: Vec<StoreRecord>) -> Result<Self> {
        let open = records.into_iter().map(|record| record.open(context));
        Ok(Self::of(try_join_all(open).await?))
    }

    fn of(stores: Vec<Store>) -> Self {
        Stores(stores.into_iter().map(|store| (store.record.kind, Arc::new(store))).collect())
    }

    /// For another process.
    pub fn records(&self) -> Vec<StoreRecord> {
        self.0.values().map(|store| store.record.clone()).collect()
    }

    /// The one of this kind.
    pub fn get(&self, kind: StoreKind) -> Result<&Store> {
        self.0.get(&kind).map(AsRef::as_ref).ok_or_else(|| {
            Error::environment(format!("no {} server is up", kind.name()))
                .remedy("name a strategy that reads from it in --strategies")
        })
    }
}
