//! Observing pods: the watch with the timeline, the pod list, what a session leaves.

mod leftovers;
mod pod_list;
mod pods;

pub use leftovers::{LeftoverQuery, delete_leftovers, leftovers};
pub use pod_list::{pod_list, status, unscheduled};
pub use pods::{Lives, Pods};
