//! A transcript: the guide, as written and as corrected, typed into a real shell and a real REPL, with
//! the result of each step.

mod repl;
mod results;
mod shell;
mod typing;

pub use results::{Heard, Transcript};
pub use typing::{Typing, Versions};
