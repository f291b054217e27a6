//! The append-only record of a run: each process writes one file, and every report is derived from
//! these files.

mod configuration;
mod event;
mod read_metrics;
mod recorder;
mod secrets;

pub use configuration::{Configuration, Part};
pub use event::{
    Body, Event, EvidenceItem, Level, Looked, Observed, Outcome, PodMoment, StepState, Verdict,
};
pub use read_metrics::{ReadMetrics, median};
pub use recorder::{NOT_FINISHED, PhaseGuard, Recorder, Silent, Sink, StepGuard};
pub use secrets::Secrets;
