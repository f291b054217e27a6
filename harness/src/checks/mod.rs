//! The suite: one file a topic. A check returns evidence; its verdict is recorded.

mod access;
mod check;
mod executors;
mod first_red;
mod fuse;
mod image_tool;
mod pods;
pub mod read;
mod reading_suite;
mod session;
mod suite;
mod tally;
mod teardown;

pub use access::can_i;
pub use check::{Findings, check, skip};
pub use executors::{barrier, lose_an_executor, replaced};
pub use first_red::FirstRed;
pub use fuse::fuse_privileges;
pub(crate) use image_tool::image_tool;
pub use pods::pod_list;
pub use reading_suite::run_reading_suite;
pub use session::started;
pub use suite::run_suite;
pub use tally::tally;
pub use teardown::{executors_stay_after_kill, namespace_gone, nothing_left};
