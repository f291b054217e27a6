//! Child processes: each has a deadline, a process group of its own and an entry in the ledger, and
//! is reaped.

mod tool;

pub use tool::{Finished, Tool};
