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
mod elastic;
mod evidence;
mod finding;
mod foreign;
mod image;
mod java;
mod network;
mod node;
mod planned;
mod process;
mod quantity;
mod scheduling;
mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verdict;
mod waits;

pub use admission::{MissingVerb, missing_verbs, refuses_executors};
pub use advice::{
    Advice, ApplicationRun, EventLog, ExecutorRun, Scan, StageRun, Topic, Weight, advice, size,
};
pub use causes::{CauseEntry, causes};
pub use configuration::{DeployMode, key_findings, unknown_keys, without_effect};
pub use elastic::may_add_nodes;
pub use evidence::{
    Asked, Claim, Condition, ContainerFacts, DriverFacts, Ended, EventFacts, Evidence, KeyNotes,
    NodeFacts, Planned, PodFacts, PodRole, Policy, Quota, Refusal, Scope, Surroundings, Waits,
};
pub use finding::{Ends, Finding};
pub use foreign::{for_others, unseen};
pub use planned::{PlannedClaim, Toleration};
pub use quantity::quantity;

pub(crate) use store::{FailedRead, content_differs, diagnose_read, read_elsewhere};
pub use verdict::{diagnose, findings};
pub use waits::awaits;
