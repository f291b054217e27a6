//! Sets up the environment that a plan asks for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::ledger::Scope;
use sparkproof_catalog::StoreKind;
use sparkproof_catalog::plan::{ClusterPlan, DriverPlace, FrontEnd, ResolvedPlan};
use sparkproof_images::{load, spark};
use sparkproof_machine::address::is_own;
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
    own_address(plan.driver, (plan.driver_host, plan.driver_bind), is_own)?;
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

/// A driver on this host is reached at an address of this host, unless it listens elsewhere and
/// something forwards what comes to it.
fn own_address(
    driver: DriverPlace,
    (host, bind): (Option<IpAddr>, Option<IpAddr>),
    is_own: impl Fn(IpAddr) -> bool,
) -> Result<()> {
    match (driver, host, bind) {
        (DriverPlace::Host, Some(host), None) if !is_own(host) => {
            let what = format!("--driver-host {host} is no address of this host");
            Err(Error::input(what).remedy(
                "leave it out, or name an address of this host (ip -brief address); if something \
                 forwards connections from there to this host, add --driver-bind",
            ))
        }
        (DriverPlace::Host, _, Some(bind)) if !is_own(bind) => {
            let what = format!("--driver-bind {bind} is no address of this host");
            Err(Error::input(what)
                .remedy("leave it out, or name an address of this host (ip -brief address)"))
        }
        _ => Ok(()),
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

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use sparkproof_base::error::Exit;

    use super::*;

    const HERE: [u8; 4] = [172, 18, 0, 1];
    /// Reserved for documentation (RFC 5737).
    const ELSEWHERE: [u8; 4] = [192, 0, 2, 2];

    #[rstest]
    #[case(DriverPlace::Host, None, None, true)]
    #[case(DriverPlace::Host, Some(HERE), None, true)]
    #[case(DriverPlace::Host, Some(ELSEWHERE), None, false)]
    #[case::forwarded(DriverPlace::Host, Some(ELSEWHERE), Some(HERE), true)]
    #[case(DriverPlace::Host, Some(ELSEWHERE), Some(ELSEWHERE), false)]
    #[case(DriverPlace::Pod, Some(ELSEWHERE), None, true)]
    fn a_driver_on_this_host_has_an_address_of_it(
        #[case] driver: DriverPlace,
        #[case] host: Option<[u8; 4]>,
        #[case] bind: Option<[u8; 4]>,
        #[case] accepted: bool,
    ) {
        let addresses = (host.map(IpAddr::from), bind.map(IpAddr::from));
        let checked = own_address(driver, addresses, |address| address == IpAddr::from(HERE));
        assert_eq!(checked.is_ok(), accepted, "{checked:?}");
        if let Err(error) = checked {
            assert_eq!(error.exit, Exit::BadInput);
            assert!(error.to_string().contains("192.0.2.2"), "{error}");
        }
    }
}
