//! Waits until a cluster is ready for user pods: nodes, DNS, storage, the default service account,
//! each with a watch.

use std::sync::Mutex;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};

use super::Cluster;

/// The provisioner of the default StorageClass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioner {
    /// The deployment `local-path-provisioner`, in kind and in assembled nodes.
    LocalPath,
    /// The pod `storage-provisioner`, Minikube's addon.
    Minikube,
}

/// Waits concurrently until every node is Ready, CoreDNS and the provisioner of the default
/// StorageClass are available and the default service account exists; at most 120 s each.
pub async fn wait_until_ready(
    context: &Context,
    phase: &PhaseGuard,
    cluster: &Cluster,
    provisioner: Provisioner,
) -> Result<()> {
    let client = &cluster.client;
    let nodes: Api<Node> = Api::all(client.clone());
    let dns: Api<Deployment> = Api::namespaced(client.clone(), "kube-system");
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let expected = cluster.node_containers.len();
    tokio::try_join!(
        seen(context, phase, "nodes Ready", nodes, move |nodes: &[Node]| {
            let ready = nodes.iter().filter(|n| node_ready(n)).count();
            (ready == expected, format!("{ready} of {expected} nodes Ready"))
        }),
        seen(
            context,
            phase,
            "default service account",
            accounts,
            |accounts: &[ServiceAccount]| {
                let there = accounts.iter().any(|a| a.metadata.name.as_deref() == Some("default"));
                (there, "no account named default".to_owned())
            }
        ),
        seen(context, phase, "DNS available", dns, |all: &[Deployment]| available(all, "coredns")),
        storage(context, phase, client, provisioner),
    )?;
    Ok(())
}

async fn storage(
    context: &Context,
    phase: &PhaseGuard,
    client: &Client,
    provisioner: Provisioner,
) -> Result<()> {
    let what = "storage available";
    match provisioner {
        Provisioner::LocalPath => {
            let api = Api::namespaced(client.clone(), "local-path-storage");
            seen(context, phase, what, api, |all: &[Deployment]| {
                available(all, "local-path-provisioner")
            })
            .await
        }
        Provisioner::Minikube => {
            let api = Api::namespaced(client.clone(), "kube-system");
            seen(context, phase, what, api, |all: &[Pod]| running(all, "storage-provisioner")).await
        }
    }
}

fn running(pods: &[Pod], name: &str) -> (bool, String) {
    let found = pods.iter().find(|pod| pod.metadata.name.as_deref() == Some(name));
    let state = found.and_then(|pod| pod.status.as_ref()?.phase.clone());
    let state = state.unwrap_or_else(|| "missing".to_owned());
    (state == "Running", format!("pod {name}: {state}"))
}

fn node_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

fn available(deployments: &[Deployment], name: &str) -> (bool, String) {
    let found = deployments.iter().find(|d| d.metadata.name.as_deref() == Some(name));
    let ready = found.and_then(|d| d.status.as_ref()?.available_replicas).unwrap_or(0);
    (ready > 0, format!("deployment {name}: {ready} replicas available"))
}

/// Waits with one watch of a kind; `look` gets all objects after each change.
async fn seen<K>(
    context: &Context,
    phase: &PhaseGuard,
    what: &str,
    api: Api<K>,
    condition: impl Fn(&[K]) -> (bool, String),
) -> Result<()>
where
    K: Resource + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
    K::DynamicType: Default + Clone + Eq + std::hash::Hash,
{
    let begun = Instant::now();
    let step = phase.step(what);
    let (reader, writer) = kube::runtime::reflector::store();
    let (changed, changes) = tokio::sync::watch::channel(0u64);
    let stream = watcher(api, watcher::Config::default()).default_backoff();
    let trouble = Mutex::new(None::<String>);
    let follow = kube::runtime::reflector(writer, stream)
        .inspect(|event| {
            let seen = match event {
                // The list has begun, but has no result yet.
                Ok(watcher::Event::Init) => None,
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
    let met = wait(context, waiting, Source::Changes(changes), async || {
        let all: Vec<K> = reader.state().iter().map(|k| (**k).clone()).collect();
        match condition(&all) {
            (true, _) => Progress::Met(()),
            (false, state) => match trouble.lock().ok().and_then(|trouble| trouble.clone()) {
                None => Progress::NotYet(state),
                Some(error) => Progress::NotYet(format!("{state}; the watch fails: {error}")),
            },
        }
    });
    tokio::select! {
        result = met => result?,
        _ = follow => return Err(Error::environment(format!("the watch for {what} ended"))),
    }
    step.done(format!("{:.1} s", begun.elapsed().as_secs_f64()));
    Ok(())
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
        let nodes: Api<Node> = Api::all(Client::new(service, "n"));
        let ready = |nodes: &[Node]| (!nodes.is_empty(), "0 of 1 nodes Ready".to_owned());
        let error = seen(&context, &phase, "nodes Ready", nodes, ready).await.expect_err("refused");
        let words = "0 of 1 nodes Ready; the watch fails: ";
        assert!(error.to_string().contains(words) && error.to_string().contains("cannot list"));
    }
}
