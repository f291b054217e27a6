//! A Minikube profile's containers, network and volumes, found by Minikube's label and removed
//! without Minikube, whose program and files may be gone.

use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use bollard::models::NetworkInspect;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, InspectNetworkOptions, ListContainersOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use futures::TryStreamExt;
use futures::future::try_join_all;
use sparkproof_base::RunId;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels::MINIKUBE_NODE;

use crate::docker::{Nodes, first_name, force_remove, force_remove_network};
use crate::engine::{Engine, gone};

/// `MINIKUBE_HOME` of a run's Minikube, in the run's directory.
pub const HOME: &str = "minikube";

/// Whether a label's value names a node of the profile `p`: `p` is its first node, `p-m02` the
/// second.
fn is_of(profile: &str, node: &str) -> bool {
    node.strip_prefix(profile).is_some_and(|rest| {
        let number = rest.strip_prefix("-m").unwrap_or_default();
        rest.is_empty() || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// Names of containers of the profile, each with the node in its label.
async fn containers(engine: &Engine, profile: &str) -> Result<Vec<(String, String)>> {
    let filters = HashMap::from([("label", vec![MINIKUBE_NODE])]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let all = engine.docker.list_containers(Some(options)).await;
    let all = all.or_environment("listing containers")?;
    let named = all.into_iter().filter_map(|container| {
        Some((first_name(container.names?)?, container.labels?.remove(MINIKUBE_NODE)?))
    });
    let mut ours: Vec<_> = named.filter(|(_, node)| is_of(profile, node)).collect();
    ours.sort();
    Ok(ours)
}

/// Names of the profile's node containers, running or not. The control plane, which has the
/// profile's name, is the first.
pub async fn nodes(engine: &Engine, profile: &str) -> Result<Vec<String>> {
    let all = containers(engine, profile).await?;
    // Other containers prepare a volume for a node.
    Ok(all.into_iter().filter(|(name, node)| name == node).map(|(name, _)| name).collect())
}

/// The path of a node's key in its container (Minikube's pkg/drivers/kic/kic.go).
const AUTHORIZED: &str = "/home/docker/.ssh/authorized_keys";

/// Minikube's directory of a node, below its home.
fn machine(home: &Path, node: &str) -> PathBuf {
    home.join(".minikube/machines").join(node)
}

/// Whether the Minikube of this home created a node's container: the container has the key that
/// this Minikube made. If the container has no key (yet: the first second after its start), it
/// counts if this Minikube had begun to create such a node.
fn is_of_home(home: &Path, node: &str, authorized: Option<&[u8]>) -> Result<bool> {
    let machine = machine(home, node);
    let Some(authorized) = authorized else { return Ok(machine.exists()) };
    match fs_err::read(machine.join("id_rsa.pub")) {
        Ok(key) => Ok(key.trim_ascii() == authorized.trim_ascii()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Error::environment("reading a key of Minikube").with_source(e)),
    }
}

/// Reads a file of a container, running or not; `None` if the file or the container does not exist.
async fn file_of(engine: &Engine, container: &str, path: &str) -> Result<Option<Vec<u8>>> {
    let what = || format!("reading {path} of container {container}");
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let archive = engine.docker.download_from_container(container, Some(options));
    let archive = gone(archive.try_collect::<Vec<_>>().await).or_environment(what())?;
    let Some(archive) = archive.map(|chunks| chunks.concat()) else { return Ok(None) };
    let mut archive = tar::Archive::new(archive.as_slice());
    let Some(entry) = archive.entries().or_environment(what())?.next() else { return Ok(None) };
    let mut content = Vec::new();
    entry.and_then(|mut entry| entry.read_to_end(&mut content)).or_environment(what())?;
    Ok(Some(content))
}

/// Containers with the name of the profile. Those of the Minikube whose home is in the run's
/// directory belong to the run. A profile that a user made under the same name has other keys.
pub async fn cluster(engine: &Engine, profile: &str, run: &Path) -> Result<Nodes> {
    let home = run.join(HOME);
    let mut nodes = Nodes::default();
    for (name, node) in containers(engine, profile).await? {
        let authorized = file_of(engine, &name, AUTHORIZED).await?;
        let is_of_run = is_of_home(&home, &node, authorized.as_deref())?;
        nodes.add(name, is_of_run);
    }
    Ok(nodes)
}

/// Volumes and the network with the name of the profile and Minikube's label.
pub async fn storage_and_network(
    engine: &Engine,
    profile: &str,
) -> Result<(Vec<String>, Option<NetworkInspect>)> {
    let docker = &engine.docker;
    let filters = HashMap::from([("label", vec![MINIKUBE_NODE])]);
    let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
    let volumes = docker.list_volumes(Some(options)).await.or_environment("listing volumes")?;
    // A node's volume has the node's name; other volumes have the profile in their label.
    let volumes = volumes.volumes.unwrap_or_default().into_iter().map(|volume| volume.name);
    let network = docker.inspect_network(profile, None::<InspectNetworkOptions>).await;
    let network = gone(network).or_environment(format!("inspecting network {profile}"))?;
    let network = network
        .filter(|network| network.labels.as_ref().is_some_and(|l| l.contains_key(MINIKUBE_NODE)));
    Ok((volumes.filter(|name| is_of(profile, name)).collect(), network))
}

/// Removes the profile's containers that belong to the run, and then its network and volumes, if no
/// other container uses them. Returns why something is kept, if it is.
pub async fn remove(
    engine: &Engine,
    profile: &str,
    (run, dir): (&RunId, &Path),
) -> Result<Option<String>> {
    let docker = &engine.docker;
    let nodes = cluster(engine, profile, dir).await?;
    try_join_all(nodes.of_run.iter().map(|name| force_remove(engine, name))).await?;
    if let Some(why) = nodes.kept(run, MARK) {
        return Ok(Some(why));
    }
    let (volumes, network) = storage_and_network(engine, profile).await?;
    // Without a node they count as the run's only if its Minikube had begun to create one.
    if nodes.of_run.is_empty() && !machine(&dir.join(HOME), profile).exists() {
        let network = network.into_iter().map(|_| format!("network {profile}"));
        let there: Vec<String> =
            volumes.into_iter().map(|volume| format!("volume {volume}")).chain(network).collect();
        let why = || format!("{}: not of run {run}, {MARK}", there.join(", "));
        return Ok((!there.is_empty()).then(why));
    }
    if let Some(network) = network {
        force_remove_network(engine, network).await?;
    }
    for volume in volumes {
        let options = RemoveVolumeOptionsBuilder::new().force(true).build();
        let removed = docker.remove_volume(&volume, Some(options)).await;
        gone(removed).or_environment(format!("removing volume {volume}"))?;
    }
    Ok(None)
}

/// The reason of [`crate::docker::Nodes::kept`] for nodes of a Minikube profile.
pub const MARK: &str = "whose Minikube did not create its key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_with_a_key_that_this_home_did_not_make_is_not_the_runs() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let home = keep.path();
        let is_of_run = |key: Option<&[u8]>| is_of_home(home, "dev", key).expect("looked");
        // Killed before Minikube began to create a node: objects of that name are not the run's.
        assert!(!is_of_run(None) && !is_of_run(Some(b"ssh-rsa AAAA1")));
        let machine = machine(home, "dev");
        std::fs::create_dir_all(&machine).expect("made");
        // Killed before it had made a key: a container with one is another's.
        assert!(is_of_run(None) && !is_of_run(Some(b"ssh-rsa AAAA1")));
        std::fs::write(machine.join("id_rsa.pub"), "ssh-rsa AAAA1\n").expect("written");
        assert!(is_of_run(None) && is_of_run(Some(b"ssh-rsa AAAA1\n")));
        assert!(!is_of_run(Some(b"ssh-rsa AAAA2\n")) && !is_of_run(Some(b"")));
    }

    #[test]
    fn a_profiles_nodes_are_told_from_another_profiles() {
        for node in ["p-7f3a", "p-7f3a-m02", "p-7f3a-m10"] {
            assert!(is_of("p-7f3a", node), "{node}");
        }
        for node in ["p", "p-7f3a0", "p-7f3a-m", "p-7f3a-main", "p-7f3a-m02-x", "q-7f3a"] {
            assert!(!is_of("p-7f3a", node), "{node}");
        }
    }
}
