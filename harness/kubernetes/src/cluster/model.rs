//! A cluster, as later stages use it.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;

use super::Via;

/// Suffix of kind's control plane containers.
const CONTROL_PLANE: &str = "-control-plane";

/// The creator of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// sparkproof, with kind.
    Kind,
    /// sparkproof, with Minikube.
    Minikube,
    /// The user.
    Existing,
}

/// A ready cluster, in a form that can be passed to another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Its name, as `kind get clusters` or `minikube profile list` would show it, or the context of
    /// an existing one.
    pub name: String,
    /// Its creator.
    pub provider: Provider,
    /// A kubeconfig with enough permissions to set up sessions: in the state directory, or the
    /// user's for an existing cluster.
    pub kubeconfig: PathBuf,
    /// The kubeconfig's context; `None` for the current one.
    pub context: Option<String>,
    /// URL of the API server from this host, e.g. `https://127.0.0.1:41233`.
    pub server: String,
    /// Kubernetes version of the API server.
    pub kubernetes_version: String,
    /// Address of this host for pods: the driver's address.
    pub host_address: IpAddr,
    /// Node containers that images are loaded into; empty for an existing cluster.
    pub node_containers: Vec<String>,
}

impl ClusterRecord {
    /// How this host reaches its API server.
    pub fn via(&self) -> Via {
        match self.provider {
            Provider::Kind | Provider::Minikube => Via::Direct,
            Provider::Existing => Via::AsKubectl,
        }
    }

    /// The node container with the API server: `<cluster>-control-plane` in kind; in Minikube it
    /// has the cluster's name.
    pub fn control_plane(&self) -> Option<&str> {
        let serves = |node: &&String| match self.provider {
            Provider::Kind => node.ends_with(CONTROL_PLANE),
            Provider::Minikube => **node == self.name,
            Provider::Existing => false,
        };
        self.node_containers.iter().find(serves).map(String::as_str)
    }

    /// Node containers on which executors can run. With workers kind keeps kubeadm's taint on the
    /// control plane, Minikube removes it.
    pub fn executor_nodes(&self) -> Vec<String> {
        if self.provider == Provider::Minikube {
            return self.node_containers.clone();
        }
        let workers = self.node_containers.iter().filter(|n| !n.ends_with(CONTROL_PLANE));
        let workers: Vec<String> = workers.cloned().collect();
        if workers.is_empty() { self.node_containers.clone() } else { workers }
    }
}

/// A cluster with a client.
#[derive(Clone)]
pub struct Cluster {
    /// The cluster.
    pub record: ClusterRecord,
    /// A client for its kubeconfig.
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
    /// Connects to a cluster that another process of sparkproof created.
    pub async fn reopen(context: &Context, record: ClusterRecord) -> Result<Self> {
        let client =
            super::client_of(&record.kubeconfig, record.context.as_deref(), record.via()).await?;
        let named = (record.kubeconfig.as_path(), record.context.as_deref());
        super::connect::answers(context, &client, named, record.via()).await?;
        Ok(Cluster { record, client })
    }
}

/// A cluster for tests, with this client and a kubeconfig in this directory.
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
