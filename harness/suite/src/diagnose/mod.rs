//! Diagnoses applications that somebody else runs, from their cluster or from files, without
//! touching them.

mod application;
mod cluster;
mod diagnosed;
mod event_log;
mod files;
mod material;
mod objects;
mod properties;
mod rest;
mod wanted;

pub use cluster::{ForeignCluster, of_cluster, role};
pub use diagnosed::{ApplicationState, Diagnosed, Unseen};
pub use event_log::{of_event_log, read_event_log};
pub use files::of_files;
pub use wanted::Wanted;
