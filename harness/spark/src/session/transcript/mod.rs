//! A transcript: the guide, as written and as corrected, typed into a real shell and a real REPL, with
//! the result of each step.

mod judge;
mod repl;
mod shell;
mod typing;

pub use judge::{Heard, Transcript, Verdict};
pub use typing::{Typing, Versions};
