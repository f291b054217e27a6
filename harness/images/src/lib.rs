//! Images: recipes with a content hash, and loading and pushing them.

mod archive;
mod cache;
mod cache_size;
mod config;
mod containerd;
mod credentials;
mod debian;
mod docker_build;
mod embedded;
mod entry;
mod fuse;
mod golang;
mod layer;
mod load;
pub mod maven;
pub mod node;
mod pip;
mod push;
mod saved;
pub mod spark;
pub mod store;
mod tree;

pub use archive::Saved;
pub use cache::{Cache, InUse, Key};
pub use cache_size::{CacheEntry, Pruned, entries, prune};
pub use containerd::remove_image;
pub use debian::debian_layer;
pub use entry::Entry;
pub use fuse::fuse_layers;
pub use layer::Layer;
pub use load::{Loaded, load, load_layered};
pub use push::push;
