//! The servers of a proof, by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::try_join_all;

use super::{Store, StoreKind, StoreRecord, StoreRequest};
use crate::cluster::Cluster;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Lease;
use crate::plan::OwnStore;

/// At most one of a kind.
#[derive(Debug, Clone, Default)]
pub struct Stores {
    up: BTreeMap<StoreKind, Arc<Store>>,
    /// Why others are not.
    left_out: BTreeMap<StoreKind, String>,
    /// Says that the run lives where they are.
    _lease: Option<Arc<Lease>>,
}

/// Where servers run in pods, and from what images.
#[derive(Debug)]
pub struct InPods<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Their namespace, as the ledger knows.
    pub namespace: &'a str,
    /// Says there that the run lives.
    pub lease: Option<Lease>,
    /// By kind.
    pub images: &'a BTreeMap<StoreKind, String>,
    /// With which nodes pull them.
    pub pull_secret: Option<&'a str>,
}

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

    /// Starts further ones in pods, side by side.
    ///
    /// # Errors
    /// Environment: one does not serve.
    pub async fn start_in_pods(
        &mut self,
        context: &Context,
        kinds: &BTreeSet<StoreKind>,
        place: InPods<'_>,
    ) -> Result<()> {
        let InPods { cluster, namespace, lease, images, pull_secret } = place;
        let wanted = images.iter().filter(|(kind, _)| kinds.contains(kind));
        let start = wanted.map(|(kind, image)| async move {
            let request = StoreRequest { pull_secret, ..StoreRequest::of(*kind) };
            Store::start_given(context, cluster, namespace, image, &request).await
        });
        self.up.extend(Self::of(try_join_all(start).await?).up);
        self._lease = lease.map(Arc::new);
        Ok(())
    }

    /// Says why those of these kinds that are not up are not.
    pub fn leave_out(&mut self, kinds: &BTreeSet<StoreKind>, why: &str) {
        for kind in kinds.iter().filter(|kind| !self.up.contains_key(kind)) {
            self.left_out.entry(*kind).or_insert_with(|| why.to_owned());
        }
    }

    /// As another process started them.
    pub async fn open(context: &Context, records: Vec<StoreRecord>) -> Result<Self> {
        let open = records.into_iter().map(|record| record.open(context));
        Ok(Self::of(try_join_all(open).await?))
    }

    fn of(stores: Vec<Store>) -> Self {
        let up = stores.into_iter().map(|store| (store.record.kind, Arc::new(store))).collect();
        Stores { up, ..Stores::default() }
    }

    /// For another process.
    pub fn records(&self) -> Vec<StoreRecord> {
        self.up.values().map(|store| store.record.clone()).collect()
    }

    /// The one of this kind.
    pub fn get(&self, kind: StoreKind) -> Result<&Store> {
        self.up.get(&kind).map(AsRef::as_ref).ok_or_else(|| {
            if let Some(why) = self.left_out.get(&kind) {
                return Error::environment(why.clone());
            }
            Error::environment(format!("no {} server is up", kind.name()))
                .remedy("name a strategy that reads from it in --strategies")
        })
    }
}
