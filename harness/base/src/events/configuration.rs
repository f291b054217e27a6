//! What a session really got for a variant of reading: what the pages in docs/strategies show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration that was in force, with names for what differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Configuration {
    /// The variant, e.g. `3-hostpath`.
    pub variant: String,
    /// Spark's version.
    pub spark: String,
    /// Its parts, in the order in which a reader wants them.
    pub parts: Vec<Part>,
}

/// One part of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// What it is, e.g. `Spark properties`.
    pub name: String,
    /// Its language, as a fence in Markdown names it: `properties`, `yaml`, `text`.
    pub language: String,
    /// The text itself.
    pub text: String,
}
