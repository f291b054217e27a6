//! The schema of `events-*.jsonl`: one JSON object a line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Configuration;
use crate::error::Exit;
use crate::events::ReadMetrics;

/// One line of an events file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it was recorded (UTC).
    pub at: Timestamp,
    /// Id of the process that wrote it.
    pub pid: u32,
    /// What happened.
    pub body: Body,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Body {
    /// The first event of a process that owns a run.
    RunStarted {
        /// Run id.
        run: String,
        /// Versions, provider and executors, in one line.
        title: String,
        /// The resolved plan, secrets excluded.
        plan: serde_json::Value,
    },
    /// A version, digest or size for the report: `("spark image", "…@sha256:…")`.
    Fact {
        /// What the value belongs to.
        name: String,
        /// The version, digest or size.
        value: String,
    },
    /// A phase of the proof begins: engine, node, cluster, image, access, session, pods, teardown.
    PhaseStarted {
        /// Its name.
        phase: String,
    },
    /// A phase ended.
    PhaseEnded {
        /// Its name.
        phase: String,
        /// The result in one line, or the error.
        detail: String,
        /// Duration in seconds.
        seconds: f64,
        /// Whether it succeeded.
        ok: bool,
    },
    /// Progress of a part of a phase.
    Step {
        /// The phase it belongs to.
        phase: String,
        /// Its name, e.g. `go build kubernetes v1.34.4`.
        step: String,
        /// Its state.
        state: StepState,
        /// Seconds since it started.
        seconds: f64,
    },
    /// A decision or a warning the user should see.
    Note {
        /// Information or warning.
        level: Level,
        /// One sentence.
        text: String,
    },
    /// A moment of a pod's life, by the time at which the watch received it.
    Pod {
        /// `namespace/name`.
        pod: String,
        /// The moment.
        moment: PodMoment,
        /// Details in words, e.g. the reason of a waiting container.
        detail: String,
    },
    /// A pod list as the guide shows it.
    PodList {
        /// When it was taken, in words, e.g. `3 executors registered`.
        title: String,
        /// The list, as printed.
        text: String,
    },
    /// The observation of a check and its expectation; the verdict follows.
    Observed(Observed),
    /// The verdict of a check.
    Check(Verdict),
    /// The figures of a variant that was proven, for the comparison.
    Reading(ReadMetrics),
    /// The configuration of a session for a variant, for the report and docs/strategies.
    Configuration(Configuration),
    /// A file in the run directory worth opening.
    Artifact {
        /// Its title.
        title: String,
        /// Path, relative to the run directory.
        path: String,
    },
    /// Last event of the owning process.
    RunEnded {
        /// The run's exit.
        exit: Exit,
        /// The error that ended the run, with its remedy.
        error: Option<String>,
    },
}

/// The state of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Started.
    Started,
    /// Taken from the cache.
    Cached,
    /// Still working; the progress, e.g. `318/456 MB`.
    Progress(String),
    /// Done; the result in a few words.
    Done(String),
    /// Failed; the error.
    Failed(String),
}

/// The level of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// A decision with its reason.
    Info,
    /// Something is weaker than requested, or was changed.
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
    /// Deleted from the API server.
    Deleted,
}

/// The complete observation of a check: its verdict can be derived from this alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The id of the check.
    pub check: String,
    /// The id of the kind of check that judges it.
    pub kind: String,
    /// The expectation.
    pub expected: serde_json::Value,
    /// The observation, secrets masked.
    pub seen: Looked,
    /// SHA-256 in hex of `expected` and `seen` as written.
    pub sha256: String,
}

/// An observation, or why there is none: "could not look" differs from "nothing there".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Looked<T = serde_json::Value> {
    /// The observation.
    Seen(T),
    /// Why nothing could be observed.
    Unseen(String),
}

impl<T> Default for Looked<T> {
    fn default() -> Self {
        Looked::Unseen("not looked at".to_owned())
    }
}

impl<T> Looked<T> {
    /// The observation, if there is one.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Looked::Seen(seen) => Some(seen),
            Looked::Unseen(_) => None,
        }
    }
}

impl Observed {
    /// The digest of expectation and observation.
    pub fn digest(&self) -> String {
        use sha2::{Digest, Sha256};
        let seen = serde_json::to_value(&self.seen).unwrap_or_default();
        // Stable, because the keys of a JSON object are sorted.
        hex::encode(Sha256::digest(format!("{}\n{seen}", self.expected)))
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Stable id, e.g. `session.executors-registered`.
    pub id: String,
    /// What a green verdict means, in one sentence.
    pub title: String,
    /// Green, red or skipped.
    pub outcome: Outcome,
    /// The evidence for it.
    pub evidence: Vec<EvidenceItem>,
    /// Duration in seconds.
    pub seconds: f64,
}

/// The outcome of a check.
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

/// A piece of evidence: a table, a log excerpt, a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceItem {
    /// Its name; `cause`, `evidence` and `remedy` have a meaning to reports.
    pub name: String,
    /// Its text.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Such figures are read as a neighbour, unless serde_json is told to be exact.
    #[test]
    fn an_observation_with_seconds_has_its_digest_when_it_is_read_again() {
        for seconds in [31.245_270_191_439_438, 121.487_919_511_619_45] {
            let seen = Looked::Seen(serde_json::json!({ "seconds": seconds }));
            let (check, kind) = ("a.b".to_owned(), "a.b".to_owned());
            let expected = serde_json::json!(seconds);
            let mut written = Observed { check, kind, expected, seen, sha256: String::new() };
            written.sha256 = written.digest();
            let text = serde_json::to_string(&written).expect("JSON");
            let read: Observed = serde_json::from_str(&text).expect("JSON");
            assert_eq!(read.digest(), read.sha256, "{seconds}");
        }
    }
}
