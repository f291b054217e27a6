//! The base of all crates: errors and exit codes, directories, names, secrets, the event schema and
//! its recorder, cancellation, the one wait, the ledger, the frame of a check.

mod cancel;
pub mod context;
pub mod deadlines;
pub mod dirs;
pub mod error;
pub mod events;
pub mod ledger;
pub mod locks;
pub mod name;
mod run_id;
pub mod tar_stream;
#[doc(hidden)]
pub mod testing;
pub mod verdict;
pub mod wait;

pub use context::Context;
pub use error::{Error, Exit, Result};
pub use run_id::{RunId, RunLabel};
