//! Minikube clusters: each with its own profile, home directory, kubeconfig and Docker network,
//! removed through the ledger without Minikube.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::deadlines::IN_NODE;
use sparkproof_base::dirs::private_dir;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::name::Name;
use sparkproof_catalog::plan::{Fit, Machine};
use sparkproof_images::node::MinikubeImage;
use sparkproof_machine::engine::{Engine, gateway, is_root};
use sparkproof_machine::exec::Tool;
use sparkproof_machine::minikube_profile;

use super::existing::server_of;
use super::minikube_start::{Assembled, Start, environment};
use super::{Cluster, ClusterRecord, Provider, Provisioner, Via, client_of};

/// Path in the node image of the manifest of its default StorageClass.
const STORAGE: &str = "/kind/manifests/default-storage.yaml";

/// The cluster to create.
#[derive(Debug, Clone)]
pub struct MinikubeRequest<'a> {
    /// Profile name.
    pub name: &'a str,
    /// Path of the minikube binary.
    pub minikube: &'a Path,
    /// The base image of its nodes.
    pub image: &'a MinikubeImage,
    /// Number of nodes besides the first one.
    pub workers: u32,
    /// The resources that a node offers.
    pub fit: &'a Fit,
}

/// The provisioner of volumes with this image: an assembled one lacks the image of Minikube's
/// addon.
pub fn provisioner(image: &MinikubeImage) -> Provisioner {
    match image.programs {
        Some(_) => Provisioner::LocalPath,
        None => Provisioner::Minikube,
    }
}

/// Checks that Minikube accepts a profile's name; bad input otherwise, in its words (exit 14).
pub fn accept_profile(name: &Name) -> Result<()> {
    if name.as_str().len() > 1 {
        return Ok(());
    }
    Err(Error::input(format!(
        "--name {name}: Minikube takes at least two characters (exit 14, MK_USAGE)"
    )))
}

/// Creates the cluster with its network; returns when its API server answers.
/// [`super::readiness`] waits for readiness.
pub async fn create(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    request: MinikubeRequest<'_>,
) -> Result<Cluster> {
    let name = request.name;
    context.cancel.guard(refuse_existing(engine, name)).await?;
    let home = context.run.dir().join(minikube_profile::HOME);
    let kubeconfig = context.run.dir().join("kubeconfig");
    private_dir(&home)?;
    let node = &request.image.node;
    let cni = request.image.ready(&home)?;
    let start = Start {
        profile: name,
        kubernetes_version: &node.kubernetes_version,
        workers: request.workers,
        fit: request.fit,
        machine: Machine::here()?,
        root: is_root(),
        assembled: cni.map(|cni| Assembled { image: &node.reference, cni }),
    };
    let step = phase.step("minikube start");
    let docker = engine.host.clone();
    context.run.record(OwnedResource::MinikubeCluster { docker, name: name.to_owned() })?;
    let mut tool = Tool::new(request.minikube)
        .args(start.arguments())
        .env("DOCKER_HOST", &engine.host)
        // The sum of Minikube's own time limits.
        .deadline(Duration::from_secs(600));
    for (variable, value) in environment(&home, &kubeconfig) {
        tool = tool.env(variable, value);
    }
    let reason = Arc::new(OnceLock::new());
    let reported = Arc::clone(&reason);
    let started = tool
        .on_line(move |line| {
            if let Some(why) = reason_of(line) {
                // The rest is advice in a box.
                let _ = reported.set(why.to_owned());
            }
        })
        .run(context)
        .await;
    started.map_err(|error| match reason.get() {
        Some(why) => Error::environment(format!("minikube start: {why}")).with_source(error),
        None => error,
    })?;
    if provisioner(request.image) == Provisioner::LocalPath {
        let apply = ["kubectl", "--kubeconfig=/etc/kubernetes/admin.conf", "apply", "-f", STORAGE];
        engine.exec(context, name, &apply, None::<&[u8]>, IN_NODE).await?;
    }
    step.done("");
    let record = ClusterRecord {
        name: name.to_owned(),
        provider: Provider::Minikube,
        server: server_of(&kubeconfig, None)?,
        context: None,
        kubernetes_version: node.kubernetes_version.clone(),
        host_address: context.cancel.guard(gateway(engine, name)).await?,
        node_containers: context.cancel.guard(minikube_profile::nodes(engine, name)).await?,
        kubeconfig,
    };
    let client = client_of(&record.kubeconfig, None, Via::Direct).await?;
    Ok(Cluster { record, client })
}

/// The reason in `X Exiting due to GUEST_START: failed to start node`.
fn reason_of(line: &str) -> Option<&str> {
    line.split_once("Exiting due to ").map(|(_, reason)| reason.trim())
}

async fn refuse_existing(engine: &Engine, name: &str) -> Result<()> {
    let mut there = minikube_profile::nodes(engine, name).await?;
    // Remains of another profile: a new one would take them over, and its removal would delete
    // them.
    let (volumes, network) = minikube_profile::storage_and_network(engine, name).await?;
    there.extend(volumes.into_iter().map(|volume| format!("volume {volume}")));
    there.extend(network.and_then(|network| network.name).map(|name| format!("network {name}")));
    if there.is_empty() {
        // A network of this name without Minikube's label is not Minikube's.
        return engine.refuse_network(name).await;
    }
    Err(Error::input(format!(
        "a Minikube profile named {name} exists already: {}",
        there.join(", ")
    ))
    .remedy("choose another --name; nothing was changed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minikubes_reason_is_found_before_its_advice() {
        let line = "X Exiting due to GUEST_START: failed to start node: wait";
        assert_eq!(reason_of(line), Some("GUEST_START: failed to start node: wait"));
        assert_eq!(reason_of("* Related issue: #1"), None);
    }

    #[test]
    fn a_profiles_name_is_refused_before_minikube_does() {
        let accept = |name: &str| name.parse().and_then(|name| accept_profile(&name));
        for name in ["a", "", "-a", "a_b", "a.b"] {
            assert_eq!(accept(name).expect_err(name).exit, sparkproof_base::Exit::BadInput);
        }
        assert!(accept("sparkproof-7f3a").is_ok());
    }
}
