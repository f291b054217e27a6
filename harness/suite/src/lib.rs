//! The suite: checks, the flow of a run, diagnosis of foreign applications, sweep and inventory.

pub mod checks;
pub mod diagnose;
pub mod flow;
pub mod reclaim;
