//! The configuration of a session for a variant, which the pages in docs/strategies show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration that was in force, with placeholders for what differs between runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Configuration {
    /// The variant, e.g. `3-hostpath`.
    pub variant: String,
    /// Spark's version.
    pub spark: String,
    /// Its parts, in the order for readers.
    pub parts: Vec<Part>,
}

/// One part of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Its title, e.g. `Spark properties`.
    pub name: String,
    /// Its language, as in a Markdown fence: `properties`, `yaml`, `text`.
    pub language: String,
    /// The content.
    pub text: String,
}
