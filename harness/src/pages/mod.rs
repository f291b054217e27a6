//! What the pages in docs/strategies do not say by hand: what is declared, and what was proven.

mod blocks;
mod declared;
mod proven;
mod write;

pub use declared::declared;
pub use write::write;
