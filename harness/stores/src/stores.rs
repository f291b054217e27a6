//! The servers of a run, by kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::try_join_all;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::StoreKind;
use sparkproof_catalog::plan::OwnStore;
use sparkproof_kubernetes::cluster::Cluster;
use sparkproof_kubernetes::lease::Lease;
use sparkproof_machine::engine::Engine;

use super::{Store, StoreRecord, StoreRequest};

/// The servers, at most one of each kind.
#[derive(Debug, Clone, Default)]
pub struct Stores {
    up: BTreeMap<StoreKind, Arc<Store>>,
    /// Why servers of other kinds are not up.
    left_out: BTreeMap<StoreKind, String>,
    /// The Lease in their namespace, renewed as long as this value exists.
    _lease: Option<Arc<Lease>>,
}

/// How to run servers in pods.
#[derive(Debug)]
pub struct InPods<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Their namespace, which is in the ledger.
    pub namespace: &'a str,
    /// The Lease in it.
    pub lease: Option<Lease>,
    /// Images by kind.
    pub images: &'a BTreeMap<StoreKind, String>,
    /// The Secret with which nodes pull them.
    pub pull_secret: Option<&'a str>,
}

impl Stores {
    /// Opens the user's servers of these kinds and starts the others on the cluster's network,
    /// concurrently. Without an engine only the user's are opened.
    pub async fn start(
        context: &Context,
        network: Option<(&Engine, &str)>,
        kinds: BTreeSet<StoreKind>,
        own: &[OwnStore],
    ) -> Result<Self> {
        let start = |kind| async move {
            if let Some(own) = own.iter().find(|own| own.kind == kind) {
                return Ok((kind, Some(Ok(Store::own(context, own).await?))));
            }
            let Some((engine, network)) = network else { return Ok((kind, None)) };
            let request = StoreRequest::for_kind(kind);
            let started = Store::start_or_why_not(context, engine, network, &request).await?;
            Ok::<_, Error>((kind, Some(started)))
        };
        let started = try_join_all(kinds.into_iter().map(start)).await?;
        let mut stores = Stores::default();
        for (kind, started) in started {
            match started {
                Some(Ok(store)) => drop(stores.up.insert(kind, Arc::new(store))),
                Some(Err(error)) => stores.could_not_be_had(context, kind, &error),
                None => {}
            }
        }
        Ok(stores)
    }

    /// Records that a server is missing: variants that read from it are skipped with this reason.
    pub fn could_not_be_had(&mut self, context: &Context, kind: StoreKind, error: &Error) {
        let why = format!("the {} server is not available: {error}", kind.name());
        let remedy = error.remedy.as_ref().map(|remedy| format!("; {remedy}"));
        context.recorder.warn(format!("{why}{}", remedy.unwrap_or_default()));
        self.left_out.insert(kind, why);
    }

    /// Starts servers in pods, concurrently.
    ///
    /// # Errors
    /// Environment: a server does not serve.
    pub async fn start_in_pods(
        &mut self,
        context: &Context,
        kinds: &BTreeSet<StoreKind>,
        place: InPods<'_>,
    ) -> Result<()> {
        let InPods { cluster, namespace, lease, images, pull_secret } = place;
        let wanted = images.iter().filter(|(kind, _)| kinds.contains(kind));
        let start = wanted.map(|(kind, image)| async move {
            let request = StoreRequest { pull_secret, ..StoreRequest::for_kind(*kind) };
            Store::start_given(context, cluster, namespace, image, &request).await
        });
        self.up.extend(Self::new(try_join_all(start).await?).up);
        self._lease = lease.map(Arc::new);
        Ok(())
    }

    /// Records a reason for those of these kinds that are not up.
    pub fn leave_out(&mut self, kinds: &BTreeSet<StoreKind>, why: &str) {
        for kind in kinds.iter().filter(|kind| !self.up.contains_key(kind)) {
            self.left_out.entry(*kind).or_insert_with(|| why.to_owned());
        }
    }

    /// Reopens the servers that another process started.
    pub async fn open(
        context: &Context,
        records: Vec<StoreRecord>,
        left_out: BTreeMap<StoreKind, String>,
    ) -> Result<Self> {
        let open = records.into_iter().map(|record| record.open(context));
        Ok(Stores { left_out, ..Self::new(try_join_all(open).await?) })
    }

    /// Why servers are not up, for another process.
    pub fn left_out(&self) -> &BTreeMap<StoreKind, String> {
        &self.left_out
    }

    /// The reason for the first of these that is not up; `None` if all are up.
    pub fn lack(&self, kinds: &[StoreKind]) -> Option<String> {
        kinds.iter().find_map(|kind| self.get(*kind).err()).map(|error| error.to_string())
    }

    fn new(stores: Vec<Store>) -> Self {
        let up = stores.into_iter().map(|store| (store.record.kind, Arc::new(store))).collect();
        Stores { up, ..Stores::default() }
    }

    /// The records, for another process.
    pub fn records(&self) -> Vec<StoreRecord> {
        self.up.values().map(|store| store.record.clone()).collect()
    }

    /// The server of this kind.
    pub fn get(&self, kind: StoreKind) -> Result<&Store> {
        self.up.get(&kind).map(AsRef::as_ref).ok_or_else(|| {
            if let Some(why) = self.left_out.get(&kind) {
                return Error::environment(why.clone());
            }
            Error::environment(format!("no {} server is up", kind.name()))
                .remedy("add a strategy that reads from it to --strategies")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn a_store_that_cannot_be_had_is_left_out_and_does_not_end_the_run() {
        // No daemon answers there, so no image can be found.
        let docker = bollard::Docker::connect_with_http(
            "tcp://127.0.0.1:9",
            5,
            bollard::API_DEFAULT_VERSION,
        );
        let engine = Engine { docker: docker.expect("a client"), host: "tcp://127.0.0.1:9".into() };
        let (context, keep) = test_context();
        let kinds = BTreeSet::from([StoreKind::Azure, StoreKind::Hdfs]);
        let stores = Stores::start(&context, Some((&engine, "network")), kinds, &[]).await;
        let stores = stores.expect("the run goes on");
        assert!(stores.records().is_empty());
        let why = stores.lack(&[StoreKind::Hdfs]).expect("left out");
        assert!(why.starts_with("the hdfs server is not available: "), "{why}");
        assert_eq!(stores.lack(&[]), None, "what reads from no store is proven");
        // Also in the form for another process.
        let handed = Stores::open(&context, stores.records(), stores.left_out().clone()).await;
        assert_eq!(handed.expect("opened").lack(&[StoreKind::Hdfs]), Some(why));
        let file = format!("run/events-{}.jsonl", std::process::id());
        let events = std::fs::read_to_string(keep.path().join(file)).expect("events");
        assert!(!events.contains(r#""ok":false"#), "no phase of the proof broke: {events}");
    }
}
