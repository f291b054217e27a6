//! What scenarios are written with, named from here, whatever crate it is of: [`flow::scenario`] is
//! the frame, [`testbed::ScenarioContext::session`] makes sessions of Spark on Kubernetes, and
//! [`checks`] says of them what holds, or why it does not. `examples/own-scenarios` is a repository
//! that does so.
//!
//! The cluster, its image and its permissions are those that `sparkproof exec -- cargo nextest run`
//! holds. With the feature `report` each scenario also writes a report of its own.

pub use sparkproof_base::{
    Context, Error, Exit, Result, RunId, context, deadlines, dirs, error, events, ledger, locks,
    name, verdict, wait,
};
pub use sparkproof_catalog as catalog;
pub use sparkproof_images as images;
pub use sparkproof_kubernetes::{access, cluster, lease, observe, release};
pub use sparkproof_machine::{engine, exec};
#[cfg(feature = "report")]
pub use sparkproof_report as report;
pub use sparkproof_spark::{diagnose, session};
pub use sparkproof_stores as store;
pub use sparkproof_strategies as read;
pub use sparkproof_suite::{checks, flow, reclaim};
pub use sparkproof_testbed as testbed;
