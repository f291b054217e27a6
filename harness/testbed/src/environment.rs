//! An environment: engine, node image, cluster, Spark image. Owned by one process (`run`, `exec`,
//! or the user by `up`), usable by others through its record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::StoreKind;
use sparkproof_catalog::plan::conf::exposed;
use sparkproof_catalog::plan::{Conf, ResolvedPlan};
use sparkproof_images::spark::SparkImage;
use sparkproof_kubernetes::access::ClusterCapabilities;
use sparkproof_kubernetes::cluster::{Cluster, ClusterRecord};
use sparkproof_machine::engine::Engine;
use sparkproof_stores::{StoreRecord, Stores};

/// Environment variable that `sparkproof exec` sets for its command: the path of an
/// [`EnvironmentRecord`] in JSON.
pub const HANDOVER: &str = "SPARKPROOF_ENV";

/// Environment variable with the path of the binary that owns the environment.
pub const EXECUTABLE: &str = "SPARKPROOF_EXE";

/// The error if the cluster is not sparkproof's own, so that no engine runs its nodes.
pub const NO_NODE_ENGINE: &str =
    "the nodes are an existing cluster's: sparkproof loads images and files only into its own";

/// Everything that sessions run on.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The plan it was made by.
    pub plan: ResolvedPlan,
    /// The cluster, which is ready.
    pub cluster: Cluster,
    /// What sparkproof may do on the cluster.
    pub terms: ClusterCapabilities,
    /// The Spark image, which the nodes have, and the driver's distribution.
    pub image: SparkImage,
    /// The engine that runs the nodes; `None` for an existing cluster.
    pub engine: Option<Engine>,
    /// The storage servers.
    pub stores: Stores,
}

/// An environment for other processes, as a file in the state directory (0600).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnvironmentRecord {
    /// The plan it was made by.
    pub plan: ResolvedPlan,
    /// The plan's Spark configuration with the secrets, which the serialised plan lacks.
    #[serde(default, with = "exposed")]
    pub conf: Conf,
    /// The cluster.
    pub cluster: ClusterRecord,
    /// What sparkproof may do on the cluster.
    #[serde(default)]
    pub terms: ClusterCapabilities,
    /// The Spark image.
    pub image: SparkImage,
    /// Docker host address; `None` without an engine.
    pub docker_host: Option<String>,
    /// The storage servers.
    #[serde(default)]
    pub stores: Vec<StoreRecord>,
    /// The reasons why other storage servers are not up.
    #[serde(default)]
    pub stores_left_out: BTreeMap<StoreKind, String>,
    /// Whether packages may be installed.
    #[serde(default)]
    pub installs: bool,
    /// The run directory that events are written to.
    pub run_dir: PathBuf,
}

impl EnvironmentRecord {
    /// The path of a run's record, in its private directory.
    pub fn path(run: &Path) -> PathBuf {
        run.join("environment.json")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Bad input: it cannot be read or is not understood.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(path).or_input("reading the environment's record")?;
        let read = serde_json::from_str(&text);
        let mut record: Self =
            read.or_input(format!("the environment's record {}", path.display()))?;
        record.plan.conf.clone_from(&record.conf);
        Ok(record)
    }

    /// Writes it (0600).
    pub fn write(&self, path: &Path) -> Result<()> {
        let text =
            serde_json::to_vec_pretty(self).or_internal("writing the environment's record")?;
        sparkproof_base::dirs::private_file(path, &text)
    }

    /// Connects to the environment.
    ///
    /// # Errors
    /// Environment: its cluster or engine cannot be reached.
    pub async fn open(self, context: &Context) -> Result<Environment> {
        let cluster = Cluster::reopen(context, self.cluster).await?;
        let engine = match &self.docker_host {
            Some(host) => Engine::at(host).await?,
            None => None,
        };
        Ok(Environment {
            plan: self.plan,
            cluster,
            terms: self.terms,
            image: self.image,
            engine,
            stores: Stores::open(context, self.stores, self.stores_left_out).await?,
        })
    }
}

impl Environment {
    /// The engine that runs the nodes.
    ///
    /// # Errors
    /// Environment: the nodes are an existing cluster's.
    pub fn node_engine(&self) -> Result<&Engine> {
        self.engine.as_ref().ok_or_else(|| Error::environment(NO_NODE_ENGINE))
    }

    /// The record of it for other processes.
    pub fn record(&self, context: &Context) -> EnvironmentRecord {
        EnvironmentRecord {
            plan: self.plan.clone(),
            conf: self.plan.conf.clone(),
            cluster: self.cluster.record.clone(),
            terms: self.terms.clone(),
            image: self.image.clone(),
            docker_host: self.engine.as_ref().map(|e| e.host.clone()),
            stores: self.stores.records(),
            stores_left_out: self.stores.left_out().clone(),
            installs: context.installs.are_allowed(),
            run_dir: context.recorder.dir().to_owned(),
        }
    }
}
