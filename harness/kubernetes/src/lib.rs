//! Kubernetes: kind, Minikube and existing clusters, access to them, watches, and the removal of a
//! run's resources.

pub mod access;
pub mod cluster;
pub mod facts;
pub mod lease;
pub mod observe;
pub mod release;
pub mod removal;
