//! Creates a cluster with kind or Minikube, and loads the Spark image onto its nodes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::Scope;
use sparkproof_base::verdict::judged;
use sparkproof_catalog::StoreKind;
use sparkproof_catalog::plan::{ClusterPlan, ResolvedPlan};
use sparkproof_images::node::{MinikubeImage, NodeImage};
use sparkproof_images::{load, node, spark};
use sparkproof_kubernetes::access::ClusterCapabilities;
use sparkproof_kubernetes::cluster::{self, Cluster, KindRequest, MinikubeRequest, Provisioner};
use sparkproof_machine::engine::{Engine, provide_program};
use sparkproof_stores::Stores;
use sparkproof_testbed::{Environment, image_tool};

use super::driver::prepare_driver;

/// Provides node image and Spark image concurrently, creates the cluster, then loads the image,
/// starts the stores and waits for readiness concurrently.
pub(super) async fn make(
    context: &Context,
    engine: Engine,
    plan: &ResolvedPlan,
    (name, scope): (&str, Scope),
    stores: BTreeSet<StoreKind>,
) -> Result<Environment> {
    // kind and Minikube call the docker CLI.
    provide_program(context, "engine", "docker").await?;
    let (parts, image) = tokio::try_join!(
        async {
            let phase = context.recorder.phase("node");
            let parts = Parts::provide(context, &phase, &engine, &plan.cluster).await;
            phase.end(parts, |parts| {
                let image = parts.node();
                format!("{}, {} MB", image.reference, image.size / 1_000_000)
            })
        },
        async {
            let phase = context.recorder.phase("spark");
            let image = async {
                let image = spark::provide(context, &phase, Some(&engine), &plan.spark).await?;
                prepare_driver(context, &phase, &engine, plan).await?;
                Ok(image)
            }
            .await;
            phase.end(image, |i| format!("{}, {}", i.reference, i.origin))
        }
    )?;
    let phase = context.recorder.phase("cluster");
    let created = async {
        let cluster = parts.create(context, &phase, &engine, &plan.cluster, (name, scope)).await?;
        // Loading the image needs only containerd, so it runs during the wait.
        let loading = async {
            let step = phase.step("load the Spark image");
            let nodes = &cluster.executor_nodes();
            let loaded = load(context, &engine, nodes, &image.reference).await?;
            context.recorder.fact("image load", loaded.to_string());
            step.done(loaded.to_string());
            Ok(loaded)
        };
        let title = "the API server, every node, DNS, storage and the default account are ready";
        let nodes = cluster.node_containers.len();
        let ready = judged(context, ("cluster.ready", title), nodes, async || {
            cluster::readiness(context, &phase, &cluster, parts.provisioner()).await
        });
        let stores = Stores::start(context, Some((&engine, name)), stores, &plan.stores);
        let (_, loaded, stores) = tokio::try_join!(ready, loading, stores)?;
        if let Parts::Minikube { .. } = parts {
            image_tool(context, &cluster).await?;
        }
        Ok((cluster, loaded, stores))
    }
    .await;
    let (cluster, _, stores) = phase.end(created, |(c, loaded, _)| {
        let nodes = c.node_containers.len();
        format!("{nodes} node(s) Ready, DNS, storage, default account; image {loaded}")
    })?;
    context.recorder.fact("kubernetes", cluster.kubernetes_version.clone());
    context.recorder.fact("node image", parts.node().reference.clone());
    context.recorder.fact("node image digest", parts.node().digest.clone());
    let (plan, terms) = (plan.clone(), ClusterCapabilities::default());
    Ok(Environment { plan, cluster, terms, image, engine: Some(engine), stores })
}

/// The parts that a cluster is made of.
enum Parts {
    Kind { kind: PathBuf, node: NodeImage },
    Minikube { minikube: PathBuf, image: MinikubeImage },
}

impl Parts {
    async fn provide(
        context: &Context,
        phase: &PhaseGuard,
        engine: &Engine,
        plan: &ClusterPlan,
    ) -> Result<Self> {
        match plan {
            ClusterPlan::Kind { kubernetes, .. } => {
                let (node, kind) = tokio::try_join!(
                    node::build_node_image(context, phase, engine, kubernetes),
                    node::kind_binary(context, phase)
                )?;
                Ok(Parts::Kind { kind, node })
            }
            ClusterPlan::Minikube { kubernetes, .. } => {
                let (image, minikube) = tokio::try_join!(
                    node::minikube_image(context, phase, engine, kubernetes.as_ref()),
                    node::minikube_binary(context, phase)
                )?;
                Ok(Parts::Minikube { minikube, image })
            }
            ClusterPlan::Up { .. } | ClusterPlan::Existing { .. } => Err(not_made()),
        }
    }

    fn node(&self) -> &NodeImage {
        match self {
            Parts::Kind { node, .. } => node,
            Parts::Minikube { image, .. } => &image.node,
        }
    }

    fn provisioner(&self) -> Provisioner {
        match self {
            Parts::Kind { .. } => Provisioner::LocalPath,
            Parts::Minikube { image, .. } => cluster::provisioner(image),
        }
    }

    async fn create(
        &self,
        context: &Context,
        phase: &PhaseGuard,
        engine: &Engine,
        plan: &ClusterPlan,
        (name, scope): (&str, Scope),
    ) -> Result<Cluster> {
        let (ClusterPlan::Kind { workers, fit, .. } | ClusterPlan::Minikube { workers, fit, .. }) =
            plan
        else {
            return Err(not_made());
        };
        let workers = *workers;
        match self {
            Parts::Kind { kind, node } => {
                let (node_image, kubernetes_version) = (&node.reference, &node.kubernetes_version);
                let request =
                    KindRequest { name, scope, kind, node_image, kubernetes_version, workers, fit };
                cluster::create(context, phase, engine, request).await
            }
            Parts::Minikube { minikube, image } => {
                let request = MinikubeRequest { name, minikube, image, workers, fit };
                cluster::create_minikube(context, phase, engine, request).await
            }
        }
    }
}

fn not_made() -> Error {
    Error::internal("an existing cluster cannot be created")
}
