//! What runs left behind: removed by a sweep, compared by an inventory.

pub mod inventory;
mod leases;
mod look;
mod shared_cluster;
mod sweep;

pub use shared_cluster::{SharedCluster, sweep_cluster};
pub use sweep::{Doomed, SweepMode, Swept, sweep};
