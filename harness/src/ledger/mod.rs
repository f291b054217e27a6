//! What a run owns: written down before it is created, given back when done, swept when the run
//! died.

mod give_back;
pub mod labels;
mod owned;
mod run;

pub use give_back::give_back;
pub use owned::{Owned, boot_id};
#[cfg(test)]
pub(crate) use run::test_context;
pub use run::{Run, Scope, StaleRun};
