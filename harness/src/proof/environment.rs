//! An environment: engine, node image, cluster, Spark image. Owned by one process (`run`, `exec`,
//! or the user by `up`), usable by others through its record.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::made::make;
use super::{Held, existing};
use crate::access::Terms;
use crate::cluster::{Cluster, ClusterRecord};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, OrFail, Result};
use crate::events::PhaseGuard;
use crate::images::spark::SparkImage;
use crate::images::{load, spark};
use crate::ledger::Scope;
use crate::plan::conf::exposed;
use crate::plan::{ClusterPlan, Conf, DriverPlace, FrontEnd, Plan};
use crate::session::Geni;
use crate::store::{StoreKind, StoreRecord, Stores};

/// Environment variable by which `sparkproof exec` hands the environment over: the path of an
/// [`EnvironmentRecord`] in JSON.
pub const HANDOVER: &str = "SPARKPROOF_ENV";

/// Environment variable with the path of the binary that holds the environment.
pub const EXECUTABLE: &str = "SPARKPROOF_EXE";

/// What sessions run on.
#[derive(Debug, Clone)]
pub struct Environment {
    /// What was asked for.
    pub plan: Plan,
    /// The cluster, ready.
    pub cluster: Cluster,
    /// On which terms it is used.
    pub terms: Terms,
    /// The Spark image, loaded, and the driver's distribution.
    pub image: SparkImage,
    /// The engine that runs the nodes; none for an existing cluster.
    pub engine: Option<Engine>,
    /// The storage servers that are up for the proof.
    pub stores: Stores,
}

/// The same, for another process: a file in the state directory (0600).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnvironmentRecord {
    /// What was asked for.
    pub plan: Plan,
    /// Its Spark configuration with the secrets, which the plan's own form has not.
    #[serde(default, with = "exposed")]
    pub conf: Conf,
    /// The cluster.
    pub cluster: ClusterRecord,
    /// On which terms it is used.
    #[serde(default)]
    pub terms: Terms,
    /// The image.
    pub image: SparkImage,
    /// Docker host address, where there is an engine.
    pub docker_host: Option<String>,
    /// The storage servers.
    #[serde(default)]
    pub stores: Vec<StoreRecord>,
    /// Why others are not up.
    #[serde(default)]
    pub stores_left_out: BTreeMap<StoreKind, String>,
    /// Whether packages may be installed.
    #[serde(default)]
    pub installs: bool,
    /// The run directory events go to.
    pub run_dir: PathBuf,
}

impl EnvironmentRecord {
    /// Where a run keeps its record, in its private directory.
    pub fn path(run: &Path) -> PathBuf {
        run.join("environment.json")
    }

    /// Reads a record.
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
        crate::dirs::private_file(path, &text)
    }

    /// Connects.
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
    /// As a record for other processes.
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

/// Sets up what the plan asks for. What was created so far is in the ledger and in `held`, so the
/// caller tears down alike after success, failure and interruption.
pub async fn set_up(
    context: &Context,
    held: &mut Held,
    plan: &Plan,
    name: &str,
    scope: Scope,
    yes: bool,
) -> Result<Environment> {
    for warning in &plan.warnings {
        context.recorder.warn(warning.clone());
    }
    if yes {
        context.installs.allow();
    }
    let plan = &with_geni(context, plan).await?;
    context.recorder.fact("front end", plan.front_end.to_string());
    // A cluster that is left up gets the servers of the runs that use it.
    let kinds: BTreeSet<StoreKind> = match scope {
        Scope::User => BTreeSet::new(),
        _ => plan.variants()?.iter().flat_map(|variant| variant.stores.clone()).collect(),
    };
    match &plan.cluster {
        ClusterPlan::Existing { kubeconfig, context: kube_context, .. } => {
            let engine = match &plan.registry {
                Some(_) => Some(held.find_or_start(context, yes).await?),
                None => None,
            };
            let named = (kubeconfig.as_path(), kube_context.as_deref());
            existing::set_up(context, engine.as_ref(), plan, named, kinds).await
        }
        ClusterPlan::Up { name } => {
            let path = EnvironmentRecord::path(&context.dirs.run(name));
            let record = EnvironmentRecord::read(&path).map_err(|e| {
                Error::input(format!("no cluster named {name} is up"))
                    .because(e)
                    .remedy(format!("sparkproof up --name {name}"))
            })?;
            let engine = held.use_up(context, name).await?;
            let phase = context.recorder.phase("cluster");
            let opened = record.open(context).await;
            let environment = phase.end(opened, |e| {
                format!(
                    "{}, up already, Kubernetes {}",
                    e.cluster.name, e.cluster.kubernetes_version
                )
            })?;
            let phase = context.recorder.phase("image");
            let image = async {
                let image =
                    spark::provide(context, &phase, Some(&engine), &plan.spark, plan.front_end)
                        .await?;
                prepare_driver(context, &phase, &engine, plan).await?;
                let nodes = &environment.cluster.executor_nodes();
                let loaded = load(context, &engine, nodes, &image.reference).await?;
                Ok((image, loaded))
            }
            .await;
            let (image, _) = phase.end(image, |(i, l)| format!("{}, {l}", i.reference))?;
            // Its network has the cluster's name.
            let network = &environment.cluster.name;
            let stores =
                Stores::start(context, Some((&engine, network)), kinds, &plan.stores).await?;
            let plan = plan.clone();
            Ok(Environment { plan, image, engine: Some(engine), stores, ..environment })
        }
        ClusterPlan::Kind { .. } | ClusterPlan::Minikube { .. } => {
            let engine = held.find_or_start(context, yes).await?;
            make(context, engine, plan, (name, scope), kinds).await
        }
    }
}

/// The plan with the class path of its front end, looked at before anything is created.
async fn with_geni(context: &Context, plan: &Plan) -> Result<Plan> {
    let mut plan = plan.clone();
    if plan.front_end == FrontEnd::Geni {
        let phase = context.recorder.phase("front end");
        let version = match (&plan.spark.home, &plan.spark.version) {
            (Some(home), _) => spark::of_home(home)?.version,
            (None, Some(version)) => version.clone(),
            (None, None) => spark::default_version().to_owned(),
        };
        let found = Geni::find(context, plan.geni_classpath.as_ref(), &version).await;
        let found =
            phase.end(found, |it| format!("Geni {}, Clojure {}", it.version, it.clojure))?;
        context.recorder.fact("geni", found.version);
        plan.geni_classpath = Some(found.class_path);
    }
    Ok(plan)
}

/// Makes the image of a driver in a container, so that sessions find it.
pub(super) async fn prepare_driver(
    context: &Context,
    phase: &PhaseGuard,
    engine: &Engine,
    plan: &Plan,
) -> Result<()> {
    match plan.driver {
        // Its image is the session's, with layers on the nodes.
        DriverPlace::Host | DriverPlace::Pod => Ok(()),
        DriverPlace::Container => {
            spark::driver_image(context, engine, phase.name(), plan.front_end).await.map(drop)
        }
    }
}
