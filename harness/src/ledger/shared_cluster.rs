//! Sweeps a cluster that several machines use: what a run left there whose Lease has expired.

use std::collections::BTreeSet;
use std::path::PathBuf;

use k8s_openapi::api::coordination::v1::Lease as KubeLease;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::labels::{KUBE_RUN, KUBE_SCOPE};
use super::lease::{APPLICATION, DURATION_SECONDS, RENEW_SECONDS};
use super::{StaleRun, Swept, kubernetes, labelled};
use crate::cluster::{Via, client_of};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::observe::{Progress, Source, Waiting, wait};

/// A cluster that other machines may use, too.
#[derive(Debug, Clone)]
pub struct SharedCluster {
    /// Its kubeconfig.
    pub kubeconfig: PathBuf,
    /// Its context; none for the current one.
    pub context: Option<String>,
    /// Only this namespace.
    pub namespace: Option<String>,
}

/// Takes what belongs to runs of scope run that no process of this machine holds and whose Lease
/// expired. A Lease that looks expired is looked at for longer than its holder takes to renew it, so
/// that a machine with a wrong clock loses nothing. Without a Lease nothing is taken.
///
/// # Errors
/// Bad input: the kubeconfig. Environment: Leases may not be listed. What could not be removed is in
/// [`Swept::failed`].
pub async fn sweep_cluster(
    context: &Context,
    place: &SharedCluster,
    swept: &mut Swept,
) -> Result<()> {
    let of = place.context.as_deref();
    let client = client_of(&place.kubeconfig, of, Via::AsKubectl).await?;
    let live = StaleRun::live(&context.dirs)?.into_iter().collect();
    sweep_with(context, client, place.namespace.as_deref(), &live, swept).await
}

async fn sweep_with(
    context: &Context,
    client: Client,
    namespace: Option<&str>,
    live: &BTreeSet<String>,
    swept: &mut Swept,
) -> Result<()> {
    let leases: Api<KubeLease> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let ours = ListParams::default().labels(&format!("{KUBE_RUN},{KUBE_SCOPE}=run"));
    let found = match kubernetes::bounded(async { Ok(leases.list(&ours).await) }).await? {
        Ok(found) => found,
        Err(kube::Error::Api(status)) => {
            let remedy = "without the right to list Leases nothing can be swept; --namespace NAME \
                          asks for those of one namespace only";
            return Err(
                Error::environment(format!("listing Leases: {}", status.message)).remedy(remedy)
            );
        }
        Err(error) => return Err(error).or_environment("listing Leases"),
    };
    let mut leased = BTreeSet::new();
    let mut doubtful = Vec::new();
    for lease in found {
        let run = label(&lease, KUBE_RUN);
        leased.insert(run.clone());
        match age(&lease, jiff::Timestamp::now()) {
            _ if live.contains(&run) => {}
            Some(seconds) if seconds > duration(&lease) => doubtful.push(lease),
            seconds => swept.left_alone.push(format!(
                "run {run} in namespace {} (its Lease is held by {}, renewed {} s ago)",
                lease.namespace().unwrap_or_default(),
                lease.spec.and_then(|spec| spec.holder_identity).unwrap_or_default(),
                seconds.unwrap_or_default()
            )),
        }
    }
    for lease in unrenewed(context, &client, doubtful, swept).await? {
        take(context, &client, &lease, swept).await;
    }
    if namespace.is_none() {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        for namespace in kubernetes::bounded(namespaces.list(&ours)).await? {
            let run = label(&namespace, KUBE_RUN);
            if !leased.contains(&run) && !live.contains(&run) {
                swept.left_alone.push(format!(
                    "namespace {} (no Lease: only the machine of run {run} knows whether it lives)",
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

/// Seconds since it was renewed.
fn age(lease: &KubeLease, now: jiff::Timestamp) -> Option<i64> {
    let renewed = lease.spec.as_ref()?.renew_time.as_ref()?;
    Some(now.as_second() - renewed.0.as_second())
}

fn duration(lease: &KubeLease) -> i64 {
    let spec = lease.spec.as_ref();
    i64::from(spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(DURATION_SECONDS))
}

/// Those that nobody renews while we look.
async fn unrenewed(
    context: &Context,
    client: &Client,
    doubtful: Vec<KubeLease>,
    swept: &mut Swept,
) -> Result<Vec<KubeLease>> {
    let looks = doubtful.into_iter().map(|lease| async {
        let namespace = lease.namespace().unwrap_or_default();
        let api: Api<KubeLease> = Api::namespaced(client.clone(), &namespace);
        let waiting = Waiting::up_to(RENEW_SECONDS + 5, "a renewal of the Lease");
        let name = lease.name_any();
        // One object, for seconds.
        let renewed =
            wait(context, waiting, Source::Backoff, async || match api.get_opt(&name).await {
                Ok(Some(now)) if now.resource_version() == lease.resource_version() => {
                    Progress::NotYet("not renewed".to_owned())
                }
                Ok(_) => Progress::Met(()),
                Err(error) => Progress::NotYet(error.to_string()),
            })
            .await;
        (lease, renewed)
    });
    let mut dead = Vec::new();
    for (lease, renewed) in futures::future::join_all(looks).await {
        let run = label(&lease, KUBE_RUN);
        match renewed {
            Ok(()) => swept.left_alone.push(format!(
                "run {run} in namespace {} (its Lease was just renewed or given back)",
                lease.namespace().unwrap_or_default()
            )),
            Err(error) if error.is_interruption() => return Err(error),
            Err(_) => dead.push(lease),
        }
    }
    Ok(dead)
}

/// The namespace when it is the run's, else what carries the run's labels in it.
async fn take(context: &Context, client: &Client, lease: &KubeLease, swept: &mut Swept) {
    let run = label(lease, KUBE_RUN);
    let (namespace, name) = (lease.namespace().unwrap_or_default(), lease.name_any());
    let removed = async {
        let api: Api<Namespace> = Api::all(client.clone());
        // Who may not look at namespaces has made none.
        let seen = api.get_opt(&namespace).await.ok().flatten();
        if seen.is_some_and(|object| label(&object, KUBE_RUN) == run) {
            kubernetes::remove_namespace(context, client.clone(), &namespace, &run).await?;
            remove_bindings(client, &run).await?;
            return Ok(format!("namespace {namespace}"));
        }
        let mut selectors = vec![format!("{KUBE_RUN}={run}")];
        let application = lease.annotations().get(APPLICATION);
        // Ours are named after their run.
        let application = application.filter(|id| id.contains(&run));
        selectors.extend(application.map(|id| format!("spark-app-selector={id}")));
        for selector in selectors {
            labelled::remove(context, client.clone(), &namespace, &selector).await?;
        }
        kubernetes::remove_lease(client.clone(), &namespace, &name, &run).await?;
        Ok::<_, Error>(format!("what run {run} left in namespace {namespace}"))
    };
    match removed.await {
        Ok(what) => swept.removed.push(format!("{what} (its Lease had expired)")),
        Err(error) => swept.failed.push(format!("run {run} in namespace {namespace}: {error}")),
    }
}

/// The guide's cluster role binding, where it may be looked at.
async fn remove_bindings(client: &Client, run: &str) -> Result<()> {
    let api: Api<ClusterRoleBinding> = Api::all(client.clone());
    let all = ListParams::default().labels(&format!("{KUBE_RUN}={run}"));
    match api.list(&all).await {
        Ok(list) => {
            for binding in list {
                let name = binding.name_any();
                kubernetes::remove_cluster_role_binding(client.clone(), &name, run).await?;
            }
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(()),
        Err(error) => Err(error).or_environment("listing cluster role bindings"),
    }
}

#[cfg(test)]
mod tests;
