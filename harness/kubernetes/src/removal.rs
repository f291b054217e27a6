//! Removes Kubernetes objects of a run by name, after verifying their label.

pub mod labelled;

use std::fmt::Debug;
use std::path::{Component, Path};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, PersistentVolume};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::DeleteParams;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::NAMESPACE_GONE;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels::KUBE_RUN;
use sparkproof_base::ledger::{OwnedResource, owned_by};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_machine::{docker, minikube_profile};

use crate::cluster::{Via, client_of};
use crate::observe::{LeftoverQuery, leftovers};

/// Time limit of one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// A client for the cluster; `None` if sparkproof made the cluster and it is gone.
///
/// # Errors
/// Environment: the cluster does not answer, but may exist.
pub async fn reach(
    context: &Context,
    kubeconfig: &Path,
    of: Option<&str>,
) -> Result<Option<Client>> {
    let ours = kubeconfig.starts_with(context.dirs.runs());
    if !kubeconfig.exists() && ours {
        return Ok(None);
    }
    let via = if ours { Via::Direct } else { Via::AsKubectl };
    let client = client_of(kubeconfig, of, via).await?;
    match bounded(client.apiserver_version()).await {
        Ok(_) => Ok(Some(client)),
        Err(_) if cluster_is_gone(context, kubeconfig).await? => Ok(None),
        Err(e) => Err(Error::environment(format!(
            "the cluster of {} does not answer",
            kubeconfig.display()
        ))
        .with_source(e)
        .remedy("run `sparkproof sweep` when it answers")),
    }
}

/// Whether the kubeconfig is of a cluster that sparkproof made and that has no node left. False if
/// the ledger names no cluster.
async fn cluster_is_gone(context: &Context, kubeconfig: &Path) -> Result<bool> {
    let Ok(inside) = kubeconfig.strip_prefix(context.dirs.runs()) else { return Ok(false) };
    let Some(Component::Normal(id)) = inside.components().next() else { return Ok(false) };
    let mut clusters = 0;
    for owned in owned_by(&context.dirs.runs().join(id))? {
        let nodes = match &owned {
            OwnedResource::KindCluster { docker, name } => {
                docker::kind_nodes(&docker::at(docker).await?, name).await?
            }
            OwnedResource::MinikubeCluster { docker, name } => {
                minikube_profile::nodes(&docker::at(docker).await?, name).await?
            }
            _ => continue,
        };
        if !nodes.is_empty() {
            return Ok(false);
        }
        clusters += 1;
    }
    Ok(clusters > 0)
}

/// Waits for the API server's answer, at most 20 s.
///
/// # Errors
/// Environment: the API server refused, or did not answer in time.
pub async fn bounded<T>(work: impl Future<Output = kube::Result<T>>) -> Result<T> {
    match tokio::time::timeout(ANSWER, work).await {
        Ok(result) => result.or_environment("asking the API server"),
        Err(_) => Err(Error::environment(format!("no answer within {} s", ANSWER.as_secs()))),
    }
}

/// The object, if it has the run's label.
async fn of_run<K>(api: &Api<K>, name: &str, run: &RunId) -> Result<Option<K>>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let found = bounded(api.get_opt(name)).await?;
    Ok(found.filter(|object| object.labels().get(KUBE_RUN).is_some_and(|label| *label == **run)))
}

/// Deletes a namespace of the run and waits until it is gone with everything in it.
pub async fn remove_namespace(
    context: &Context,
    client: Client,
    name: &str,
    run: &RunId,
) -> Result<()> {
    let api: Api<Namespace> = Api::all(client);
    if !delete_namespace(&api, name, run).await? {
        return Ok(());
    }
    let waiting = Waiting::up_to(NAMESPACE_GONE.as_secs(), format!("the end of namespace {name}"));
    // Polled, since a watch would bring no more for one object in a few seconds.
    wait(context, waiting, Source::Backoff, async || match of_run(&api, name, run).await {
        Ok(None) => Progress::Met(()),
        Ok(Some(namespace)) => Progress::NotYet(state(&namespace)),
        Err(e) => Progress::NotYet(e.to_string()),
    })
    .await
}

/// Asks for the end of a namespace of the run; false if there is none.
pub async fn delete_namespace(api: &Api<Namespace>, name: &str, run: &RunId) -> Result<bool> {
    let Some(found) = of_run(api, name, run).await? else { return Ok(false) };
    if found.metadata.deletion_timestamp.is_none() {
        delete(api, name).await?;
    }
    Ok(true)
}

/// Why it still exists, in the API server's words.
fn state(namespace: &Namespace) -> String {
    let conditions = namespace.status.iter().flat_map(|s| s.conditions.iter().flatten());
    let holding: Vec<&str> =
        conditions.filter(|c| c.status == "True").filter_map(|c| c.message.as_deref()).collect();
    if holding.is_empty() { "terminating".to_owned() } else { holding.join("; ") }
}

/// The objects of a removed resource that still exist, in words. `unseen` are kinds that may not be
/// listed.
///
/// # Errors
/// Environment: the API server does not answer, or refuses. Internal: it is no resource of a session.
pub async fn remains(
    context: &Context,
    owned: &OwnedResource,
    unseen: &[String],
) -> Result<Vec<String>> {
    let run = context.run.id();
    let (OwnedResource::Namespace { kubeconfig, context: of, .. }
    | OwnedResource::ClusterRoleBinding { kubeconfig, context: of, .. }
    | OwnedResource::Lease { kubeconfig, context: of, .. }
    | OwnedResource::Labelled { kubeconfig, context: of, .. }) = owned
    else {
        return Err(Error::internal(format!("{owned} is no resource of a session")));
    };
    let Some(client) = reach(context, kubeconfig, of.as_deref()).await? else {
        return Ok(Vec::new());
    };
    let there = match owned {
        OwnedResource::Namespace { name, .. } => {
            let found = of_run::<Namespace>(&Api::all(client), name, run).await?;
            found.map(|namespace| state(&namespace))
        }
        OwnedResource::ClusterRoleBinding { name, .. } => {
            let found = of_run::<ClusterRoleBinding>(&Api::all(client), name, run).await?;
            found.map(|_| owned.to_string())
        }
        OwnedResource::Lease { namespace, name, .. } => {
            let api = Api::namespaced(client, namespace);
            of_run::<Lease>(&api, name, run).await?.map(|_| owned.to_string())
        }
        OwnedResource::Labelled { namespace, selector, .. } => {
            let look = LeftoverQuery { selector: Some(selector.clone()), unseen: unseen.to_vec() };
            let left = leftovers(&client, namespace, &look).await?;
            (!left.is_empty()).then(|| left.to_string())
        }
        _ => None,
    };
    Ok(there.into_iter().collect())
}

/// Deletes a cluster role binding of the run.
pub async fn remove_cluster_role_binding(client: Client, name: &str, run: &RunId) -> Result<()> {
    let api: Api<ClusterRoleBinding> = Api::all(client);
    match of_run(&api, name, run).await? {
        Some(_) => delete(&api, name).await,
        None => Ok(()),
    }
}

/// Deletes a Lease of the run.
pub async fn remove_lease(client: Client, namespace: &str, name: &str, run: &RunId) -> Result<()> {
    let api: Api<Lease> = Api::namespaced(client, namespace);
    match of_run(&api, name, run).await? {
        Some(_) => delete(&api, name).await,
        None => Ok(()),
    }
}

/// Deletes a persistent volume of the run.
pub async fn remove_persistent_volume(client: Client, name: &str, run: &RunId) -> Result<()> {
    let api: Api<PersistentVolume> = Api::all(client);
    match of_run(&api, name, run).await? {
        Some(_) => delete(&api, name).await,
        None => Ok(()),
    }
}

async fn delete<K>(api: &Api<K>, name: &str) -> Result<()>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    try_delete(api, name).await?.or_environment(format!("deleting {name}"))
}

/// The same with kube's error, for callers that need the reason.
pub async fn try_delete<K>(api: &Api<K>, name: &str) -> Result<kube::Result<()>>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let options = DeleteParams::background();
    Ok(match bounded(async { Ok(api.delete(name, &options).await) }).await? {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        deleted => deleted.map(drop),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Request, Response};
    use kube::client::Body;
    use sparkproof_base::ledger::{Run, Scope};
    use sparkproof_base::testing::test_context;

    /// Answers each GET with a binding of the given label; counts the DELETEs.
    fn server(label: &'static str) -> (Client, tokio::task::JoinHandle<usize>) {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let served = tokio::spawn(async move {
            let mut deleted = 0;
            while let Some((request, answer)) = handle.next_request().await {
                deleted += usize::from(request.method() == http::Method::DELETE);
                let object = serde_json::json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                    "metadata": {"name": "b", "labels": {KUBE_RUN: label}},
                    "roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "edit"}
                });
                answer.send_response(Response::new(Body::from(object.to_string().into_bytes())));
            }
            deleted
        });
        (Client::new(service, "default"), served)
    }

    #[tokio::test]
    async fn a_ledger_without_a_cluster_does_not_say_that_one_is_gone() {
        let (context, _keep) = test_context();
        let name = "dev".parse().expect("a name");
        let up = Run::begin_as(&context.dirs, Scope::User, &name).await.expect("run");
        let kubeconfig = up.dir().join("kubeconfig");
        assert!(!cluster_is_gone(&context, &kubeconfig).await.expect("looked"));
        // A damaged ledger names no cluster.
        std::fs::write(up.dir().join("ledger.jsonl"), "").expect("written");
        cluster_is_gone(&context, &kubeconfig).await.expect_err("not known");
    }

    #[tokio::test]
    async fn only_what_carries_the_run_is_deleted() {
        for (label, expected) in [("7f3a0000", 1), ("another", 0)] {
            let (client, served) = server(label);
            let run = "7f3a0000".parse().expect("an id");
            remove_cluster_role_binding(client, "b", &run).await.expect("answered");
            assert_eq!(served.await.expect("served"), expected, "{label}");
        }
    }
}
