//! A server that runs.

use sparkproof_base::context::Context;
use sparkproof_base::dirs::remove_below;
use sparkproof_base::error::{Exit, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::Scope;
use sparkproof_catalog::StoreKind;
use sparkproof_catalog::plan::OwnStore;
use sparkproof_images::load;
use sparkproof_images::store::provide;
use sparkproof_kubernetes::cluster::Cluster;
use sparkproof_machine::engine::Engine;

use super::place::Place;
use super::{Credentials, StoreRecord, container, own, pod};

/// Which server to start.
#[derive(Debug, Clone)]
pub struct StoreRequest<'a> {
    /// Which server.
    pub kind: StoreKind,
    /// Its name within the run; its kind's name unless there are several of a kind.
    pub name: &'a str,
    /// How long it lives.
    pub scope: Scope,
    /// HDFS: bytes of a block for clients that do not say, at least 1 MiB.
    pub block_bytes: u64,
    /// In pods: the Secret with which nodes pull its image.
    pub pull_secret: Option<&'a str>,
}

impl StoreRequest<'_> {
    /// A server of the run, named after its kind, with blocks of 4 MiB.
    pub fn of(kind: StoreKind) -> Self {
        StoreRequest {
            kind,
            name: kind.name(),
            scope: Scope::Run,
            block_bytes: 4 << 20,
            pull_secret: None,
        }
    }
}

/// A server that runs, and who may use it.
#[derive(Debug)]
pub struct Store {
    /// What is known of it.
    pub record: StoreRecord,
    pub(super) credentials: Option<Credentials>,
    pub(super) place: Place,
}

impl std::ops::Deref for Store {
    type Target = StoreRecord;
    fn deref(&self) -> &StoreRecord {
        &self.record
    }
}

impl Store {
    /// Starts one in a container on a Docker network, and returns when it serves. It is the run's:
    /// in its ledger, labelled, and removed by [`Store::stop`] or with the run.
    ///
    /// # Errors
    /// Environment: its image could not be assembled, or it does not serve (with the end of its
    /// log).
    pub async fn start(
        context: &Context,
        engine: &Engine,
        network: &str,
        request: &StoreRequest<'_>,
    ) -> Result<Store> {
        let phase = context.recorder.phase(&format!("store {}", request.name));
        let begun = async {
            let image = provide(context, engine, phase.name(), request.kind).await?;
            Self::begin(context, engine, network, request, (&phase, &image)).await
        };
        let begun = begun.await;
        phase.end(begun, |store| format!("{}, {}", store.endpoint, store.place))
    }

    /// The same for a proof that goes on without it: the inner error is why its image cannot be had
    /// here.
    ///
    /// # Errors
    /// Environment: the image is there and the server does not serve. Others as they are.
    pub(super) async fn start_or_why_not(
        context: &Context,
        engine: &Engine,
        network: &str,
        request: &StoreRequest<'_>,
    ) -> Result<Result<Store>> {
        let phase = context.recorder.phase(&format!("store {}", request.name));
        let image = match provide(context, engine, phase.name(), request.kind).await {
            Err(error) if error.exit == Exit::Environment => {
                phase.done(format!("not to be had: {error}"));
                return Ok(Err(error));
            }
            Err(error) => return phase.end(Err(error), |_: &Result<Store>| String::new()),
            Ok(image) => image,
        };
        let begun = Self::begin(context, engine, network, request, (&phase, &image)).await;
        phase.end(begun, |store| format!("{}, {}", store.endpoint, store.place)).map(Ok)
    }

    async fn begin(
        context: &Context,
        engine: &Engine,
        network: &str,
        request: &StoreRequest<'_>,
        (phase, image): (&PhaseGuard, &str),
    ) -> Result<Store> {
        let step = phase.step("start");
        let store = container::start(context, engine, network, image, request).await?;
        store.healthy(context).await?;
        step.done("");
        Ok(store)
    }

    /// Starts one in a pod behind a NodePort service, in a namespace that is the run's and takes it
    /// along: where no container can join the cluster's network.
    ///
    /// # Errors
    /// Environment: as [`Store::start`]; or HDFS, whose clients follow the DataNode's own address.
    pub async fn start_in_cluster(
        context: &Context,
        engine: &Engine,
        cluster: &Cluster,
        namespace: &str,
        request: &StoreRequest<'_>,
    ) -> Result<Store> {
        let phase = context.recorder.phase(&format!("store {}", request.name));
        let begun = async {
            let image = provide(context, engine, phase.name(), request.kind).await?;
            let step = phase.step("load the image");
            let loaded = load(context, engine, &cluster.executor_nodes(), &image).await?;
            step.done(loaded.to_string());
            let step = phase.step("start");
            let store = pod::start(context, cluster, namespace, &image, request).await?;
            store.healthy(context).await?;
            step.done("");
            Ok(store)
        };
        let begun = begun.await;
        phase.end(begun, |store| format!("{}, {}", store.endpoint, store.place))
    }

    /// The same from an image that the cluster's nodes can pull.
    ///
    /// # Errors
    /// Environment: as [`Store::start_in_cluster`].
    pub async fn start_given(
        context: &Context,
        cluster: &Cluster,
        namespace: &str,
        image: &str,
        request: &StoreRequest<'_>,
    ) -> Result<Store> {
        let phase = context.recorder.phase(&format!("store {}", request.name));
        let begun = async {
            let store = pod::start(context, cluster, namespace, image, request).await?;
            store.healthy(context).await?;
            Ok(store)
        };
        let begun = begun.await;
        phase.end(begun, |store| format!("{}, {}", store.endpoint, store.place))
    }

    /// The user's own, as it is; its credentials are the environment's.
    ///
    /// # Errors
    /// Bad input: the environment has no credentials. Environment: it does not answer.
    pub async fn own(context: &Context, own: &OwnStore) -> Result<Store> {
        let phase = context.recorder.phase(&format!("store {}", own.kind));
        let opened = async {
            let store = own::open(context, own)?;
            store.healthy(context).await?;
            Ok(store)
        };
        let opened = opened.await;
        phase.end(opened, |store| format!("{}, {}", store.endpoint, store.place))
    }

    pub(super) async fn open(context: &Context, record: StoreRecord) -> Result<Store> {
        let credentials = match &record.credentials {
            Some(path) => Some(Credentials::read(context, path)?),
            None => None,
        };
        let place = Place::open(&record.placement).await?;
        Ok(Store { record, credentials, place })
    }

    /// What clients are given, the same for the driver and for pods.
    pub fn endpoint(&self) -> &str {
        &self.record.endpoint
    }

    /// Who may use it; none for HDFS.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Whether its log can be read for its requests.
    pub fn has_log(&self) -> bool {
        !matches!(self.place, Place::Own)
    }

    /// Ends it, with its data. The user's own stays.
    ///
    /// # Errors
    /// Environment: it is still there; the ledger keeps it.
    pub async fn stop(self, context: &Context) -> Result<()> {
        self.place.remove(context).await?;
        let dir = self.record.credentials.as_deref().and_then(std::path::Path::parent);
        if let Some(dir) = dir.filter(|dir| dir.starts_with(context.run.dir())) {
            let _ = remove_below(context.run.dir(), dir);
        }
        Ok(())
    }

    /// Breaks it on purpose: it answers nothing, connections stay open.
    pub async fn pause(&self) -> Result<()> {
        self.place.breakable()?.pause().await
    }

    /// Heals [`Store::pause`].
    pub async fn unpause(&self) -> Result<()> {
        self.place.breakable()?.unpause().await
    }

    /// Breaks it on purpose: its processes end and its port refuses, its data stays (moto's, in
    /// memory, does not).
    pub async fn halt(&self) -> Result<()> {
        self.place.breakable()?.halt().await
    }

    /// Heals [`Store::halt`]; returns when it serves again, under the same address.
    pub async fn resume(&self, context: &Context) -> Result<()> {
        self.place.breakable()?.begin(context).await?;
        self.healthy(context).await
    }

    /// Its log so far: what it says, and a line for each request.
    pub async fn log(&self, context: &Context) -> Result<String> {
        self.place.log(context, None).await
    }
}
