//! The gate: is B dearer than A? Pairs of runs in ABBA blocks, an exact sign-flip test, one interval, a
//! group-sequential plan that is fixed beforehand, and a control of A against A in every command.
//!
//! [`Gate`] is a state machine without clock, cluster or randomness of its own: ask it for the
//! [`BlockOrder`] of the next four runs, feed it what they cost, and it says go on or decided.
//! docs/benchmarking.md says why each rule is as it is and what it was tried on.

mod block;
mod control;
mod judged;
mod order;
mod outcome;
mod plan;
pub mod sign_flip;
pub mod simulation;
mod state;

pub use block::{Block, BlockError};
pub use order::{BlockOrder, Orders, Side};
pub use outcome::{Figure, Interval, Outcome, Verdict};
pub use plan::{Plan, PlanError, Spending};
pub use state::{Gate, Step};

#[cfg(test)]
mod tests;
