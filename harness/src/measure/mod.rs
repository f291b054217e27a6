//! What reading costs: figures, never gates.

mod figures;

pub use figures::{Figures, median};
