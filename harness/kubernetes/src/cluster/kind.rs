//! kind clusters: each with its own labelled network and kubeconfig, removed through the ledger.

use std::path::Path;
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::{OwnedResource, Scope};
use sparkproof_catalog::plan::{Fit, Machine};
use sparkproof_machine::docker::kind_nodes;
use sparkproof_machine::engine::{Engine, create_network, gateway};
use sparkproof_machine::exec::Tool;

use super::existing::server_of;
use super::{Cluster, ClusterRecord, Provider, Via, client_of, kind_config};

/// The cluster to create.
#[derive(Debug, Clone)]
pub struct KindRequest<'a> {
    /// Cluster name.
    pub name: &'a str,
    /// The scope of the cluster.
    pub scope: Scope,
    /// Path of the kind binary.
    pub kind: &'a Path,
    /// The node image, present in the engine.
    pub node_image: &'a str,
    /// Its Kubernetes version, e.g. `v1.34.4`.
    pub kubernetes_version: &'a str,
    /// Number of workers besides the control plane.
    pub workers: u32,
    /// The resources that a node offers.
    pub fit: &'a Fit,
}

/// Creates the network and the cluster; returns when kind does. [`super::readiness`] waits
/// for readiness.
pub async fn create(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    request: KindRequest<'_>,
) -> Result<Cluster> {
    let name = request.name;
    context.cancel.guard(refuse_existing(engine, name)).await?;
    create_network(context, engine, name, request.scope).await?;
    let host_address = context.cancel.guard(gateway(engine, name)).await?;

    let kubeconfig = context.run.dir().join("kubeconfig");
    let patches = context.run.dir().join("kubeadm");
    fs_err::create_dir_all(&patches).or_environment("writing kubeadm's patches")?;
    let (file, text) = kind_config::COREDNS_PATCH;
    fs_err::write(patches.join(file), text).or_environment("writing kubeadm's patches")?;
    let config = kind_config::render(
        request.workers,
        request.fit,
        Machine::here()?,
        request.kubernetes_version,
        !Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
        &patches,
    );
    let step = phase.step("kind create cluster");
    context.run.record(cluster_of(engine, name))?;
    Tool::new(request.kind)
        .args(["create", "cluster", "--name", name, "--image", request.node_image])
        .args(["--config", "-", "--kubeconfig"])
        .args([&kubeconfig])
        .env("DOCKER_HOST", &engine.host)
        .env("KIND_EXPERIMENTAL_PROVIDER", "docker")
        .env("KIND_EXPERIMENTAL_DOCKER_NETWORK", name)
        .stdin(config)
        .deadline(Duration::from_secs(300))
        .run(context)
        .await?;
    step.done("");

    let client = client_of(&kubeconfig, None, Via::Direct).await?;
    let record = ClusterRecord {
        name: name.to_owned(),
        provider: Provider::Kind,
        server: server_of(&kubeconfig, None)?,
        kubeconfig,
        context: None,
        kubernetes_version: request.kubernetes_version.to_owned(),
        host_address,
        node_containers: context.cancel.guard(kind_nodes(engine, name)).await?,
    };
    Ok(Cluster { record, client })
}

fn cluster_of(engine: &Engine, name: &str) -> OwnedResource {
    OwnedResource::KindCluster { docker: engine.host.clone(), name: name.to_owned() }
}

async fn refuse_existing(engine: &Engine, name: &str) -> Result<()> {
    let nodes = kind_nodes(engine, name).await?;
    if nodes.is_empty() {
        return engine.refuse_network(name).await;
    }
    Err(Error::input(format!("a kind cluster named {name} exists already: {}", nodes.join(", ")))
        .remedy("choose another --name; nothing was changed"))
}
