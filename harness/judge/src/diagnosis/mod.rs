//! Diagnoses failures: from what was observed to named causes, each with its evidence and a remedy.
//!
//! Facts of each pod, then rules for a pod and for the session, then the verdict over all pods.
//! Pure: the same evidence gives the same causes, live, from files, and in a report made again.

mod admission;
mod advice;
mod api;
mod causes;
mod claims;
mod configuration;
mod container;
mod evidence;
mod finding;
mod foreign;
mod image;
mod java;
mod network;
mod node;
mod process;
mod scheduling;
mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;

pub use admission::{MissingVerb, missing_verbs};
pub use advice::{
    Advice, ApplicationRun, EventLog, ExecutorRun, Scan, StageRun, Topic, Weight, advice, size,
};
pub use causes::{CauseEntry, causes};
pub use configuration::{DeployMode, key_findings, unknown_keys, without_effect};
pub use evidence::{
    Asked, Claim, Condition, ContainerFacts, DriverFacts, Ended, EventFacts, Evidence, KeyNotes,
    NodeFacts, PodFacts, PodRole, Policy, Quota, Refusal, Surroundings, Waits,
};
pub use finding::{Ends, Finding};
pub use foreign::{for_others, unseen};

pub(crate) use store::{FailedRead, content_differs, diagnose_read, read_elsewhere};
pub use verdict::{diagnose, findings};
