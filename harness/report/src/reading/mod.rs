//! The ways of reading files, compared: what was proven, and what each costs.

mod compare;
mod plots;
mod proofs;

pub(super) use compare::{COLUMNS, figures, table};
pub(super) use plots::{Plot, plots};
pub(super) use proofs::{Proofs, proofs};
