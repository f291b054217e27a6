//! Objects that stand in a session's way, for scenarios that make a fault for real.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{
    DeleteParams, DynamicObject, EvictParams, ListParams, Patch, PatchParams, PostParams,
};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_kubernetes::observe::Pods;

use crate::{PreparedSession, ScenarioContext};

/// How long the API server may take to heed a policy or a webhook.
const HEEDED: u64 = 60;

/// Makes, changes and removes objects in and around a session's namespace, before and while it starts.
///
/// All of them end with the namespace, which the ledger knows: an object that is not in it has the
/// namespace as its owner, so that Kubernetes' garbage collector deletes it when the namespace is gone.
#[derive(Clone)]
pub struct Obstacles {
    context: Context,
    client: kube::Client,
    namespace: String,
    image: String,
    pods: Pods,
}

impl std::fmt::Debug for Obstacles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Obstacles in {}", self.namespace)
    }
}

impl PreparedSession<'_> {
    /// What stands in its way. The value can be used while the session starts.
    pub fn obstacles(&self) -> Obstacles {
        let environment = &self.proof().environment;
        Obstacles {
            context: self.proof().context.clone(),
            client: environment.cluster.client.clone(),
            namespace: self.access().namespace.clone(),
            image: environment.image.reference.clone(),
            pods: self.pods().clone(),
        }
    }

    /// Changes the driver's kubeconfig: a server, a token or an authority that is wrong.
    ///
    /// # Errors
    /// Bad input: the kubeconfig is the user's, not one of this session.
    pub fn change_kubeconfig(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let access = self.access();
        if access.credentials.is_none() {
            return Err(Error::input("the driver's kubeconfig is the user's"));
        }
        let text = fs_err::read_to_string(&access.driver_kubeconfig);
        let text = text.or_environment("reading the driver's kubeconfig")?;
        let mut config = serde_json::from_str(&text).or_internal("the driver's kubeconfig")?;
        change(&mut config);
        sparkproof_base::dirs::private_file(
            &access.driver_kubeconfig,
            config.to_string().as_bytes(),
        )
    }
}

impl ScenarioContext {
    /// Name and address of a node on which executors run.
    pub async fn executor_node(&self) -> Result<(String, String)> {
        let nodes: Api<Node> = Api::all(self.client().clone());
        let nodes = nodes.list(&ListParams::default()).await.or_environment("listing nodes")?;
        let wanted = self.environment.cluster.executor_nodes();
        let node = nodes.items.iter().find(|node| wanted.contains(&node.name_any()));
        let node = node.or(nodes.items.first());
        let node = node.ok_or_else(|| Error::environment("the cluster has no node"))?;
        let addresses = node.status.iter().flat_map(|s| s.addresses.iter().flatten());
        let address = addresses.clone().find(|a| a.type_ == "InternalIP");
        let address = address.ok_or_else(|| Error::environment("the node has no address"))?;
        Ok((node.name_any(), address.address.clone()))
    }
}

impl Obstacles {
    /// The objects of YAML documents, which are separated by lines of `---`.
    ///
    /// # Errors
    /// Internal: a document is no object.
    pub fn parsed(yaml: &str) -> Result<Vec<DynamicObject>> {
        let documents = yaml.split("\n---\n").map(|document| {
            let value: Value =
                serde_saphyr::from_str(document).or_internal("an obstacle's YAML")?;
            serde_json::from_value(value).or_internal("an obstacle")
        });
        documents.collect()
    }

    /// Creates the objects of these YAML documents. One that exists is changed: the document is
    /// merged into it.
    pub async fn put(&self, yaml: &str) -> Result<()> {
        for object in Self::parsed(yaml)? {
            self.context.cancel.guard(self.put_one(object)).await?;
        }
        Ok(())
    }

    async fn put_one(&self, object: DynamicObject) -> Result<()> {
        let (api, scope) = self.api(&object).await?;
        let (name, mut made) = (object.name_any(), object.clone());
        made.labels_mut().extend(labels::kube(self.context.run.id(), labels::Lifetime::Run));
        if scope == Scope::Cluster && name != self.namespace {
            made.owner_references_mut().push(self.owner().await?);
        }
        let what = || format!("making {}", called(&object));
        match api.create(&PostParams::default(), &made).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let (params, merged) = (PatchParams::default(), Patch::Merge(&object));
                api.patch(&name, &params, &merged).await.map(drop).or_environment(what())
            }
            made => made.map(drop).or_environment(what()),
        }
    }

    /// Deletes the objects of these YAML documents, if they exist.
    pub async fn remove(&self, yaml: &str) -> Result<()> {
        for object in Self::parsed(yaml)? {
            let removed = async {
                let (api, _) = self.api(&object).await?;
                match api.delete(&object.name_any(), &DeleteParams::default()).await {
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                    gone => gone.map(drop).or_environment(format!("removing {}", called(&object))),
                }
            };
            self.context.cancel.guard(removed).await?;
        }
        Ok(())
    }

    /// Removes a node without a kubelet, also after an interruption: the executors that are on it would
    /// stay, and with them the namespace, as long as the cluster does.
    pub async fn take_away(&self, node: &str) -> Result<()> {
        let last = Obstacles { context: self.context.for_teardown(), ..self.clone() };
        last.drop_executors().await?;
        last.remove(node).await
    }

    /// Deletes all executors at once, without a word to a kubelet.
    pub async fn drop_executors(&self) -> Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let (now, all) = (DeleteParams::default().grace_period(0), ListParams::default());
        let all = all.labels("spark-role=executor");
        let deleted = self.context.cancel.guard(async {
            api.delete_collection(&now, &all).await.or_environment("deleting executors")
        });
        deleted.await.map(drop)
    }

    /// Waits until the API server refuses an ordinary pod with these words. It heeds a new policy or
    /// webhook with a delay.
    pub async fn until_refused(&self, words: &str) -> Result<()> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let pod = json!({
            "metadata": { "name": "ordinary" },
            "spec": { "containers": [{ "name": "ordinary", "image": self.image }] },
        });
        let pod: Pod = serde_json::from_value(pod).or_internal("a pod")?;
        let dry = PostParams { dry_run: true, ..Default::default() };
        let waiting = Waiting::up_to(HEEDED, format!("the API server to refuse pods: {words}"));
        // Polled: nothing can be watched that says when it is heeded.
        wait(&self.context, waiting, Source::Backoff, async || match api.create(&dry, &pod).await {
            Ok(_) => Progress::NotYet("it accepts them".to_owned()),
            Err(error) if error.to_string().contains(words) => Progress::Met(()),
            Err(error) => Progress::NotYet(error.to_string()),
        })
        .await
    }

    /// Waits until a pod of this name runs.
    pub async fn until_running(&self, name: &str) -> Result<()> {
        let waiting = Waiting::up_to(HEEDED, format!("the pod {name} to run"));
        wait(&self.context, waiting, self.pods.changes(), async || {
            match self.pods.get(name).and_then(|pod| pod.status.clone()?.phase) {
                Some(phase) if phase == "Running" => Progress::Met(()),
                phase => self.pods.not_yet(phase.unwrap_or_default()),
            }
        })
        .await
    }

    /// Waits until an executor is on a node.
    pub async fn until_placed(&self) -> Result<()> {
        let deadline = Duration::from_secs(10 * HEEDED);
        let waiting = Waiting { what: "an executor on a node".to_owned(), deadline };
        wait(&self.context, waiting, self.pods.changes(), async || {
            let placed = |pod: &Pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some());
            match self.pods.now().values().any(|pod| is_executor(pod) && placed(pod)) {
                true => Progress::Met(()),
                false => self.pods.not_yet("none"),
            }
        })
        .await
    }

    /// Evicts each executor that runs, as `kubectl drain` does, until the caller drops this.
    pub async fn evict_all(&self) -> Result<Infallible> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let deadline = Duration::from_secs(10 * HEEDED);
        let waiting = Waiting { what: "the end of the evictions".to_owned(), deadline };
        let mut evicted = BTreeSet::new();
        wait(&self.context, waiting, self.pods.changes(), async || {
            for (name, pod) in self.pods.now() {
                let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
                if !is_executor(&pod) || phase != Some("Running") || evicted.contains(&name) {
                    continue;
                }
                match api.evict(&name, &EvictParams::default()).await {
                    // Spark may delete it at the same time.
                    Ok(_) => drop(evicted.insert(name)),
                    Err(kube::Error::Api(status)) if status.code == 404 => {
                        evicted.insert(name);
                    }
                    Err(error) => {
                        let what = format!("evicting {name}");
                        return Progress::Never(Error::environment(what).with_source(error));
                    }
                }
            }
            self.pods.not_yet(format!("{} evicted", evicted.len()))
        })
        .await
    }

    /// The API of an object's kind, and whether its objects are in namespaces.
    async fn api(&self, object: &DynamicObject) -> Result<(Api<DynamicObject>, Scope)> {
        let types = object.types.clone().ok_or_else(|| Error::internal("an object has no kind"))?;
        let kind = GroupVersionKind::try_from(&types).or_internal("an object's kind")?;
        let found = pinned_kind(&self.client, &kind).await;
        let (resource, capabilities) = found.or_environment(format!("the kind {}", kind.kind))?;
        let client = self.client.clone();
        let api = match capabilities.scope {
            Scope::Cluster => Api::all_with(client, &resource),
            Scope::Namespaced => Api::namespaced_with(client, &self.namespace, &resource),
        };
        Ok((api, capabilities.scope))
    }

    /// The namespace, as an owner.
    async fn owner(&self) -> Result<OwnerReference> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let namespace = api.get(&self.namespace).await.or_environment("reading the namespace")?;
        Ok(OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            name: self.namespace.clone(),
            uid: namespace.uid().unwrap_or_default(),
            ..Default::default()
        })
    }
}

fn is_executor(pod: &Pod) -> bool {
    pod.labels().get("spark-role").is_some_and(|role| role == "executor")
}

fn called(object: &DynamicObject) -> String {
    let kind = object.types.as_ref().map_or("object", |types| &types.kind);
    format!("{kind} {}", object.name_any())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers each request of the teardown, and says which they were.
    #[tokio::test]
    async fn a_node_is_taken_away_after_an_interruption_too() {
        use http::{Request, Response};
        use kube::client::Body;
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Some((request, reply)) = handle.next_request().await {
                let path = request.uri().path().to_owned();
                let answer = match (request.method().as_str(), &*path) {
                    ("DELETE", path) => {
                        noted.lock().expect("noted").push(path.to_owned());
                        json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" })
                    }
                    (_, "/api/v1") => json!({ "kind": "APIResourceList", "apiVersion": "v1",
                        "groupVersion": "v1", "resources": [{ "name": "nodes", "singularName": "node",
                            "namespaced": false, "kind": "Node", "verbs": ["delete"] }] }),
                    _ => json!({ "kind": "PodList", "apiVersion": "v1", "items": [],
                                 "metadata": { "resourceVersion": "1" } }),
                };
                let body = Body::from(answer.to_string().into_bytes());
                reply.send_response(Response::new(body));
            }
        });
        let (context, _keep) = sparkproof_base::testing::test_context();
        let client = kube::Client::new(service, "n");
        let pods = Pods::watch(client.clone(), "n", None, context.recorder.clone());
        context.cancel.cancel(sparkproof_base::error::Exit::Interrupt);
        let obstacles =
            Obstacles { context, client, namespace: "n".into(), image: String::new(), pods };
        let node = "apiVersion: v1\nkind: Node\nmetadata: {name: spare}\n";
        assert!(obstacles.remove(node).await.is_err(), "interrupted");
        obstacles.take_away(node).await.expect("taken away");
        let seen = seen.lock().expect("seen").clone();
        assert_eq!(seen, ["/api/v1/namespaces/n/pods", "/api/v1/nodes/spare"]);
    }

    #[test]
    fn documents_are_objects() {
        let yaml = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\n\
                    spec: {hard: {pods: 1}}\n---\n\
                    apiVersion: v1\nkind: Node\nmetadata: {name: spare}\n";
        let objects = Obstacles::parsed(yaml).expect("two");
        let names: Vec<String> = objects.iter().map(called).collect();
        assert_eq!(names, ["ResourceQuota q", "Node spare"]);
        assert_eq!(objects[0].data["spec"]["hard"]["pods"], 1);
        assert!(Obstacles::parsed("kind: [").is_err());
    }
}
