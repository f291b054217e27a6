//! Clusters: created with kind, or the user's own.

use std::net::IpAddr;
use std::path::PathBuf;

/// A cluster that is ready: all that later stages may use of it.
#[derive(Clone)]
pub struct Cluster {
    /// Its name, as `kind get clusters` would show it, or the context of an existing one.
    pub name: String,
    /// Who made it.
    pub provider: Provider,
    /// A kubeconfig that reaches it with the rights to set up a proof. In the state directory, or
    /// the user's own for an existing cluster.
    pub kubeconfig: PathBuf,
    /// The kubeconfig's context; `None` for the current one.
    pub context: Option<String>,
    /// A client with that kubeconfig.
    pub client: kube::Client,
    /// API server as seen from this host, e.g. `https://127.0.0.1:41233`.
    pub server: String,
    /// Address of this host as pods see it: the driver's address.
    pub host_address: IpAddr,
    /// Node containers that images are loaded into; empty for an existing cluster.
    pub node_containers: Vec<String>,
}

/// Who made a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// kind, by us.
    Kind,
    /// The user.
    Existing,
}
