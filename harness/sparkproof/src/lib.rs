//! The library for scenarios; it re-exports names of the other crates. [`flow::scenario`] is the frame
//! of a scenario, [`testbed::ScenarioContext::session`] builds sessions of Spark on Kubernetes, and
//! [`checks`] checks them. `examples/own-scenarios` is a repository with its own scenarios.
//!
//! Scenarios run on the environment of `sparkproof exec -- cargo nextest run`. With the feature `report`
//! each scenario also writes its own report.

pub use sparkproof_base::{
    Context, Error, Exit, Result, RunId, context, deadlines, dirs, error, events, ledger, locks,
    name, verdict, wait,
};
pub use sparkproof_catalog as catalog;
pub use sparkproof_images as images;
pub use sparkproof_judge as judge;
pub use sparkproof_kubernetes::{access, cluster, lease, observe, release};
pub use sparkproof_machine::{engine, exec};
#[cfg(feature = "report")]
pub use sparkproof_report as report;
pub use sparkproof_spark::session;
pub use sparkproof_stores as store;
pub use sparkproof_strategies as read;
pub use sparkproof_suite::{checks, diagnose, flow, reclaim};
pub use sparkproof_testbed as testbed;
