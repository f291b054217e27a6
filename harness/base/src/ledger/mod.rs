//! What a run owns: written down before it is created, removed when done, swept when the run
//! died.

mod file;
pub mod labels;
mod resource;
mod run;
mod scope;
mod stale;

pub use resource::{OwnedResource, boot_id};

pub use run::Run;

pub use scope::Scope;

pub use stale::{IdleRun, Looked, StaleRun};
pub use stale::{any_of_user, owned_by};
