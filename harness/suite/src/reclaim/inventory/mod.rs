//! The inventory: everything on this machine, and in a cluster, that a run could leave behind. The
//! difference between two inventories is what was left.

mod engine;
mod files;
mod host;
mod kubernetes;
mod model;
mod processes;
mod take;
#[cfg(test)]
mod tests;

pub use crate::reclaim::inventory::model::{Change, Inventory, SeenProcess, diff, not_compared};
pub use crate::reclaim::inventory::take::take;
