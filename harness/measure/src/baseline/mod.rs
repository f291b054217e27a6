//! Baselines: what a proof cost when it was last reviewed, one JSON file each. They are committed
//! (`harness/measure/baselines`, also as `benches/baselines`) and embedded, so that an installed
//! binary compares with them, too.

mod conditions;
mod cost;
mod read;

pub use conditions::{Conditions, Files};
pub use cost::{AgainstBaseline, COSTS_SCHEMA, CostBaseline, WorkloadCost};
pub use read::{BASELINES_SCHEMA, CounterSet, ReadBaseline, counters_of, embedded};
