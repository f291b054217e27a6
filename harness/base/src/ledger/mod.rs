//! The ledger of a run: each resource is recorded before it is created, removed at the end, and
//! swept if the run was killed.

mod file;
mod handover;
pub mod labels;
mod resource;
mod run;
mod scope;
mod stale;

pub use resource::{OwnedResource, boot_id};

pub use run::Run;

pub use handover::HandedOver;

pub use scope::Scope;

pub use stale::{IdleRun, RunListing, StaleRun};
pub use stale::{any_of_user, owned_by};
