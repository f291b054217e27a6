//! The schema of `events-*.jsonl`: one JSON object a line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Configuration;
use crate::error::Exit;
use crate::events::ReadMetrics;

/// One line of an events file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When we learned of it (UTC).
    pub at: Timestamp,
    /// The process that wrote it.
    pub pid: u32,
    /// What happened.
    pub body: Body,
}

/// What can happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Body {
    /// First event. `plan` is the resolved plan, `title` its one-line form.
    RunStarted {
        /// Run id.
        run: String,
        /// One line: versions, provider, executors.
        title: String,
        /// The resolved plan, secrets excluded.
        plan: serde_json::Value,
    },
    /// A version, digest or size that belongs into the report: `("spark image", "…@sha256:…")`.
    Fact {
        /// What it is of.
        name: String,
        /// Its value.
        value: String,
    },
    /// A phase of the proof begins: engine, node, cluster, image, access, session, pods, teardown.
    PhaseStarted {
        /// Its name.
        phase: String,
    },
    /// It ended.
    PhaseEnded {
        /// Its name.
        phase: String,
        /// One line of what was achieved, or the failure.
        detail: String,
        /// Wall clock.
        seconds: f64,
        /// Whether it achieved its aim.
        ok: bool,
    },
    /// A part of a phase, for progress.
    Step {
        /// The phase it belongs to.
        phase: String,
        /// Its name, e.g. `go build kubernetes v1.34.4`.
        step: String,
        /// Where it is.
        state: StepState,
        /// Seconds since it started.
        seconds: f64,
    },
    /// A decision or a warning the user should see.
    Note {
        /// How loud.
        level: Level,
        /// One sentence.
        text: String,
    },
    /// The timeline of a pod, by watch receive time.
    Pod {
        /// `namespace/name`.
        pod: String,
        /// What was seen.
        moment: PodMoment,
        /// Detail in words, e.g. a waiting reason.
        detail: String,
    },
    /// A pod list as the guide shows it.
    PodList {
        /// When it was taken, in words, e.g. `3 executors registered`.
        title: String,
        /// The table.
        text: String,
    },
    /// What a check looked at and what was expected of it: its verdict follows.
    Observed(Observed),
    /// A check came to its verdict.
    Check(Verdict),
    /// A variant of reading was proven: its figures, for the comparison.
    Reading(ReadMetrics),
    /// What a session got for a variant of reading, for the report and docs/strategies.
    Configuration(Configuration),
    /// A file in the run directory worth opening.
    Artifact {
        /// What it is.
        title: String,
        /// Relative to the run directory.
        path: String,
    },
    /// Last event of the owning process.
    RunEnded {
        /// How.
        exit: Exit,
        /// The failure, when one ended the run, with its remedy.
        error: Option<String>,
    },
}

/// Progress of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Work began.
    Started,
    /// Taken from the cache.
    Cached,
    /// Still working; a word on how far, e.g. `318/456 MB`.
    Progress(String),
    /// Done; a word on the result.
    Done(String),
    /// Failed; the error.
    Failed(String),
}

/// How loud a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A decision and why.
    Info,
    /// Something was changed or is weaker than asked for.
    Warning,
}

/// The moments of a pod's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodMoment {
    /// First seen.
    Created,
    /// Bound to a node.
    Scheduled,
    /// Container running.
    Started,
    /// Ready condition true.
    Ready,
    /// In Spark's executor list.
    Registered,
    /// Container waits, with a reason.
    Waiting,
    /// Container ended.
    Ended,
    /// Gone from the API.
    Deleted,
}

/// What a check looked at, complete: its verdict can be derived again from this alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The id of the check.
    pub check: String,
    /// The kind of check, which knows how to judge it.
    pub kind: String,
    /// What was expected.
    pub expected: serde_json::Value,
    /// What was seen, secrets masked.
    pub seen: Looked,
    /// SHA-256 of `expected` and `seen` as they are written, in hex.
    pub sha256: String,
}

/// "Could not look" and "nothing there" are different things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Looked<T = serde_json::Value> {
    /// What was seen.
    Seen(T),
    /// Why nothing was.
    Unseen(String),
}

impl Observed {
    /// The digest of what is expected and seen.
    pub fn digest(&self) -> String {
        use sha2::{Digest, Sha256};
        let seen = serde_json::to_value(&self.seen).unwrap_or_default();
        // Keys of a JSON object are sorted.
        hex::encode(Sha256::digest(format!("{}\n{seen}", self.expected)))
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Stable id, e.g. `session.executors-registered`.
    pub id: String,
    /// What a green line means, in one sentence.
    pub title: String,
    /// Green, red or skipped.
    pub outcome: Outcome,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// Wall clock.
    pub seconds: f64,
}

/// How a check came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Observed as expected.
    Green,
    /// Not as expected.
    Red {
        /// Observed against expected.
        reason: String,
        /// What to do.
        remedy: Option<String>,
    },
    /// Not run.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// A piece of evidence: a name and a text (a table, a log excerpt, a number).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is.
    pub name: String,
    /// The text itself.
    pub text: String,
}
