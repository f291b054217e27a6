//! The flow of a run: sets up an environment from a plan, runs sessions on it, removes everything.

mod attach;
mod bench;
mod driver;
mod furnished;
mod provision;
mod reading;
mod reading_builder;
mod scenario;
mod set_up;
mod teardown;
mod transcript;

pub use bench::{BenchRequest, bench};
pub use reading::{ReadingSession, Subject, by_session, shares};
pub use reading_builder::ReadingBuilder;
pub use scenario::scenario;
pub use set_up::set_up;
pub use teardown::{EngineGuard, lock_up, resources, tear_down};
pub use transcript::{GuideTyping, no_transcript};
