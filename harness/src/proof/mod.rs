//! The flow of a proof: an environment set up from a plan, sessions on it, everything given back.

mod application;
mod environment;
mod existing;
mod hold;
mod live;
mod made;
mod reading;
mod reading_builder;
mod session_builder;
mod stage;
mod transcript;

pub use environment::{EXECUTABLE, Environment, EnvironmentRecord, HANDOVER, set_up};
pub(crate) use hold::lock_up;
pub use hold::{Held, tear_down};
pub use live::{Ended, Ending, Ground, Live};
pub use reading::{ReadingSession, Subject, by_session};
pub use reading_builder::ReadingBuilder;
pub use session_builder::SessionBuilder;
pub use stage::{Proof, scenario};
