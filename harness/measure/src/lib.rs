//! What a proof costs: counters that are compared by equality, costs that are compared by pairs, and
//! the baselines that both are held against.

pub mod baseline;
pub mod cost;
mod counters;
pub mod gate;
pub mod history;

pub use counters::counters_of_run;
