//! Whether a cluster is ready for user pods: nodes, DNS, storage, the default service account, each
//! by a watch.

use std::sync::Mutex;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_judge::{Accounts, Nodes, Readiness, Workload};

use super::Cluster;

/// The provisioner of the default StorageClass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioner {
    /// The deployment `local-path-provisioner`, in kind and in assembled nodes.
    LocalPath,
    /// The pod `storage-provisioner`, Minikube's addon.
    Minikube,
}

/// Looks concurrently at the nodes, CoreDNS, the provisioner of the default StorageClass and the
/// default service account, until each is as needed, at most 120 s each.
///
/// # Errors
/// Environment: one of them could not be looked at.
pub async fn readiness(
    context: &Context,
    phase: &PhaseGuard,
    cluster: &Cluster,
    provisioner: Provisioner,
) -> Result<Readiness> {
    let client = &cluster.client;
    let of_nodes: Api<Node> = Api::all(client.clone());
    let of_dns: Api<Deployment> = Api::namespaced(client.clone(), "kube-system");
    let of_accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let expected = cluster.node_containers.len();
    let (nodes, accounts, dns, storage) = tokio::try_join!(
        seen(context, phase, "nodes Ready", of_nodes, nodes, |nodes| nodes.missing(expected)),
        seen(
            context,
            phase,
            "default service account",
            of_accounts,
            |all: &[ServiceAccount]| Accounts(all.iter().map(ResourceExt::name_any).collect()),
            Accounts::missing
        ),
        seen(
            context,
            phase,
            "DNS available",
            of_dns,
            |all: &[Deployment]| deployment(all, "coredns"),
            Workload::missing
        ),
        storage(context, phase, client, provisioner),
    )?;
    Ok(Readiness { server: cluster.server.clone(), nodes, accounts, dns, storage })
}

async fn storage(
    context: &Context,
    phase: &PhaseGuard,
    client: &Client,
    provisioner: Provisioner,
) -> Result<Workload> {
    let what = "storage available";
    match provisioner {
        Provisioner::LocalPath => {
            let api = Api::namespaced(client.clone(), "local-path-storage");
            let look = |all: &[Deployment]| deployment(all, "local-path-provisioner");
            seen(context, phase, what, api, look, Workload::missing).await
        }
        Provisioner::Minikube => {
            let api = Api::namespaced(client.clone(), "kube-system");
            let look = |all: &[Pod]| pod(all, "storage-provisioner");
            seen(context, phase, what, api, look, Workload::missing).await
        }
    }
}

fn pod(pods: &[Pod], name: &str) -> Workload {
    let found = pods.iter().find(|pod| pod.metadata.name.as_deref() == Some(name));
    let phase = found.map(|pod| pod.status.as_ref().and_then(|status| status.phase.clone()));
    Workload::Pod {
        name: name.to_owned(),
        phase: phase.map(|phase| phase.unwrap_or_else(|| "Unknown".to_owned())),
    }
}

fn nodes(nodes: &[Node]) -> Nodes {
    Nodes(nodes.iter().map(|node| (node.name_any(), node_ready(node))).collect())
}

fn node_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

fn deployment(deployments: &[Deployment], name: &str) -> Workload {
    let found = deployments.iter().find(|d| d.metadata.name.as_deref() == Some(name));
    let available = |d: &Deployment| d.status.as_ref().and_then(|s| s.available_replicas);
    let available = found.map(|found| available(found).unwrap_or(0));
    Workload::Deployment { name: name.to_owned(), available }
}

/// Looks at all objects of a kind after each change, by one watch, until nothing is missing or the
/// time is over; returns what was seen last.
async fn seen<K, S>(
    context: &Context,
    phase: &PhaseGuard,
    what: &str,
    api: Api<K>,
    look: impl Fn(&[K]) -> S,
    missing: impl Fn(&S) -> Option<String>,
) -> Result<S>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Clone + Eq + std::hash::Hash,
{
    let begun = Instant::now();
    let step = phase.step(what);
    let (reader, writer) = kube::runtime::reflector::store();
    let (changed, changes) = tokio::sync::watch::channel(0u64);
    let stream = watcher(api, watcher::Config::default()).default_backoff();
    let trouble = Mutex::new(Some("no answer yet".to_owned()));
    let follow = kube::runtime::reflector(writer, stream)
        .inspect(|event| {
            let seen = match event {
                // The list has begun, but has no result yet.
                Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
                Ok(_) => Some(None),
                Err(error) => Some(Some(error.to_string())),
            };
            if let (Some(seen), Ok(mut trouble)) = (seen, trouble.lock()) {
                *trouble = seen;
            }
            changed.send_modify(|n| *n += 1);
        })
        // The backoff retries after errors; the wait below has the deadline and reports the last
        // error.
        .filter_map(|event| async { event.ok() })
        .map(Ok::<_, Error>)
        .try_for_each(|_| async { Ok(()) });
    let waiting = Waiting::up_to(120, what);
    let failing = || trouble.lock().ok().and_then(|trouble| trouble.clone());
    let now = || look(&reader.state().iter().map(|k| (**k).clone()).collect::<Vec<K>>());
    let met = wait(context, waiting, Source::Changes(changes), async || {
        match (missing(&now()), failing()) {
            (None, None) => Progress::Met(()),
            (None, Some(error)) => Progress::NotYet(format!("the watch fails: {error}")),
            (Some(state), None) => Progress::NotYet(state),
            (Some(state), Some(error)) => {
                Progress::NotYet(format!("{state}; the watch fails: {error}"))
            }
        }
    });
    let waited = tokio::select! {
        result = met => result,
        _ = follow => return Err(Error::environment(format!("the watch for {what} ended"))),
    };
    match waited {
        Ok(()) => step.done(format!("{:.1} s", begun.elapsed().as_secs_f64())),
        // The time is over: what the watch has seen is judged.
        Err(error) if !error.is_interruption() && failing().is_none() => drop(step),
        Err(error) => return Err(error),
    }
    Ok(now())
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use sparkproof_base::testing::test_context;

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_refused_is_not_nothing_yet() {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                let status = json!({ "status": "Failure", "code": 403, "reason": "Forbidden",
                                     "message": "nodes is forbidden: User \"u\" cannot list" });
                let body = Body::from(serde_json::to_vec(&status).expect("json"));
                reply.send_response(Response::builder().status(403).body(body).expect("valid"));
            }
        });
        let (context, _keep) = test_context();
        let phase = context.recorder.phase("cluster");
        let api: Api<Node> = Api::all(Client::new(service, "n"));
        let missing = |nodes: &Nodes| nodes.missing(1);
        let looked = seen(&context, &phase, "nodes Ready", api, nodes, missing).await;
        let error = looked.expect_err("refused");
        let words = "0 of 1 nodes Ready; the watch fails: ";
        assert!(error.to_string().contains(words) && error.to_string().contains("cannot list"));
    }
}
