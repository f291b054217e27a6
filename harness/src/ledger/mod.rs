//! What a run owns: written down before it is created, given back when done, swept when the run
//! died.

mod docker;
mod file;
mod give_back;
pub mod inventory;
mod kubernetes;
mod labelled;
pub mod labels;
mod lease;
mod leases;
mod look;
mod minikube;
mod mounts;
mod nodes;
mod owned;
mod processes;
mod run;
mod shared_cluster;
mod stale;
mod sweep;

pub(crate) use docker::kind_nodes;
pub use give_back::give_back;
use give_back::release;
pub use lease::Lease;
pub(crate) use minikube::{
    HOME as MINIKUBE_HOME, nodes as minikube_nodes,
    storage_and_network as minikube_storage_and_network,
};
pub use mounts::{mounts, unmount_in};
pub use owned::{Owned, boot_id};
pub use processes::end_strays;
#[cfg(test)]
pub(crate) use run::test_context;
pub use run::{Run, Scope};
pub use shared_cluster::{SharedCluster, sweep_cluster};
pub(crate) use stale::any_of_user;
pub use stale::{IdleRun, Looked, StaleRun};
pub use sweep::{Doomed, SweepMode, Swept, sweep};
