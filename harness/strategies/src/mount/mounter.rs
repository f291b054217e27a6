//! The FUSE daemons of one variant, on every node that executors can run on, in a separate
//! namespace: started, killed and restarted.

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::ledger::labels::KUBE_NOWHERE;
use sparkproof_base::wait::{Progress, Waiting, wait};
use sparkproof_catalog::Variant;
use sparkproof_kubernetes::cluster::InPod;
use sparkproof_kubernetes::observe::Pods;
use sparkproof_kubernetes::release::release;

use super::client::Client;
use super::objects::{CONTAINER, Daemons, namespace, secret};
use super::pods::{failure, is_ready, keeps_ending, state};
use crate::StrategyContext;

/// Seconds in which a daemon must mount.
const READY_SECONDS: u64 = 90;
/// Seconds in which daemons must be gone.
const GONE_SECONDS: u64 = 60;

/// Kills every process of this name, without `pkill`, which an image may lack.
const KILL: &str = r#"for p in /proc/[0-9]*; do
    if [ "$(cat "$p/comm" 2>/dev/null)" = "$1" ]; then kill -KILL "${p#/proc/}"; fi
done"#;

/// The daemons of a variant.
pub struct Mounter {
    api: kube::Client,
    owned: OwnedResource,
    name: String,
    client: Client,
    nodes: usize,
    pods: Pods,
}

impl Mounter {
    /// The daemons of a variant that mounts with this client.
    pub fn new(scene: StrategyContext<'_>, variant: &Variant, client: Client) -> Self {
        let cluster = &scene.environment.cluster;
        let name = scene.name(variant);
        Mounter {
            api: cluster.client.clone(),
            owned: OwnedResource::Namespace {
                kubeconfig: cluster.kubeconfig.clone(),
                context: cluster.context.clone(),
                name: name.clone(),
            },
            client,
            nodes: cluster.executor_nodes().len(),
            pods: Pods::watch(cluster.client.clone(), &name, None, scene.context.recorder.clone()),
            name,
        }
    }

    /// Starts them; returns when every node has its mount. A daemon that ends repeatedly is an
    /// error with its last output.
    pub(super) async fn start(&self, context: &Context, daemons: &Daemons<'_>) -> Result<()> {
        let what = || format!("starting {} on nodes", self.client.program());
        if context.run.owned().contains(&self.owned) {
            // The namespace of an earlier session may still be terminating.
            release(context, &self.owned).await?;
        }
        context.run.record(self.owned.clone())?;
        let params = PostParams::default();
        let made = async {
            let namespaces: Api<Namespace> = Api::all(self.api.clone());
            namespaces.create(&params, &namespace(daemons.run, &self.name)).await?;
            let secrets: Api<Secret> = Api::namespaced(self.api.clone(), &self.name);
            let keys = secret(daemons.run, &self.name, self.client, daemons.source);
            secrets.create(&params, &keys).await.map(drop)
        };
        context.cancel.guard(async { made.await.or_environment(what()) }).await?;
        let set = daemons.daemon_set()?;
        let created = async { self.sets().create(&params, &set).await.or_environment(what()) };
        context.cancel.guard(created).await?;
        self.ready(context).await
    }

    /// Kills every daemon and prevents its restart: dead mounts stay.
    pub async fn kill(&self, context: &Context) -> Result<()> {
        // The kubelet restarts it at once the first time, and after some 10 s the second time, when
        // its pod is gone. (Deleting the pod first would let the daemon unmount.)
        let what = format!("the end of {} on every node", self.client.program());
        let waiting = Waiting::up_to(GONE_SECONDS, what);
        wait(context, waiting, self.pods.changes(), async || {
            let pods = self.pods.now();
            let backing_off = pods.values().filter(|pod| keeps_ending(pod)).count();
            if backing_off == self.nodes {
                return Progress::Met(());
            }
            let alive = pods.iter().filter(|(_, pod)| is_ready(pod));
            let kills = alive.map(|(pod, _)| async move {
                // The command may end with its container: only the pods' state counts.
                let shell = ["sh", "-c", KILL, "sh", self.client.program()];
                let _ = self.inside(context, pod).run(&shell).await;
            });
            futures::future::join_all(kills).await;
            self.pods.not_yet(state(&pods, self.nodes))
        })
        .await?;
        self.withdraw(context).await
    }

    /// Removes the daemons from the nodes cleanly: each unmounts before it ends.
    pub async fn withdraw(&self, context: &Context) -> Result<()> {
        self.select(context, json!({ KUBE_NOWHERE: "true" })).await?;
        let waiting = Waiting::up_to(GONE_SECONDS, "the end of the mounters");
        wait(context, waiting, self.pods.changes(), async || match self.pods.now() {
            pods if pods.is_empty() => Progress::Met(()),
            pods => self.pods.not_yet(state(&pods, self.nodes)),
        })
        .await
    }

    /// Restarts them after [`Mounter::kill`] or [`Mounter::withdraw`]; returns when every node has
    /// its mount again.
    pub async fn put_back(&self, context: &Context) -> Result<()> {
        self.select(context, json!(null)).await?;
        self.ready(context).await
    }

    /// Ends them and deletes their namespace. The run's teardown waits for its end, which takes the
    /// cluster some seconds more (its controller first waits for 5 s).
    pub(super) async fn stop(&self, context: &Context) -> Result<()> {
        self.withdraw(context).await?;
        let namespaces: Api<Namespace> = Api::all(self.api.clone());
        let asked = async {
            match namespaces.delete(&self.name, &DeleteParams::background()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                asked => asked.map(drop).or_environment(format!("deleting {}", self.name)),
            }
        };
        context.cancel.guard(asked).await
    }

    fn sets(&self) -> Api<DaemonSet> {
        Api::namespaced(self.api.clone(), &self.name)
    }

    fn inside(&self, context: &Context, pod: &str) -> InPod {
        let api = Api::namespaced(self.api.clone(), &self.name);
        InPod::new(context, api, pod, CONTAINER)
    }

    /// Sets which nodes get a daemon.
    async fn select(&self, context: &Context, nodes: serde_json::Value) -> Result<()> {
        let patch = json!({ "spec": { "template": { "spec": { "nodeSelector": nodes } } } });
        let (params, sets) = (PatchParams::default(), self.sets());
        let patch = Patch::Merge(&patch);
        let patched = async {
            sets.patch(&self.name, &params, &patch).await.or_environment("moving a mounter")
        };
        context.cancel.guard(patched).await.map(drop)
    }

    async fn ready(&self, context: &Context) -> Result<()> {
        let what = format!("{} on {} node(s)", self.client.program(), self.nodes);
        let waiting = Waiting::up_to(READY_SECONDS, what);
        wait(context, waiting, self.pods.changes(), async || {
            let pods = self.pods.now();
            if pods.values().filter(|pod| is_ready(pod)).count() == self.nodes {
                return Progress::Met(());
            }
            match pods.values().find_map(|pod| failure(pod)) {
                Some(words) => Progress::Never(
                    Error::environment(format!("{} ended: {words}", self.client.program())).remedy(
                        "see its last output; docs/strategies/2-mount.md lists what it needs",
                    ),
                ),
                None => self.pods.not_yet(state(&pods, self.nodes)),
            }
        })
        .await
    }
}
