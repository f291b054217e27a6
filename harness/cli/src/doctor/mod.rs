//! What a proof needs of this machine: looked at, explained, and installed when asked to.

mod examine;
mod finding;
mod host;
mod needs;
mod tools;

pub use examine::{examine, install};
pub use finding::Finding;
