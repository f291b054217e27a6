//! How long what a run owns may live.

use serde::{Deserialize, Serialize};

/// How long what a run owns may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// As long as the run holds its lock.
    Run,
    /// Until the user says so (`down`).
    User,
}
