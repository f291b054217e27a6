//! The flow of a proof: an environment set up from a plan, sessions on it, everything given back.

mod environment;
mod hold;
mod post_mortem;

pub use environment::{Environment, EnvironmentRecord, HANDOVER, set_up};
pub use hold::{Held, tear_down};
pub use post_mortem::post_mortem;
