//! Applications in cluster mode, whose driver runs in a pod.

pub(crate) mod dependencies;
pub(crate) mod ended;
pub(crate) mod executors;
pub(crate) mod features;
pub(crate) mod isolation;
pub(crate) mod object;
pub(crate) mod stateful_set;
pub(crate) mod submitted;
