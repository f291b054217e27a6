//! What later stages may use of a cluster.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;

use super::Via;

/// What kind ends the names of control planes with.
const CONTROL_PLANE: &str = "-control-plane";

/// Who made a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// kind, by us.
    Kind,
    /// Minikube, by us.
    Minikube,
    /// The user.
    Existing,
}

/// A cluster that is ready, as it can be handed to another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Its name, as `kind get clusters` or `minikube profile list` would show it, or the context of an existing one.
    pub name: String,
    /// Who made it.
    pub provider: Provider,
    /// A kubeconfig that reaches it with the rights to set up a proof. In the state directory, or
    /// the user's own for an existing cluster.
    pub kubeconfig: PathBuf,
    /// The kubeconfig's context; `None` for the current one.
    pub context: Option<String>,
    /// API server as seen from this host, e.g. `https://127.0.0.1:41233`.
    pub server: String,
    /// Kubernetes version of the API server.
    pub kubernetes_version: String,
    /// Address of this host as pods see it: the driver's address.
    pub host_address: IpAddr,
    /// Node containers that images are loaded into; empty for an existing cluster.
    pub node_containers: Vec<String>,
}

impl ClusterRecord {
    /// How its API server is reached.
    pub fn via(&self) -> Via {
        match self.provider {
            Provider::Kind | Provider::Minikube => Via::Direct,
            Provider::Existing => Via::AsKubectl,
        }
    }

    /// The node container that serves the API: kind names it `<cluster>-control-plane`, Minikube as
    /// the cluster.
    pub fn control_plane(&self) -> Option<&str> {
        let serves = |node: &&String| match self.provider {
            Provider::Kind => node.ends_with(CONTROL_PLANE),
            Provider::Minikube => **node == self.name,
            Provider::Existing => false,
        };
        self.node_containers.iter().find(serves).map(String::as_str)
    }

    /// Node containers on which executors can run: of kind the workers where there are any, since
    /// it leaves kubeadm's taint on the control plane then, which Minikube takes away.
    pub fn executor_nodes(&self) -> Vec<String> {
        if self.provider == Provider::Minikube {
            return self.node_containers.clone();
        }
        let workers = self.node_containers.iter().filter(|n| !n.ends_with(CONTROL_PLANE));
        let workers: Vec<String> = workers.cloned().collect();
        if workers.is_empty() { self.node_containers.clone() } else { workers }
    }
}

/// A cluster and a client for it.
#[derive(Clone)]
pub struct Cluster {
    /// What is known of it.
    pub record: ClusterRecord,
    /// A client with its kubeconfig.
    pub client: kube::Client,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.record.fmt(f)
    }
}

impl std::ops::Deref for Cluster {
    type Target = ClusterRecord;
    fn deref(&self) -> &ClusterRecord {
        &self.record
    }
}

impl Cluster {
    /// Connects to a cluster that another process of ours made.
    pub async fn reopen(context: &Context, record: ClusterRecord) -> Result<Self> {
        let client =
            super::client_of(&record.kubeconfig, record.context.as_deref(), record.via()).await?;
        let named = (record.kubeconfig.as_path(), record.context.as_deref());
        super::connect::answers(context, &client, named, record.via()).await?;
        Ok(Cluster { record, client })
    }
}

/// A cluster of tests, whose API server is what the client asks; its kubeconfig is in this directory.
#[doc(hidden)]
pub fn test_cluster(dir: &std::path::Path, client: kube::Client) -> Cluster {
    let server = "https://127.0.0.1:1";
    let admin = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": { "server": server } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }], "users": [],
    });
    let kubeconfig = dir.join("admin-kubeconfig");
    std::fs::write(&kubeconfig, admin.to_string()).expect("written");
    let record = ClusterRecord {
        name: "c".into(),
        provider: Provider::Kind,
        kubeconfig,
        context: None,
        server: server.into(),
        kubernetes_version: "v1.34.0".into(),
        host_address: [127, 0, 0, 1].into(),
        node_containers: Vec::new(),
    };
    Cluster { record, client }
}
