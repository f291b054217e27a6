//! Sweeps a cluster that several machines use: removes the objects of runs whose Lease has expired.

use std::collections::BTreeSet;
use std::path::PathBuf;

use k8s_openapi::api::coordination::v1::Lease as KubeLease;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::StaleRun;
use sparkproof_base::ledger::labels::{KUBE_APPLICATION, KUBE_RUN, KUBE_SCOPE};
use sparkproof_kubernetes::cluster::{Via, client_of};
use sparkproof_kubernetes::lease::{holder_of, host};
use sparkproof_kubernetes::removal;

use super::leases::{self, Holder};
use super::sweep::{Doomed, SweepMode};
use crate::reclaim::Swept;

/// A cluster that other machines may use, too.
#[derive(Debug, Clone)]
pub struct SharedCluster {
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
    /// Context of the kubeconfig; `None` for the current one.
    pub context: Option<String>,
    /// Only this namespace.
    pub namespace: Option<String>,
}

/// Removes the objects of runs of scope run that no process of this machine holds and whose Lease
/// is not renewed for its duration. Objects without a Lease are kept. A dry run only lists them.
///
/// # Errors
/// Bad input: the kubeconfig cannot be used. Environment: Leases cannot be listed. What could not
/// be removed or checked is in [`Swept::failed`].
pub async fn sweep_cluster(
    context: &Context,
    place: &SharedCluster,
    mode: SweepMode,
    swept: &mut Swept,
) -> Result<()> {
    let of = place.context.as_deref();
    let client = client_of(&place.kubeconfig, of, Via::AsKubectl).await?;
    sweep_with(context, client, place.namespace.as_deref(), mode, swept).await
}

async fn sweep_with(
    context: &Context,
    client: Client,
    namespace: Option<&str>,
    mode: SweepMode,
    swept: &mut Swept,
) -> Result<()> {
    let api: Api<KubeLease> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let ours = ListParams::default().labels(&format!("{KUBE_RUN},{KUBE_SCOPE}=run"));
    let found = match leases::list(&api, &ours).await? {
        Ok(found) => found.items,
        Err(kube::Error::Api(status)) => {
            let remedy = "a sweep needs permission to list Leases; --namespace NAME \
                          needs it in one namespace only";
            return Err(
                Error::environment(format!("listing Leases: {}", status.message)).remedy(remedy)
            );
        }
        Err(error) => return Err(error).or_environment("listing Leases"),
    };
    // Read after the list, since a run may have begun meanwhile.
    let live = StaleRun::live(&context.dirs)?;
    let live: BTreeSet<String> = live.iter().map(|label| label.id().to_owned()).collect();
    let leased: BTreeSet<String> = found.iter().map(|lease| label(lease, KUBE_RUN)).collect();
    let of_others = found.into_iter().filter(|lease| !live.contains(&label(lease, KUBE_RUN)));
    let seen = leases::observe(context, &api, &ours, of_others.collect()).await?;
    // A run is alive if any of its Leases may be renewed.
    let alive: BTreeSet<String> = seen
        .iter()
        .filter(|(_, holder)| {
            matches!(holder, Holder::Renews | Holder::Lasts(_) | Holder::NotSeen(_))
        })
        .map(|(lease, _)| label(lease, KUBE_RUN))
        .collect();
    for (lease, holder) in seen {
        let (run, held_by) = (label(&lease, KUBE_RUN), holder_of(&lease));
        let run = format!("run {run} in namespace {}", lease.namespace().unwrap_or_default());
        let kept = |why: String| format!("{run} ({why})");
        match holder {
            Holder::Dead(_) if alive.contains(&label(&lease, KUBE_RUN)) => swept.kept.push(kept(
                "another Lease of that run may be renewed: the run may be alive".to_owned(),
            )),
            Holder::Dead(seconds) => take(context, &client, lease, seconds, mode, swept).await,
            Holder::Renews => swept
                .kept
                .push(kept(format!("its Lease is held by {held_by}, which renewed it just now"))),
            Holder::Gone => swept.kept.push(kept("its Lease was deleted just now".to_owned())),
            Holder::Lasts(seconds) => swept.kept.push(kept(format!(
                "its Lease is held by {held_by} and lasts {seconds} s, longer than a sweep waits"
            ))),
            Holder::NotSeen(why) => {
                swept
                    .failed
                    .push(kept(format!("it is not known whether its Lease is renewed: {why}")));
            }
        }
    }
    if namespace.is_none() {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        for namespace in removal::bounded(namespaces.list(&ours)).await? {
            let run = label(&namespace, KUBE_RUN);
            if !leased.contains(&run) && !live.contains(&run) {
                swept.kept.push(format!(
                    "namespace {} (no Lease: only the machine of run {run} knows whether it is alive)",
                    namespace.name_any()
                ));
            }
        }
    }
    Ok(())
}

fn label<K: ResourceExt>(object: &K, name: &str) -> String {
    object.labels().get(name).cloned().unwrap_or_default()
}

/// Removes the namespace if it is the run's, else the objects with the run's labels in it.
async fn take(
    context: &Context,
    client: &Client,
    lease: KubeLease,
    seconds: u64,
    mode: SweepMode,
    swept: &mut Swept,
) {
    let namespace = lease.namespace().unwrap_or_default();
    let Ok(run) = label(&lease, KUBE_RUN).parse::<RunId>() else {
        let what = format!("Lease {} in namespace {namespace}", lease.name_any());
        return swept.kept.push(format!("{what} (its label is not that of a run)"));
    };
    let why =
        format!("its Lease is held by {} and was not renewed for {seconds} s", holder_of(&lease));
    let taken = async {
        let is_of_run = is_of_run(client, &namespace, &run).await?;
        let what = match is_of_run {
            true => format!("namespace {namespace}"),
            false => format!("objects of run {run} in namespace {namespace}"),
        };
        if mode == SweepMode::DryRun {
            let (kind, name) = match is_of_run {
                true => ("namespace", namespace.clone()),
                false => ("objects", format!("{KUBE_RUN}={run} in namespace {namespace}")),
            };
            let why = why.clone();
            swept.would_remove.push(Doomed { kind, name, run: run.to_string(), why });
            return Ok(None);
        }
        if !take_over(client, &lease).await? {
            let held =
                format!("run {run} in namespace {namespace} (its Lease was renewed just now)");
            swept.kept.push(held);
            return Ok(None);
        }
        if is_of_run {
            // The Lease is deleted last, or with the namespace, so that the next sweep finds the
            // run until then.
            if let Some(why) = remove_bindings(client, &run).await? {
                swept.kept.push(format!("cluster role bindings of run {run} ({why})"));
            }
            removal::remove_namespace(context, client.clone(), &namespace, &run).await?;
            return Ok(Some(what));
        }
        let mut selectors = vec![format!("{KUBE_RUN}={run}")];
        let application = lease.annotations().get(KUBE_APPLICATION);
        // The run's applications are named after it.
        let application = application.filter(|id| id.contains(run.as_str()));
        selectors.extend(application.map(|id| format!("spark-app-selector={id}")));
        for selector in selectors {
            removal::labelled::remove(context, client.clone(), &namespace, &selector).await?;
        }
        removal::remove_lease(client.clone(), &namespace, &lease.name_any(), &run).await?;
        Ok::<_, Error>(Some(what))
    };
    match taken.await {
        Ok(Some(what)) => swept.removed.push(format!("{what} (its Lease had expired)")),
        Ok(None) => {}
        Err(error) => swept.failed.push(format!("run {run} in namespace {namespace}: {error}")),
    }
}

/// Whether a namespace is the run's. Without permission to get namespaces it is not: the run could
/// not have created one.
async fn is_of_run(client: &Client, namespace: &str, run: &RunId) -> Result<bool> {
    let api: Api<Namespace> = Api::all(client.clone());
    match removal::bounded(async { Ok(api.get_opt(namespace).await) }).await? {
        Ok(found) => Ok(found.is_some_and(|object| label(&object, KUBE_RUN) == **run)),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(false),
        Err(error) => Err(error).or_environment(format!("reading namespace {namespace}")),
    }
}

/// Takes over the Lease, unless it has changed; returns whether it did. A suspended holder that
/// resumes sees that it lost the Lease, and of several sweeps only one goes on.
async fn take_over(client: &Client, lease: &KubeLease) -> Result<bool> {
    let api: Api<KubeLease> =
        Api::namespaced(client.clone(), &lease.namespace().unwrap_or_default());
    let mut mine = lease.clone();
    let spec = mine.spec.get_or_insert_default();
    spec.holder_identity = Some(format!("a sweep on {}", host()));
    spec.renew_time = Some(MicroTime(jiff::Timestamp::now()));
    let (name, options) = (lease.name_any(), PostParams::default());
    match removal::bounded(async { Ok(api.replace(&name, &options, &mine).await) }).await? {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if [404, 409].contains(&status.code) => Ok(false),
        Err(error) => Err(error).or_environment(format!("taking over the Lease {name}")),
    }
}

/// Deletes the guide's cluster role binding of the run; returns the API server's message if that is
/// not permitted.
async fn remove_bindings(client: &Client, run: &RunId) -> Result<Option<String>> {
    let api: Api<ClusterRoleBinding> = Api::all(client.clone());
    let all = ListParams::default().labels(&format!("{KUBE_RUN}={run}"));
    let removed = async {
        let list = match removal::bounded(async { Ok(api.list(&all).await) }).await? {
            Ok(list) => list,
            Err(error) => return Ok(Err(error)),
        };
        for binding in list {
            if let Err(error) = removal::try_delete(&api, &binding.name_any()).await? {
                return Ok(Err(error));
            }
        }
        Ok::<_, Error>(Ok(()))
    };
    match removed.await? {
        Ok(()) => Ok(None),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Some(status.message.clone())),
        Err(error) => Err(error).or_environment("removing cluster role bindings"),
    }
}

#[cfg(test)]
mod tests;
