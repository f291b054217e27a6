//! Seeing and waiting: the one wait primitive, watches, the timeline, the pod list.

mod leftovers;
mod pod_list;
mod pods;

pub use leftovers::{LeftoverQuery, delete_leftovers, leftovers};
pub use pod_list::{pod_list, status, unscheduled};
pub use pods::Pods;
