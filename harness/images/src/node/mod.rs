//! The node image of a kind cluster, and Minikube's base image on top of it: pulled by digest if a
//! registry answers, else assembled from packages: a Debian root file system by debootstrap,
//! Kubernetes and its helpers from Go modules, kind's base files from kind's module.

mod build;
mod components;
mod gomod;
mod inputs;
mod load;
mod minikube;
mod oci;
mod packages;
mod published;
mod rootfs;
mod stage;

pub use build::{NodeImage, build_node_image, kind_binary};
pub use inputs::go_version;
pub use minikube::{MinikubeImage, minikube_binary, minikube_image};
