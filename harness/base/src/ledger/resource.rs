//! The kinds of things a run can own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Something that exists because of us and must be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum OwnedResource {
    /// A process and its group. The start time (clock ticks since boot) and the boot id tell it
    /// from a later process with the same number.
    Process {
        /// Process id, also the id of its group.
        pid: u32,
        /// `/proc/<pid>/stat` field 22.
        started: u64,
        /// `/proc/sys/kernel/random/boot_id`.
        boot: String,
        /// For people.
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
    /// All containers and their volumes of a kind cluster, by kind's label, that hang on the run's
    /// labelled network.
    KindCluster {
        /// Docker host address.
        docker: String,
        /// Cluster name, which contains the run id (scope run) or which the user chose (scope user).
        name: String,
    },
    /// All containers, volumes and the network of a Minikube profile, by Minikube's label, when the
    /// keys of its nodes are those of the home in the run's directory.
    MinikubeCluster {
        /// Docker host address.
        docker: String,
        /// The profile, which contains the run id (scope run) or which the user chose (scope user).
        name: String,
    },
    /// An image in a node's containerd, whose name contains the run id.
    NodeImage {
        /// Docker host address.
        docker: String,
        /// The node's container.
        node: String,
        /// Its full name.
        name: String,
    },
    /// A namespace, verified by our run label.
    Namespace {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Its context; none for the current one.
        context: Option<String>,
        /// Its name.
        name: String,
    },
    /// A cluster role binding, verified by our run label.
    ClusterRoleBinding {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Its context; none for the current one.
        context: Option<String>,
        /// Its name.
        name: String,
    },
    /// A persistent volume, verified by our run label.
    PersistentVolume {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Its context; none for the current one.
        context: Option<String>,
        /// Its name.
        name: String,
    },
    /// What carries a label in a namespace that is not ours; the selector contains the run id.
    Labelled {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Its context; none for the current one.
        context: Option<String>,
        /// The namespace, which stays.
        namespace: String,
        /// E.g. `sparkproof.io/run=7f3a0000`.
        selector: String,
    },
    /// A Lease that says that the run lives, verified by our run label.
    Lease {
        /// Kubeconfig that reaches the cluster.
        kubeconfig: PathBuf,
        /// Its context; none for the current one.
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
        /// Where in it.
        path: PathBuf,
    },
    /// A file or directory whose path contains the run id.
    Path {
        /// Where.
        path: PathBuf,
    },
}

impl OwnedResource {
    /// A running process; `None` when it is already gone.
    pub fn process(pid: u32, name: &str) -> Option<Self> {
        let stat = procfs::process::Process::new(pid.cast_signed()).ok()?.stat().ok()?;
        Some(OwnedResource::Process {
            pid,
            started: stat.starttime,
            boot: boot_id(),
            name: name.to_owned(),
        })
    }

    /// The Docker address of what lives in a container engine.
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

    /// Whether it is a cluster, which takes along what is in it.
    pub fn is_cluster(&self) -> bool {
        matches!(self, OwnedResource::KindCluster { .. } | OwnedResource::MinikubeCluster { .. })
    }

    /// The kubeconfig of what lives in a cluster.
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
    /// What it is, in words.
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

    /// Which one, and where.
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
            OwnedResource::Labelled { .. } => write!(f, "what carries {name}"),
            OwnedResource::NodePath { .. } | OwnedResource::Path { .. } => f.write_str(&name),
            _ => write!(f, "{} {name}", self.kind()),
        }
    }
}

/// The id of this boot; a ledger of another boot names no living process.
pub fn boot_id() -> String {
    fs_err::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}
