//! The servers of a proof, by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::try_join_all;

use super::{Store, StoreKind, StoreRecord, StoreRequest};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, Result};

/// At most one of a kind.
#[derive(Debug, Clone, Default)]
pub struct Stores(BTreeMap<StoreKind, Arc<Store>>);

impl Stores {
    /// Starts these on a network, side by side.
    pub async fn start(
        context: &Context,
        engine: &Engine,
        network: &str,
        kinds: BTreeSet<StoreKind>,
    ) -> Result<Self> {
        let start = |kind| async move {
            Store::start(context, engine, network, &StoreRequest::of(kind)).await
        };
        Ok(Self::of(try_join_all(kinds.into_iter().map(start)).await?))
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
