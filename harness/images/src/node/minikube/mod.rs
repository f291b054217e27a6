//! Minikube: its binary, and the base image that its nodes are made of. Downloaded where they can
//! be, else built from its Go module and assembled over the kind node image.

mod binary;
mod image;

pub use binary::minikube_binary;
pub use image::{MinikubeImage, minikube_image};
