//! The append-only record of a run: each process writes a file of its own, every report is derived
//! from them.

mod event;
mod recorder;
mod secrets;

pub use event::{Body, Event, Evidence, Level, Outcome, PodMoment, StepState, Verdict};
pub use recorder::{NOT_FINISHED, PhaseGuard, Recorder, Silent, Sink, StepGuard};
pub use secrets::Secrets;
