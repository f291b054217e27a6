//! Gives back one thing: the one way for a normal end and for a sweep.

use std::path::Path;

use super::{Owned, docker, kubernetes, labelled, minikube, nodes, processes, unmount_in};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::images::remove_image;

/// Removes one thing that the context's run owns, verified at this moment to be that run's, and
/// writes down that it is gone. What is gone already, or turns out to be somebody else's under the
/// same name (ours was never made), counts as given back.
///
/// # Errors
/// Environment: it is still there, with the reason; the ledger keeps it.
pub async fn give_back(context: &Context, owned: &Owned) -> Result<()> {
    let context = &context.for_teardown();
    let run = context.run.id();
    match owned {
        Owned::Process { pid, name, .. } => {
            processes::end_group(context, owned, *pid, name).await?;
        }
        Owned::Container { docker, name } => {
            docker::remove_container(&docker::at(docker).await?, name, run).await?;
        }
        Owned::Network { docker, name } => {
            docker::remove_network(&docker::at(docker).await?, name, run).await?;
        }
        Owned::KindCluster { docker, name } => {
            docker::remove_kind_cluster(&docker::at(docker).await?, name).await?;
        }
        Owned::MinikubeCluster { docker, name } => {
            minikube::remove(&docker::at(docker).await?, name).await?;
        }
        Owned::NodeImage { docker, node, name } if name.contains(run) => {
            remove_image(context, &docker::at(docker).await?, node, name).await?;
        }
        Owned::NodeImage { name, .. } => {
            return Err(Error::internal(format!(
                "{name} does not contain the run's id {run}: not removed"
            )));
        }
        Owned::Namespace { kubeconfig, context: of, name } => {
            if let Some(client) = kubernetes::reach(context, kubeconfig, of.as_deref()).await? {
                kubernetes::remove_namespace(context, client, name, run).await?;
            }
        }
        Owned::ClusterRoleBinding { kubeconfig, context: of, name } => {
            if let Some(client) = kubernetes::reach(context, kubeconfig, of.as_deref()).await? {
                kubernetes::remove_cluster_role_binding(client, name, run).await?;
            }
        }
        Owned::PersistentVolume { kubeconfig, context: of, name } => {
            if let Some(client) = kubernetes::reach(context, kubeconfig, of.as_deref()).await? {
                kubernetes::remove_persistent_volume(client, name, run).await?;
            }
        }
        Owned::Labelled { kubeconfig, context: of, namespace, selector }
            if selector.contains(run) =>
        {
            if let Some(client) = kubernetes::reach(context, kubeconfig, of.as_deref()).await? {
                labelled::remove(context, client, namespace, selector).await?;
            }
        }
        Owned::Labelled { selector, .. } => {
            return Err(Error::internal(format!(
                "{selector} does not contain the run's id {run}: not removed"
            )));
        }
        Owned::Lease { kubeconfig, context: of, namespace, name } => {
            if let Some(client) = kubernetes::reach(context, kubeconfig, of.as_deref()).await? {
                kubernetes::remove_lease(client, namespace, name, run).await?;
            }
        }
        Owned::NodePath { docker, node, path } => {
            nodes::remove_path(context, &docker::at(docker).await?, node, path).await?;
        }
        Owned::Path { path } => remove_path(path, run)?,
    }
    context.run.gave_back(owned)
}

/// Removes a file or a directory tree, what is mounted in it unmounted first: behind a mount lies
/// what is not ours.
fn remove_path(path: &Path, run: &str) -> Result<()> {
    if !path.to_string_lossy().contains(run) {
        return Err(Error::internal(format!(
            "{} does not contain the run's id {run}: not removed",
            path.display()
        )));
    }
    unmount_in(&[path])?;
    let removed = match fs_err::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs_err::remove_dir_all(path),
        Ok(_) => fs_err::remove_file(path),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    };
    removed.or_environment("removing a path of the run")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_context;

    #[tokio::test]
    async fn a_path_goes_only_when_it_carries_the_run_id() {
        let (context, keep) = test_context();
        let ours = keep.path().join(format!("data-{}", context.run.id()));
        let other = keep.path().join("data");
        for path in [&ours, &other] {
            std::fs::create_dir_all(path.join("in")).expect("made");
            let owned = Owned::Path { path: path.clone() };
            context.run.own(owned.clone()).expect("written");
            assert_eq!(give_back(&context, &owned).await.is_ok(), path == &ours);
        }
        assert!(!ours.exists() && other.exists());
        assert_eq!(context.run.owned(), [Owned::Path { path: other }]);
    }

    #[tokio::test]
    async fn a_process_that_is_another_by_now_is_left_alone() {
        let (context, _keep) = test_context();
        let mut child = tokio::process::Command::new("sleep")
            .arg("600")
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("sleep");
        let pid = child.id().expect("running");
        let Some(Owned::Process { started, boot, name, .. }) = Owned::process(pid, "sleep") else {
            panic!("it runs")
        };
        let earlier = Owned::Process { pid, started: started - 1, boot: boot.clone(), name };
        give_back(&context, &earlier).await.expect("nothing to do");
        assert!(child.try_wait().expect("known").is_none(), "another process with that id lives");
        let other_boot =
            Owned::Process { pid, started, boot: "another".into(), name: "sleep".into() };
        give_back(&context, &other_boot).await.expect("nothing to do");
        assert!(child.try_wait().expect("known").is_none());
        let owned = Owned::Process { pid, started, boot, name: "sleep".into() };
        give_back(&context, &owned).await.expect("ended");
        assert!(!owned.is_running_process());
    }
}
