//! Proves that Spark works on Kubernetes, for a given Spark, image, cluster, set of permissions and
//! way of reading files; and when it does not, says why. The map is in ARCHITECTURE.md.

pub mod access;
pub mod catalog;
pub mod checks;
pub mod cli;
pub mod cluster;
pub mod context;
pub mod deadlines;
pub mod diagnose;
pub mod dirs;
pub mod docker;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod events;
pub mod exec;
pub mod flow;
pub mod images;
pub mod lease;
pub mod ledger;
pub mod locks;
pub mod minikube_profile;
pub mod mounts;
pub mod name;
pub mod node_path;
pub mod observe;
pub mod read;
pub mod reclaim;
pub mod release;
pub mod removal;
pub mod report;
pub mod session;
pub mod store;
pub mod tar_stream;
pub mod testbed;
pub mod verdict;
pub mod wait;

pub use context::Context;
pub use error::{Error, Exit, Result};
