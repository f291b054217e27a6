//! Proves that Spark works on Kubernetes, for a given Spark, image, cluster, set of permissions and
//! way of reading files; and when it does not, says why. The map is in ARCHITECTURE.md.

pub mod access;
pub mod checks;
pub mod cli;
pub mod cluster;
pub mod context;
pub mod deadlines;
pub mod diagnose;
pub mod dirs;
pub mod doctor;
pub mod engine;
pub mod error;
pub mod events;
pub mod exec;
pub mod images;
pub mod ledger;
pub mod measure;
pub mod name;
pub mod observe;
mod packing;
pub mod pages;
pub mod plan;
pub mod proof;
pub mod read;
pub mod report;
pub mod session;
pub mod store;

pub use context::Context;
pub use error::{Error, Exit, Result};
