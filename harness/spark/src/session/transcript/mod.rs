//! A transcript: the guide typed as it is written, and as it is corrected, into a real shell and a real
//! REPL; and what is met on the way.

mod judge;
mod repl;
mod shell;
mod typing;

pub use judge::{Heard, Transcript, Verdict};
pub use typing::{Typing, Versions};
