//! What a run owns: written down before it is created, given back when done, swept when the run
//! died.

mod file;
pub mod labels;
mod owned;
mod run;
mod stale;

pub use owned::{Owned, boot_id};

pub use run::{Run, Scope};

pub use stale::{IdleRun, Looked, StaleRun};
pub use stale::{any_of_user, owned_by};
