//! The frame of a check: it runs a body and records its verdict, with evidence and, if red, a
//! cause.

mod cause;
mod check;
mod first_failure;
mod observation;

pub use cause::{Cause, Diagnosis};
pub use check::{Findings, check, skip};
pub use first_failure::FirstFailure;
pub use observation::{Judged, Observation, judge, judged};
