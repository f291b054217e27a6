//! What the pages in docs do not say by hand: what is declared, what was proven, what is wrong in the
//! guide.

mod blocks;
mod coverage;
mod declared;
mod errata;
mod proven;
mod write;

pub use crate::report::pages::coverage::write_coverage;
pub use crate::report::pages::declared::declared;
pub use crate::report::pages::errata::errata;
pub use crate::report::pages::write::write;
