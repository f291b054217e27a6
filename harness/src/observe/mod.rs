//! Seeing and waiting: the one wait primitive, watches, the timeline, the pod list.

mod pods;
mod wait;

pub use pods::Pods;
pub use wait::{Progress, Source, Waiting, wait};
