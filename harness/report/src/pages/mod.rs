//! The generated blocks of the pages in docs: declarations, proven configurations, the guide's
//! mistakes.

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
