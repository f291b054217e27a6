//! Clusters: created with kind, or the user's own.

mod connect;
mod existing;
mod kind;
mod kind_config;
mod model;
mod ready;

pub use connect::client_of;
pub(crate) use connect::cluster_of;
pub use existing::open as open_existing;
pub use kind::{KindRequest, create, server_on_network};
pub use model::{Cluster, ClusterRecord, Provider};
pub use ready::wait_until_ready;
