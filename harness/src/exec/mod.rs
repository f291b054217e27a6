//! Child processes: each has a deadline, a process group of its own and an entry in the ledger, and
//! is reaped.

mod processes;
mod tool;

pub use processes::{end_processes, is_running, processes};
pub use tool::{Finished, Tool};
