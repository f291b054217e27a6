//! Sets up the environment that a plan asks for.

use std::collections::BTreeSet;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::ledger::Scope;
use sparkproof_catalog::StoreKind;
use sparkproof_catalog::plan::{ClusterPlan, FrontEnd, ResolvedPlan};
use sparkproof_images::{load, spark};
use sparkproof_spark::session::Geni;
use sparkproof_stores::Stores;
use sparkproof_testbed::{Environment, EnvironmentRecord};

use super::attach;
use super::driver::prepare_driver;
use super::provision::make;
use crate::flow::EngineGuard;

/// Sets up the environment of a plan. All resources are in the ledger and in `held`, so that the
/// caller cleans up in the same way after success, failure and interruption.
pub async fn set_up(
    context: &Context,
    held: &mut EngineGuard,
    plan: &ResolvedPlan,
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
    // With `up`, the runs that use the cluster start their own servers.
    let kinds: BTreeSet<StoreKind> = match scope {
        Scope::User => BTreeSet::new(),
        _ => plan.variants().flat_map(|variant| variant.stores.clone()).collect(),
    };
    match &plan.cluster {
        ClusterPlan::Existing { kubeconfig, context: kube_context, .. } => {
            let engine = match &plan.registry {
                Some(_) => Some(held.find_or_start(context, yes).await?),
                None => None,
            };
            let named = (kubeconfig.as_path(), kube_context.as_deref());
            attach::set_up(context, engine.as_ref(), plan, named, kinds).await
        }
        ClusterPlan::Up { name } => {
            let path = EnvironmentRecord::path(&context.dirs.run(&name.clone().into()));
            let record = EnvironmentRecord::read(&path).map_err(|e| {
                Error::input(format!("no cluster named {name} is up"))
                    .with_source(e)
                    .remedy(format!("sparkproof up --name {name}"))
            })?;
            let engine = held.use_up(context, name).await?;
            let phase = context.recorder.phase("cluster");
            let opened = record.open(context).await;
            let environment = phase.end(opened, |e| {
                format!(
                    "{}, already up, Kubernetes {}",
                    e.cluster.name, e.cluster.kubernetes_version
                )
            })?;
            let phase = context.recorder.phase("image");
            let image = async {
                let image = spark::provide(context, &phase, Some(&engine), &plan.spark).await?;
                prepare_driver(context, &phase, &engine, plan).await?;
                let nodes = &environment.cluster.executor_nodes();
                let loaded = load(context, &engine, nodes, &image.reference).await?;
                Ok((image, loaded))
            }
            .await;
            let (image, _) = phase.end(image, |(i, l)| format!("{}, {l}", i.reference))?;
            // The network has the cluster's name.
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

/// The plan with the class path of its front end, which is checked before anything is created.
async fn with_geni(context: &Context, plan: &ResolvedPlan) -> Result<ResolvedPlan> {
    let mut plan = plan.clone();
    if plan.front_end == FrontEnd::Geni {
        let phase = context.recorder.phase("front end");
        let found = Geni::find(context, plan.geni_classpath.as_ref(), &plan.spark.version).await;
        let found =
            phase.end(found, |it| format!("Geni {}, Clojure {}", it.version, it.clojure))?;
        context.recorder.fact("geni", found.version);
        plan.geni_classpath = Some(found.class_path);
    }
    Ok(plan)
}
