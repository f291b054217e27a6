//! The frame of a check: a body runs, its verdict with evidence is recorded, a red carries a cause.

mod cause;
mod check;
mod first_failure;
mod observation;

pub use cause::{Cause, Diagnosis};
pub use check::{Findings, check, skip};
pub use first_failure::FirstFailure;
pub use observation::{Judged, Observation, judge, judged};
