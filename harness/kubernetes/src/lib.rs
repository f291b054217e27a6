//! Kubernetes: clusters of kind and Minikube and existing ones, access to them, watches, and the
//! removal of what a run made.

pub mod access;
pub mod cluster;
pub mod lease;
pub mod observe;
pub mod release;
pub mod removal;
