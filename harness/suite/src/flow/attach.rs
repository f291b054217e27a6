//! Sets up an environment on the user's cluster, after asking what it permits.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Exit, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_catalog::plan::{ClusterPlan, DriverPlace, ResolvedPlan};
use sparkproof_catalog::{NO_SERVER, StoreKind};
use sparkproof_images as images;
use sparkproof_images::spark::SparkImage;
use sparkproof_images::{push, spark};
use sparkproof_kubernetes::access::{
    AccessQuery, ClusterCapabilities, Identity, STORE, prepare_namespace,
};
use sparkproof_kubernetes::cluster::{self, Cluster};
use sparkproof_machine::engine::Engine;
use sparkproof_stores::{InPods, Stores};
use sparkproof_testbed::{Environment, uses};

/// Opens the cluster, asks what it permits, and uses the given image and stores, or pushes images
/// from the engine.
pub(super) async fn set_up(
    context: &Context,
    engine: Option<&Engine>,
    plan: &ResolvedPlan,
    (kubeconfig, of): (&Path, Option<&str>),
    kinds: BTreeSet<StoreKind>,
) -> Result<Environment> {
    let phase = context.recorder.phase("cluster");
    let opened = cluster::open_existing(context, kubeconfig, of).await;
    let cluster = phase
        .end(opened, |c| format!("existing, Kubernetes {}, {}", c.kubernetes_version, c.server))?;
    let phase = context.recorder.phase("rights");
    let terms = phase.end(rights(context, plan, &cluster).await, summary)?;
    let phase = context.recorder.phase("image");
    let image = image(context, &phase, engine, plan).await;
    let how = if plan.registry.is_some() { "pushed" } else { "as given" };
    let image = phase.end(image, |image| format!("{}, {how}", image.reference))?;
    let mut images = plan.store_images.clone();
    let mut not_had = Stores::default();
    if let (Some(engine), Some(registry), None) = (engine, &plan.registry, terms.lack(&STORE)) {
        let phase = context.recorder.phase("stores");
        let pushed = async {
            for kind in in_pods(&kinds, plan) {
                let local = images::store::provide(context, engine, phase.name(), kind).await;
                let local = match local {
                    Err(error) if error.exit == Exit::Environment => {
                        not_had.could_not_be_had(context, kind, &error);
                        continue;
                    }
                    local => local?,
                };
                let there = push(context, engine, phase.name(), &local, registry).await?;
                images.insert(kind, there);
            }
            Ok(())
        }
        .await;
        phase.end(pushed, |()| format!("{} images in {}", images.len(), registry.host()))?;
    }
    let stores = stores(context, plan, &cluster, &terms, kinds, &images, not_had).await?;
    Ok(Environment { plan: plan.clone(), cluster, terms, image, engine: None, stores })
}

/// The image that nodes pull: the given one, or one that is built and pushed.
async fn image(
    context: &Context,
    phase: &PhaseGuard,
    engine: Option<&Engine>,
    plan: &ResolvedPlan,
) -> Result<SparkImage> {
    let built = spark::provide(context, phase, engine, &plan.spark).await?;
    let (Some(engine), Some(registry)) = (engine, &plan.registry) else { return Ok(built) };
    let reference = push(context, engine, phase.name(), &built.reference, registry).await?;
    context.recorder.fact("spark image", reference.clone());
    Ok(SparkImage { reference, ..built })
}

/// The servers that are needed and not given, without HDFS, which in a pod only pods can reach.
fn in_pods(kinds: &BTreeSet<StoreKind>, plan: &ResolvedPlan) -> Vec<StoreKind> {
    let given = |kind: &StoreKind| {
        plan.store_images.contains_key(kind) || plan.stores.iter().any(|own| own.kind == *kind)
    };
    kinds.iter().copied().filter(|kind| *kind != StoreKind::Hdfs && !given(kind)).collect()
}

async fn rights(
    context: &Context,
    plan: &ResolvedPlan,
    cluster: &Cluster,
) -> Result<ClusterCapabilities> {
    let as_account = matches!(plan.cluster, ClusterPlan::Existing { as_account: true, .. });
    let wanted = AccessQuery {
        namespace: plan.namespace.as_deref(),
        account: as_account.then_some(plan.service_account.as_str()),
        rbac: plan.rbac,
        spark_version: &plan.spark.version,
        driver_in_pod: plan.driver == DriverPlace::Pod,
    };
    let terms = ClusterCapabilities::ask(context, cluster, wanted).await?;
    uses(context, &terms).await?;
    if !terms.leased() {
        context.recorder.info(
            "no Lease can be held here: a sweep on another machine keeps the objects of this run",
        );
    }
    if terms.may("nodes", "list") {
        let nodes = context.cancel.guard(nodes(cluster)).await?;
        context.recorder.fact("nodes", nodes);
    }
    context.recorder.fact("kubernetes", cluster.kubernetes_version.clone());
    Ok(terms)
}

/// The user's stores, and servers in pods of the given images.
async fn stores(
    context: &Context,
    plan: &ResolvedPlan,
    cluster: &Cluster,
    terms: &ClusterCapabilities,
    kinds: BTreeSet<StoreKind>,
    images: &BTreeMap<StoreKind, String>,
    not_had: Stores,
) -> Result<Stores> {
    let mut stores = Stores::start(context, None, kinds.clone(), &plan.stores).await?;
    for (kind, why) in not_had.left_out() {
        stores.leave_out(&BTreeSet::from([*kind]), why);
    }
    let wanted = images.keys().any(|kind| kinds.contains(kind));
    match terms.lack(&STORE) {
        Some(lack) if wanted => {
            let given = images.keys().copied().collect();
            stores.leave_out(&given, &format!("a server in a pod is not possible: {lack}"));
        }
        None if wanted => {
            let restricted = plan.pods.restricted;
            let prepared = prepare_namespace(context, cluster, terms, "stores", restricted);
            let (namespace, lease) = prepared.await?;
            let place = InPods {
                cluster,
                namespace: &namespace,
                lease,
                images,
                pull_secret: plan.image_pull_secret.as_deref(),
            };
            stores.start_in_pods(context, &kinds, place).await?;
        }
        _ => {}
    }
    stores.leave_out(&kinds, NO_SERVER);
    Ok(stores)
}

/// Namespace and identity of the driver, in words.
fn summary(terms: &ClusterCapabilities) -> String {
    let place = match &terms.namespace {
        Some(name) => format!("in the existing namespace {name}"),
        None => "in a new namespace".to_owned(),
    };
    match &terms.identity {
        Identity::Account => format!("{place}; driver as the executors' account"),
        Identity::User { reason } => {
            format!("{place}; driver as the kubeconfig's user: {reason}")
        }
    }
}

/// The nodes with their allocatable resources, in words.
async fn nodes(cluster: &Cluster) -> Result<String> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let nodes = api.list(&ListParams::default()).await.or_environment("listing the nodes")?;
    let sizes = nodes.iter().map(|node| {
        let offers = node.status.as_ref().and_then(|status| status.allocatable.as_ref());
        let of = |what: &str| offers.and_then(|all| Some(all.get(what)?.0.clone()));
        format!(
            "{} ({} CPU, {} memory)",
            node.name_any(),
            of("cpu").unwrap_or_default(),
            of("memory").unwrap_or_default()
        )
    });
    Ok(sizes.collect::<Vec<_>>().join(", "))
}
