//! This machine: processes, mounts, the container engine and its objects.

pub mod address;
pub mod docker;
pub mod engine;
pub mod exec;
pub mod http;
pub mod minikube_profile;
pub mod mounts;
pub mod node_path;
