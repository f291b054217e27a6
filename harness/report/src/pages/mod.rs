//! What the pages in docs do not say by hand: what is declared, what was proven, what is wrong in the
//! guide.

mod blocks;
mod coverage;
mod declared;
mod errata;
mod proven;
mod write;

pub use crate::pages::coverage::write_coverage;
pub use crate::pages::declared::declared;
pub use crate::pages::errata::errata;
pub use crate::pages::write::write;
