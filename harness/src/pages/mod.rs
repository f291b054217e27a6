//! What the pages in docs do not say by hand: what is declared, what was proven, what is wrong in the
//! guide.

mod blocks;
mod coverage;
mod declared;
mod errata;
mod proven;
mod write;

pub use coverage::write_coverage;
pub use declared::declared;
pub use errata::errata;
pub use write::write;
