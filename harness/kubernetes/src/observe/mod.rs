//! Seeing and waiting: the one wait primitive, watches, the timeline, the pod list.

mod holdings;
mod pod_list;
mod pods;

pub use holdings::{Holdings, Look};
pub use pod_list::{PodList, Row, status, unscheduled};
pub use pods::Pods;
