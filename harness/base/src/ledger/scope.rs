//! How long the resources of a run may live.

use serde::{Deserialize, Serialize};

/// How long the resources of a run may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Until the run ends: as long as it holds its lock.
    Run,
    /// Until the user removes them (`down`).
    User,
}
