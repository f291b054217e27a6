//! Images as recipes with a content hash, and how a node gets them.

mod archive;
mod cache;
mod cache_size;
mod containerd;
mod debian;
mod docker_build;
mod embedded;
mod entry;
mod golang;
mod load;
pub mod node;
pub mod spark;
pub mod store;
mod tree;

pub use cache::{Cache, Key};
pub use cache_size::{CacheEntry, entries, prune};
pub use debian::debian_layer;
pub use entry::Entry;
pub use load::{Loaded, load};
