//! The suite: checks, the flow of a run, sweep and inventory.

pub mod checks;
pub mod flow;
pub mod reclaim;
