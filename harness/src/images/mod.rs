//! Images as recipes with a content hash: pulled by digest or assembled from packages.

mod cache;
pub mod node;

pub use cache::{Cache, Key};
