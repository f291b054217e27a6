//! Where a driver runs.

use std::path::{Path, PathBuf};

use sparkproof_catalog::plan::{DriverPlace, PodPlan};
use sparkproof_machine::engine::Engine;

/// Where a driver runs.
#[derive(Debug, Clone)]
pub enum DriverSite {
    /// A process on this host.
    Host,
    /// A container on the network of a kind cluster.
    Container {
        /// The engine that runs the cluster's nodes.
        engine: Engine,
        /// An image with Java and Python.
        image: String,
    },
    /// A pod.
    Pod(InPodSite),
}

impl DriverSite {
    /// As the plan calls it.
    pub(super) fn place(&self) -> DriverPlace {
        match self {
            DriverSite::Host => DriverPlace::Host,
            DriverSite::Container { .. } => DriverPlace::Container,
            DriverSite::Pod(_) => DriverPlace::Pod,
        }
    }
}

/// A driver in a pod.
#[derive(Debug, Clone)]
pub struct InPodSite {
    /// The container.
    pub namespace: String,
    /// The account of the pod, with a driver's permissions.
    pub service_account: String,
    /// An image with Spark, for PySpark with Python.
    pub image: String,
    /// The Secret with which nodes pull the image.
    pub pull_secret: Option<String>,
    /// CPU request, e.g. `300m`.
    pub cpu: String,
    /// CPU limit, e.g. `1000m`.
    pub cpu_limit: String,
    /// Heap as Spark is told, e.g. `2g`; `None`: Spark's default.
    pub heap: Option<String>,
    /// Memory of its pod besides the heap, as Spark writes it; `None`: by Spark's factor.
    pub overhead: Option<String>,
    /// Its template, and whether it complies with Pod Security `restricted`.
    pub pods: PodPlan,
}

impl InPodSite {
    /// The name of pod and Service, for the session in this directory.
    pub(super) fn name(&self, dir: &Path) -> String {
        let session = dir.file_name().unwrap_or_default().to_string_lossy();
        format!("{session}-driver")
    }
}

/// A volume of a driver's pod.
pub(super) const VOLUME_IN_POD: &str = "/sparkproof";
/// Path of the session's directory in a driver's pod.
pub(super) const SESSION_IN_POD: &str = "/sparkproof/session";
/// RPC port of a driver in a pod, as in cluster mode (Spark's `Constants.scala`).
pub(super) const DRIVER_PORT: u16 = 7078;
/// The same.
pub(super) const BLOCK_MANAGER_PORT: u16 = 7079;
/// The same.
pub(super) const UI_PORT: u16 = 4040;

/// Path in a driver's pod of a file of this host.
pub(super) fn in_pod(file: &Path) -> PathBuf {
    Path::new(VOLUME_IN_POD).join("files").join(file.strip_prefix("/").unwrap_or(file))
}
