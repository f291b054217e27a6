//! The prerequisites of a run on this machine: examined, explained, and installed with `--yes`.

mod examine;
mod finding;
mod host;
mod needs;
mod tools;

pub use examine::{examine, install};
pub use finding::Finding;
