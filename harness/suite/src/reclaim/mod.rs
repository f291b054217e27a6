//! Leftovers of runs: removed by a sweep, found by comparing inventories.

pub mod inventory;
mod leases;
mod presence;
mod shared_cluster;
mod sweep;

pub use shared_cluster::{SharedCluster, sweep_cluster};
pub use sweep::{Doomed, SweepMode, Swept, sweep};
