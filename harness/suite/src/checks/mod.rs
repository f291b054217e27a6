//! The checks of the suite, one file a topic. A check returns evidence; its verdict is recorded.

mod application;
mod decommission;
mod dynamic_allocation;
mod executors;
pub mod features;
mod fuse;
mod looks;
mod min_version;
mod pods;
pub mod read;
mod reading_suite;
mod restricted;
mod suite;
mod tally;
mod teardown;

pub use application::{
    ApplicationFeature, DEPENDENCY_KEYS, ON_JVM, ON_PYTHON, ON_STATEFUL_SET, application,
    application_executors, application_features, run_application_suite, run_dependency_suite,
    run_isolation_suite, run_stateful_set_suite, said,
};
pub use decommission::{
    blocks_spread, decommissioned, decommissions, due_are_rolled, given_back,
    run_decommission_suite, run_decommission_timeout_suite, run_roll_suite, run_scale_down_suite,
    scaled_down, scales_down, timed_out,
};
pub use dynamic_allocation::{come, go, nothing_refused, run_dynamic_allocation_suite};
pub use executors::{barrier, lose_an_executor, replaced};
pub use features::run_feature_suite;
pub use fuse::fuse_privileges;
pub use pods::{owned_by_driver, pod_list};
pub use reading_suite::run_reading_suite;
pub use restricted::restricted;
pub use suite::run_suite;
pub use tally::tally;
pub use teardown::{
    executors_stay_after_kill, let_go, namespace_gone, namespaces_gone, nothing_left,
};
