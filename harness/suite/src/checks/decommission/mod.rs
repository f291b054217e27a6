//! Decommissioning: an executor migrates its blocks before it ends, whatever ends it.

mod blocks;
mod deleted;
mod rolled;
mod scaled_down;
mod suite;
mod timed_out;

pub use self::blocks::spread as blocks_spread;
pub use self::deleted::{decommissioned, run_decommission_suite};
pub use self::rolled::{due_are_rolled, run_roll_suite};
pub use self::scaled_down::{given_back, run_scale_down_suite, scaled_down, scales_down};
pub use self::suite::decommissions;
pub use self::timed_out::{run_decommission_timeout_suite, timed_out};
