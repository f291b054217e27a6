//! Clusters: created with kind or Minikube, or the user's.

mod connect;
mod existing;
mod expiry;
mod in_pod;
mod kind;
mod kind_config;
mod minikube;
mod minikube_start;
mod model;
mod network;
mod proxy;
mod ready;

pub use connect::{answers, client_of, cluster_of, proxy_towards};
pub use existing::open as open_existing;
pub use in_pod::{Attached, ExitCode, InPod};
pub use kind::{KindRequest, create};
pub use minikube::{MinikubeRequest, accept_profile, create as create_minikube, provisioner};
#[doc(hidden)]
pub use model::test_cluster;
pub use model::{Cluster, ClusterRecord, Provider};
pub use network::server_on_network;
pub use proxy::PROXY_VARIABLES;
pub use proxy::Via;
pub use ready::{Provisioner, readiness};
