//! The kinds of resources of a run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A resource that a run created and must remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OwnedResource {
    /// A process and its group. The start time and the boot id distinguish it from a later process
    /// with the same number.
    Process {
        /// Process id, also the id of its group.
        pid: u32,
        /// Start time in clock ticks since boot (`/proc/<pid>/stat` field 22).
        started: u64,
        /// `/proc/sys/kernel/random/boot_id`.
        boot: String,
        /// Name of the program, for messages.
        name: String,
    },
    /// A container, by its name, which contains the run id.
    Container {
        /// Docker host address.
        docker: String,
        /// Its name.
        name: String,
    },
    /// A network, by its name, which contains the run id.
    Network {
        /// Docker host address.
        docker: String,
        /// Its name.
        name: String,
    },
    /// A kind cluster: the containers with kind's label that are attached to the run's labelled
    /// network, and their volumes.
    KindCluster {
        /// Docker host address.
        docker: String,
        /// Cluster name; contains the run id (scope run), or is the user's choice (scope user).
        name: String,
    },
    /// A Minikube profile: its containers, volumes and network by Minikube's label, if its nodes
    /// have the keys in the run's directory.
    MinikubeCluster {
        /// Docker host address.
        docker: String,
        /// Profile name; contains the run id (scope run), or is the user's choice (scope user).
        name: String,
    },
    /// An image in a node's containerd, whose name contains the run id.
    NodeImage {
        /// Docker host address.
        docker: String,
        /// The node's container.
        node: String,
        /// Full name of the image.
        name: String,
    },
    /// A namespace, verified by its run label.
    Namespace {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Context of the kubeconfig; `None` for the current one.
        context: Option<String>,
        /// Its name.
        name: String,
    },
    /// A cluster role binding, verified by its run label.
    ClusterRoleBinding {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Context of the kubeconfig; `None` for the current one.
        context: Option<String>,
        /// Its name.
        name: String,
    },
    /// A persistent volume, verified by its run label.
    PersistentVolume {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Context of the kubeconfig; `None` for the current one.
        context: Option<String>,
        /// Its name.
        name: String,
    },
    /// All objects with a label in a namespace that the run did not create; the selector contains
    /// the run id.
    Labelled {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Context of the kubeconfig; `None` for the current one.
        context: Option<String>,
        /// The namespace, which is not deleted.
        namespace: String,
        /// E.g. `sparkproof.io/run=7f3a0000`.
        selector: String,
    },
    /// A Lease that shows that the run is alive, verified by its run label.
    Lease {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Context of the kubeconfig; `None` for the current one.
        context: Option<String>,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A directory of a node, whose path contains the run id.
    NodePath {
        /// Docker host address.
        docker: String,
        /// The node's container.
        node: String,
        /// Absolute path in the node.
        path: PathBuf,
    },
    /// A file or directory whose path contains the run id.
    Path {
        /// Absolute path on this host.
        path: PathBuf,
    },
}

impl OwnedResource {
    /// The entry for a running process; `None` if it is gone already.
    pub fn process(pid: u32, name: &str) -> Option<Self> {
        let stat = procfs::process::Process::new(pid.cast_signed()).ok()?.stat().ok()?;
        Some(OwnedResource::Process {
            pid,
            started: stat.starttime,
            boot: boot_id(),
            name: name.to_owned(),
        })
    }

    /// The Docker host address of a resource in a container engine.
    pub fn docker_host(&self) -> Option<&String> {
        match self {
            OwnedResource::Container { docker, .. }
            | OwnedResource::Network { docker, .. }
            | OwnedResource::KindCluster { docker, .. }
            | OwnedResource::MinikubeCluster { docker, .. }
            | OwnedResource::NodePath { docker, .. }
            | OwnedResource::NodeImage { docker, .. } => Some(docker),
            _ => None,
        }
    }

    /// Whether it is a cluster: removing it removes everything in it.
    pub fn is_cluster(&self) -> bool {
        matches!(self, OwnedResource::KindCluster { .. } | OwnedResource::MinikubeCluster { .. })
    }

    /// Whether it goes with a cluster of the run of this directory, whose resources are `all`.
    pub fn goes_with_its_cluster(&self, dir: &Path, all: &[OwnedResource]) -> bool {
        all.iter().any(OwnedResource::is_cluster)
            && (matches!(self, OwnedResource::NodeImage { .. })
                || self.kubeconfig().is_some_and(|kubeconfig| kubeconfig.starts_with(dir)))
    }

    /// The kubeconfig of a resource in a cluster.
    pub fn kubeconfig(&self) -> Option<&PathBuf> {
        match self {
            OwnedResource::Namespace { kubeconfig, .. }
            | OwnedResource::ClusterRoleBinding { kubeconfig, .. }
            | OwnedResource::PersistentVolume { kubeconfig, .. }
            | OwnedResource::Labelled { kubeconfig, .. }
            | OwnedResource::Lease { kubeconfig, .. } => Some(kubeconfig),
            _ => None,
        }
    }

    /// For a process: whether this very process still runs (a zombie does not).
    pub fn is_running_process(&self) -> bool {
        let OwnedResource::Process { pid, started, boot, .. } = self else { return false };
        *boot == boot_id()
            && procfs::process::Process::new(pid.cast_signed())
                .and_then(|p| p.stat())
                .is_ok_and(|stat| stat.starttime == *started && stat.state != 'Z')
    }
}

impl OwnedResource {
    /// The kind, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            OwnedResource::Process { .. } => "process",
            OwnedResource::Container { .. } => "container",
            OwnedResource::Network { .. } => "network",
            OwnedResource::KindCluster { .. } => "kind cluster",
            OwnedResource::MinikubeCluster { .. } => "Minikube cluster",
            OwnedResource::NodeImage { .. } => "image",
            OwnedResource::Namespace { .. } => "namespace",
            OwnedResource::ClusterRoleBinding { .. } => "cluster role binding",
            OwnedResource::PersistentVolume { .. } => "persistent volume",
            OwnedResource::Labelled { .. } => "objects",
            OwnedResource::Lease { .. } => "lease",
            OwnedResource::NodePath { .. } => "path of a node",
            OwnedResource::Path { .. } => "path",
        }
    }

    /// Name and location, in words.
    pub fn name(&self) -> String {
        match self {
            OwnedResource::Process { pid, name, .. } => format!("{pid} ({name})"),
            OwnedResource::Container { name, .. }
            | OwnedResource::Network { name, .. }
            | OwnedResource::KindCluster { name, .. }
            | OwnedResource::MinikubeCluster { name, .. }
            | OwnedResource::Namespace { name, .. }
            | OwnedResource::ClusterRoleBinding { name, .. }
            | OwnedResource::PersistentVolume { name, .. } => name.clone(),
            OwnedResource::NodeImage { node, name, .. } => format!("{name} on {node}"),
            OwnedResource::Labelled { namespace, selector, .. } => {
                format!("{selector} in namespace {namespace}")
            }
            OwnedResource::Lease { namespace, name, .. } => {
                format!("{name} in namespace {namespace}")
            }
            OwnedResource::NodePath { node, path, .. } => format!("{} of {node}", path.display()),
            OwnedResource::Path { path } => path.display().to_string(),
        }
    }
}

impl std::fmt::Display for OwnedResource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.name();
        match self {
            OwnedResource::Labelled { .. } => write!(f, "objects with {name}"),
            OwnedResource::NodePath { .. } | OwnedResource::Path { .. } => f.write_str(&name),
            _ => write!(f, "{} {name}", self.kind()),
        }
    }
}

/// The id of this boot: processes in a ledger of another boot are gone.
pub fn boot_id() -> String {
    fs_err::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}
