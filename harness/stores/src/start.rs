//! Starts servers, in containers or pods.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Exit, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_catalog::plan::OwnStore;
use sparkproof_images::load;
use sparkproof_images::store::provide;
use sparkproof_kubernetes::cluster::Cluster;
use sparkproof_machine::engine::Engine;

use super::{Store, StoreRequest, container, own, pod};

impl Store {
    /// Starts a server in a container on a Docker network; returns when it serves. The run owns it:
    /// it is labelled, in the ledger, and removed by [`Store::stop`] or with the run.
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

    /// The same for runs that can go on without it: the inner error is why its image is not
    /// available here.
    ///
    /// # Errors
    /// Environment: there is an image, but the server does not serve. Other errors unchanged.
    pub(super) async fn start_or_why_not(
        context: &Context,
        engine: &Engine,
        network: &str,
        request: &StoreRequest<'_>,
    ) -> Result<Result<Store>> {
        let phase = context.recorder.phase(&format!("store {}", request.name));
        let image = match provide(context, engine, phase.name(), request.kind).await {
            Err(error) if error.exit == Exit::Environment => {
                phase.done(format!("not available: {error}"));
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

    /// Starts a server in a pod behind a NodePort Service, in a namespace of the run, for clusters
    /// whose network a container cannot join.
    ///
    /// # Errors
    /// Environment: as [`Store::start`]; or HDFS, whose clients use the DataNode's own address.
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

    /// The same with an image that the cluster's nodes can pull.
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

    /// Opens a user's server, with the credentials in the environment.
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
}
