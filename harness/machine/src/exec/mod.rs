//! Child processes: each has a deadline, its own process group and a ledger entry, and is reaped.

mod group;
mod processes;
mod strays;
mod terminal;
mod tool;

pub use group::Group;
pub use processes::{end_processes, is_running, processes, signal_group_of, signal_process};
pub use strays::{ancestors, end_group, end_strays, strays};
pub use terminal::Terminal;
pub use tool::{Failed, Tool, ToolOutput};
