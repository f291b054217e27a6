//! The ways of reading files, side by side: what was proven of each, and what it costs.

mod compare;
mod plots;
mod proofs;

pub(super) use compare::{COLUMNS, figures, table};
pub(super) use plots::{Plot, plots};
pub(super) use proofs::{Proofs, proofs};
