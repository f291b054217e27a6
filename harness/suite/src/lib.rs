//! The suite: checks, the flow of a proof, sweep and inventory.

pub mod checks;
pub mod flow;
pub mod reclaim;
