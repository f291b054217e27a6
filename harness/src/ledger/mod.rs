//! What a run owns: written down before it is created, given back when done, swept when the run
//! died.

pub mod labels;
mod owned;
mod run;

pub use owned::{Owned, boot_id};
#[cfg(test)]
pub(crate) use run::test_context;
pub use run::{Run, Scope, StaleRun};
