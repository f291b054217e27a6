//! Proves that Spark works on Kubernetes, for a given Spark, image, cluster, set of permissions and
//! way of reading files; and when it does not, says why. The map is in ARCHITECTURE.md.
//!
//! What scenarios are written with is named from here, whatever crate it is of.

pub mod cli;
pub mod doctor;

pub use sparkproof_base::{
    Context, Error, Exit, Result, context, deadlines, dirs, error, events, ledger, locks, name,
    verdict, wait,
};
pub use sparkproof_catalog as catalog;
pub use sparkproof_images as images;
pub use sparkproof_kubernetes::{access, cluster, lease, observe, release};
pub use sparkproof_machine::{engine, exec};
pub use sparkproof_report as report;
pub use sparkproof_spark::{diagnose, session};
pub use sparkproof_stores as store;
pub use sparkproof_strategies as read;
pub use sparkproof_suite::{checks, flow, reclaim};
pub use sparkproof_testbed as testbed;
