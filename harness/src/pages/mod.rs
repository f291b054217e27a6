//! What the pages in docs/strategies do not say by hand: what is declared, and what was proven.

mod blocks;
mod coverage;
mod declared;
mod proven;
mod write;

pub use coverage::write_coverage;
pub use declared::declared;
pub use write::write;
