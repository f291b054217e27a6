//! What a proof costs: counters that are compared by equality, costs that are compared by pairs, and
//! the baselines that both are held against.

pub mod gate;
pub mod history;
