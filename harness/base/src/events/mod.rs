//! The append-only record of a run: each process writes a file of its own, every report is derived
//! from them.

mod configuration;
mod event;
mod read_metrics;
mod recorder;
mod secrets;

pub use configuration::{Configuration, Part};
pub use event::{
    Body, Event, Evidence, Level, Looked, Observed, Outcome, PodMoment, StepState, Verdict,
};
pub use read_metrics::{ReadMetrics, median};
pub use recorder::{NOT_FINISHED, PhaseGuard, Recorder, Silent, Sink, StepGuard};
pub use secrets::Secrets;
