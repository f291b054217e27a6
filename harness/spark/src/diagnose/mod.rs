//! Diagnoses failures: derives a named cause with its evidence and a remedy from what was observed.

mod forbidden;
mod observed;
mod rules;

pub use forbidden::{MissingVerb, missing_verbs};
pub use observed::{EventSeen, Observed, PodSeen};
pub use rules::{diagnose, not_made, other_version};
