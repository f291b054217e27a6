//! Seeing and waiting: the one wait primitive, watches, the timeline, the pod list.

mod leftovers;
mod pod_list;
mod pods;

pub use leftovers::{LeftoverQuery, Leftovers};
pub use pod_list::{PodList, Row, status, unscheduled};
pub use pods::Pods;
