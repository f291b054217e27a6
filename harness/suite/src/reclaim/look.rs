//! Looks at one thing of a ledger and leaves it as it is: what a dry run shows.

use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::ledger::OwnedResource;
use sparkproof_machine::docker::Nodes;
use sparkproof_machine::engine::Engine;
use sparkproof_machine::{docker, minikube_profile};

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It is there and the run's.
    There,
    /// It is not there, or is not the run's and nothing of the run is missing.
    Gone,
    /// Something of its name is there that is not the run's, with the reason.
    NotTheRuns(String),
    /// It lives in a cluster or a node, where a dry run does not look.
    NotLookedAt,
}

/// Looks at something that the context's run owns.
///
/// # Errors
/// Environment: the Docker daemon it lives in does not answer.
pub(super) async fn look(context: &Context, owned: &OwnedResource) -> Result<Look> {
    let (run, label) = (context.run.id(), context.run.label());
    let there = |is_there| if is_there { Look::There } else { Look::Gone };
    Ok(match owned {
        OwnedResource::Process { .. } => there(owned.is_running_process()),
        OwnedResource::Container { docker, name } => {
            there(docker::has_container(&at(docker).await?, name, label).await?)
        }
        OwnedResource::Network { docker, name } => {
            there(docker::network_of_run(&at(docker).await?, name, label).await?.is_some())
        }
        OwnedResource::KindCluster { docker, name } => {
            of(&docker::kind_cluster(&at(docker).await?, name, label).await?, run, docker::MARK)
        }
        OwnedResource::MinikubeCluster { docker, name } => {
            let nodes =
                minikube_profile::cluster(&at(docker).await?, name, context.run.dir()).await?;
            of(&nodes, run, minikube_profile::MARK)
        }
        OwnedResource::Path { path } => there(fs_err::symlink_metadata(path).is_ok()),
        OwnedResource::NodeImage { .. }
        | OwnedResource::Namespace { .. }
        | OwnedResource::ClusterRoleBinding { .. }
        | OwnedResource::PersistentVolume { .. }
        | OwnedResource::Labelled { .. }
        | OwnedResource::Lease { .. }
        | OwnedResource::NodePath { .. } => Look::NotLookedAt,
    })
}

async fn at(docker: &str) -> Result<Engine> {
    docker::at(docker).await
}

fn of(nodes: &Nodes, run: &RunId, mark: &str) -> Look {
    match (nodes.of_run.is_empty(), nodes.left_alone(run, mark)) {
        (false, _) => Look::There,
        (true, Some(why)) => Look::NotTheRuns(why),
        (true, None) => Look::Gone,
    }
}
