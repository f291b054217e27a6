//! Removes one resource of a run, both at its normal end and in a sweep.

use std::path::{Component, Path};

use futures::future::try_join_all;
use kube::Api;
use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::dirs::remove_below;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_images::remove_image;
use sparkproof_machine::mounts::unmount_in;
use sparkproof_machine::{docker, exec, minikube_profile, node_path};

use crate::removal;

/// Removes a resource of the context's run, after verifying that it is that run's, and records that
/// it is gone. It also counts as removed if it is gone already, or if an object of its name is not
/// the run's, so that the run's was never created.
///
/// # Errors
/// Environment: it still exists, with the reason; it stays in the ledger.
pub async fn release(context: &Context, owned: &OwnedResource) -> Result<()> {
    if let Some(why) = try_release(context, owned).await? {
        context.recorder.warn(format!("{owned} is kept: {why}"));
    }
    Ok(())
}

/// The same; returns why an object of that name is kept, if it is.
pub async fn try_release(context: &Context, owned: &OwnedResource) -> Result<Option<String>> {
    let mut kept = None;
    let context = &context.for_teardown();
    let (run, label) = (context.run.id(), context.run.label());
    match owned {
        OwnedResource::Process { pid, name, .. } => {
            exec::end_group(context, owned, *pid, name).await?;
        }
        OwnedResource::Container { docker, name } => {
            docker::remove_container(&docker::at(docker).await?, name, label).await?;
        }
        OwnedResource::Network { docker, name } => {
            docker::remove_network(&docker::at(docker).await?, name, label).await?;
        }
        OwnedResource::KindCluster { docker, name } => {
            let engine = docker::at(docker).await?;
            let nodes = docker::kind_cluster(&engine, name, label).await?;
            let removed = nodes.of_run.iter().map(|node| docker::force_remove(&engine, node));
            try_join_all(removed).await?;
            kept = nodes.kept(run, docker::MARK);
        }
        OwnedResource::MinikubeCluster { docker, name } => {
            let of_run = (run, context.run.dir());
            kept = minikube_profile::remove(&docker::at(docker).await?, name, of_run).await?;
        }
        OwnedResource::NodeImage { docker, node, name } if name.contains(run.as_str()) => {
            remove_image(context, &docker::at(docker).await?, node, name).await?;
        }
        OwnedResource::NodeImage { name, .. } => {
            return Err(Error::internal(format!(
                "{name} does not contain the run's id {run}: not removed"
            )));
        }
        OwnedResource::Namespace { kubeconfig, context: of, name } => {
            if let Some(client) = removal::reach(context, kubeconfig, of.as_deref()).await? {
                removal::remove_namespace(context, client, name, run).await?;
            }
        }
        OwnedResource::ClusterRoleBinding { kubeconfig, context: of, name } => {
            if let Some(client) = removal::reach(context, kubeconfig, of.as_deref()).await? {
                removal::remove_cluster_role_binding(client, name, run).await?;
            }
        }
        OwnedResource::PersistentVolume { kubeconfig, context: of, name } => {
            if let Some(client) = removal::reach(context, kubeconfig, of.as_deref()).await? {
                removal::remove_persistent_volume(client, name, run).await?;
            }
        }
        OwnedResource::Labelled { kubeconfig, context: of, namespace, selector }
            if selector.contains(run.as_str()) =>
        {
            if let Some(client) = removal::reach(context, kubeconfig, of.as_deref()).await? {
                removal::labelled::remove(context, client, namespace, selector).await?;
            }
        }
        OwnedResource::Labelled { selector, .. } => {
            return Err(Error::internal(format!(
                "{selector} does not contain the run's id {run}: not removed"
            )));
        }
        OwnedResource::Lease { kubeconfig, context: of, namespace, name } => {
            if let Some(client) = removal::reach(context, kubeconfig, of.as_deref()).await? {
                removal::remove_lease(client, namespace, name, run).await?;
            }
        }
        OwnedResource::NodePath { docker, node, path } => {
            node_path::remove_path(context, &docker::at(docker).await?, node, path).await?;
        }
        OwnedResource::Path { path } => remove_path(context, path)?,
    }
    context.run.released(owned)?;
    Ok(kept)
}

/// Asks for the end of a namespace, and waits until it has no pods, which would take cores from the
/// next session. Kubernetes takes at least 5 s more for the namespace itself, which [`release`] waits
/// for; it stays in the ledger. Nothing happens to a resource of another kind.
///
/// # Errors
/// Environment: the API server refused, or pods stay.
pub async fn let_end(context: &Context, owned: &OwnedResource) -> Result<()> {
    let OwnedResource::Namespace { kubeconfig, context: of, name } = owned else { return Ok(()) };
    let context = &context.for_teardown();
    let Some(client) = removal::reach(context, kubeconfig, of.as_deref()).await? else {
        return Ok(());
    };
    match removal::delete_namespace(&Api::all(client.clone()), name, context.run.id()).await? {
        true => removal::labelled::remove(context, client, name, "").await,
        false => Ok(()),
    }
}

/// Removes a file or a directory tree. Unmounts everything in it first: files behind a mount are
/// not the run's.
fn remove_path(context: &Context, path: &Path) -> Result<()> {
    let run = context.run.id();
    if !is_of_run(path, run) {
        return Err(Error::internal(format!(
            "{} is not a path of run {run}: not removed",
            path.display()
        )));
    }
    unmount_in(&[path])?;
    let what = "removing a path of the run";
    match fs_err::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let parent = path.parent().ok_or_else(|| Error::internal(what))?;
            remove_below(parent, path)
        }
        Ok(_) => fs_err::remove_file(path).or_environment(what),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).or_environment(what),
    }
}

/// Whether a path outside the state directory is the run's: absolute, without `..`, and its last
/// part contains the run's random id. A name that a user chose proves nothing, since others may use
/// it, too.
fn is_of_run(path: &Path, run: &RunId) -> bool {
    let last = path.file_name().is_some_and(|name| name.to_string_lossy().contains(run.as_str()));
    run.is_random()
        && last
        && path.is_absolute()
        && !path.components().any(|c| c == Component::ParentDir)
}

#[cfg(test)]
mod tests;
