//! Whether a resource of a ledger exists, for dry runs; changes nothing.

use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::ledger::OwnedResource;
use sparkproof_machine::docker::Nodes;
use sparkproof_machine::engine::Engine;
use sparkproof_machine::{docker, minikube_profile};

/// Whether a resource exists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It exists and is the run's.
    Present,
    /// It does not exist, or was never the run's.
    Absent,
    /// An object of its name exists that is not the run's, with the reason.
    Foreign(String),
    /// It is in a cluster or a node, which a dry run does not inspect.
    NotChecked,
}

/// Inspects a resource of the context's run.
///
/// # Errors
/// Environment: its Docker daemon does not answer.
pub(super) async fn presence(context: &Context, owned: &OwnedResource) -> Result<Presence> {
    let (run, label) = (context.run.id(), context.run.label());
    let there = |is_there| if is_there { Presence::Present } else { Presence::Absent };
    Ok(match owned {
        OwnedResource::Process { .. } => there(owned.is_running_process()),
        OwnedResource::Container { docker, name } => {
            there(docker::has_container(&at(docker).await?, name, label).await?)
        }
        OwnedResource::Network { docker, name } => {
            there(docker::network_of_run(&at(docker).await?, name, label).await?.is_some())
        }
        OwnedResource::KindCluster { docker, name } => cluster_state(
            &docker::kind_cluster(&at(docker).await?, name, label).await?,
            run,
            docker::MARK,
        ),
        OwnedResource::MinikubeCluster { docker, name } => {
            let nodes =
                minikube_profile::cluster(&at(docker).await?, name, context.run.dir()).await?;
            cluster_state(&nodes, run, minikube_profile::MARK)
        }
        OwnedResource::Path { path } => there(fs_err::symlink_metadata(path).is_ok()),
        OwnedResource::NodeImage { .. }
        | OwnedResource::Namespace { .. }
        | OwnedResource::ClusterRoleBinding { .. }
        | OwnedResource::PersistentVolume { .. }
        | OwnedResource::Labelled { .. }
        | OwnedResource::Lease { .. }
        | OwnedResource::NodePath { .. } => Presence::NotChecked,
    })
}

async fn at(docker: &str) -> Result<Engine> {
    docker::at(docker).await
}

fn cluster_state(nodes: &Nodes, run: &RunId, mark: &str) -> Presence {
    match (nodes.of_run.is_empty(), nodes.kept(run, mark)) {
        (false, _) => Presence::Present,
        (true, Some(why)) => Presence::Foreign(why),
        (true, None) => Presence::Absent,
    }
}
