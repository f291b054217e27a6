//! The model of a run that all reports are made from. Times are seconds since the run's start.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, Exit};
use sparkproof_base::events::{Configuration, PodMoment, ReadMetrics};
use sparkproof_catalog::read_check;

/// A run, derived from its events by [`Model::read`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Run id.
    pub run: String,
    /// Versions, provider and executors, in one line.
    pub title: String,
    /// When it started (UTC, RFC 3339).
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// Wall clock from the first to the last event, in seconds.
    pub seconds: f64,
    /// How it ended; `null` if the run still runs or was killed.
    pub end: Option<End>,
    /// Versions, digests, sizes.
    pub facts: Vec<Fact>,
    /// Phases in the order they began, of all processes.
    pub phases: Vec<Phase>,
    /// Checks with their verdicts, in the order in which they were recorded.
    pub checks: Vec<Check>,
    /// Decisions and warnings.
    pub notes: Vec<Note>,
    /// Timeline of each pod.
    pub pods: Vec<PodLife>,
    /// Pod lists as the guide shows them.
    pub pod_lists: Vec<PodList>,
    /// Figures of the variants that were proven, for the comparison.
    #[serde(default)]
    pub reading: Vec<ReadMetrics>,
    /// Configurations of sessions by variant, with placeholders for what differs between runs.
    #[serde(default)]
    pub configurations: Vec<Configuration>,
    /// Files in the run directory worth opening.
    pub artifacts: Vec<Artifact>,
    /// The resolved plan, secrets excluded.
    pub plan: serde_json::Value,
}

/// The last event of the owning process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// The run's exit.
    pub exit: Exit,
    /// The error that ended the run, with its remedy.
    pub error: Option<String>,
}

/// A version, digest or size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fact {
    /// What the value belongs to, e.g. `Docker`.
    pub name: String,
    /// The version, digest or size.
    pub value: String,
}

/// A phase of the proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Phase {
    /// Name of the phase, e.g. `cluster`.
    pub name: String,
    /// Id of the process that went through it.
    pub pid: u32,
    /// When it began.
    pub at: f64,
    /// Duration in seconds; up to the last event if it did not end.
    pub seconds: f64,
    /// How it ended.
    pub state: State,
    /// One line of what was achieved, or the failure.
    pub detail: String,
    /// Its steps, which may overlap.
    pub steps: Vec<Step>,
}

/// A part of a phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// When it began.
    pub at: f64,
    /// How long it took.
    pub seconds: f64,
    /// How it ended.
    pub state: State,
    /// The result in a few words, or the error.
    pub detail: String,
}

/// How a phase or a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Done.
    Ok,
    /// Taken from the cache.
    Cached,
    /// Failed.
    Failed,
    /// A signal ended the run before this ended.
    Interrupted,
    /// Unknown: its process was killed, or still runs.
    NotEnded,
}

/// A check with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Stable id, e.g. `pods.list`.
    pub id: String,
    /// What a green verdict means.
    pub title: String,
    /// Its outcome.
    pub outcome: CheckOutcome,
    /// For a red check observed against expected; for a skipped one why.
    pub reason: Option<String>,
    /// For a red check: what to do.
    pub remedy: Option<String>,
    /// When the verdict was recorded.
    pub at: f64,
    /// How long it took.
    pub seconds: f64,
    /// The evidence for the verdict.
    pub evidence: Vec<Evidence>,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// Observed as expected.
    Green,
    /// Not as expected.
    Red,
    /// Not run.
    Skipped,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Its name; `cause`, `evidence` and `remedy` are shown with the verdict itself.
    pub name: String,
    /// The text: a table, a log excerpt, a number.
    pub text: String,
}

/// A decision or a warning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// When.
    pub at: f64,
    /// Whether it is a warning.
    pub warning: bool,
    /// One sentence.
    pub text: String,
}

/// The life of a pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodLife {
    /// Name of the pod, as `namespace/name`.
    pub pod: String,
    /// Its moments, in order.
    pub moments: Vec<Moment>,
}

/// A moment of a pod's life, by watch receive time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When.
    pub at: f64,
    /// The moment.
    #[schemars(with = "String")]
    pub moment: PodMoment,
    /// In words, e.g. a waiting reason.
    pub detail: String,
}

/// A pod list as the guide shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PodList {
    /// When it was taken, in words, e.g. `3 executors registered`.
    pub title: String,
    /// The list, as printed.
    pub text: String,
}

/// A file in the run directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    /// Its title.
    pub title: String,
    /// Path, relative to the run directory.
    pub path: String,
}

/// A problem: a red check, a failed phase or the failure of the run, in one form.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Id of the check, name of the phase, or `run`.
    pub id: String,
    /// Observed against expected.
    pub reason: String,
    /// `cause`, `evidence`, `remedy` with their texts, in this order.
    pub lines: Vec<(&'static str, String)>,
    /// Evidence with other names: logs, tables.
    pub more: Vec<Evidence>,
}

/// The evidence that is shown with the verdict itself.
const LINES: [&str; 3] = ["cause", "evidence", "remedy"];

impl Failure {
    fn new(id: &str, reason: String) -> Self {
        Failure { id: id.to_owned(), reason, lines: Vec::new(), more: Vec::new() }
    }
}

impl Check {
    /// The `cause`, `evidence` and `remedy` lines of this check.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        for name in LINES {
            let named = self.evidence.iter().filter(|e| e.name == name);
            lines.extend(named.map(|e| (name, e.text.clone())));
        }
        if !lines.iter().any(|(name, _)| *name == "remedy") {
            lines.extend(self.remedy.iter().map(|r| ("remedy", r.clone())));
        }
        lines
    }

    /// The other evidence: logs, tables.
    pub fn more(&self) -> Vec<Evidence> {
        self.evidence.iter().filter(|e| !LINES.contains(&e.name.as_str())).cloned().collect()
    }
}

impl Model {
    /// Whether the check records that a variant was skipped that was requested by its id.
    pub fn is_unproven(&self, check: &Check) -> bool {
        let asked = |id: &str| {
            let mut by_name = self.plan["by_name"].as_array().into_iter().flatten();
            by_name.any(|name| name.as_str() == Some(id))
        };
        check.outcome == CheckOutcome::Skipped
            && read_check(&check.id).is_some_and(|of| of.subject.is_none() && asked(of.variant))
    }

    /// The exit that follows from checks and phases alone, without the end: `Green` or `Red`.
    pub fn found(&self) -> Exit {
        let unproven = |c: &Check| c.outcome == CheckOutcome::Red || self.is_unproven(c);
        let red = self.checks.iter().any(unproven);
        let broken = self.phases.iter().any(|p| matches!(p.state, State::Failed | State::NotEnded));
        if red || broken { Exit::Red } else { Exit::Green }
    }

    /// The exit of the run; `None` if it did not end. A green owner does not outvote a red check of
    /// another process.
    pub fn exit(&self) -> Option<Exit> {
        match self.end.as_ref()?.exit {
            Exit::Green => Some(self.found()),
            other => Some(other),
        }
    }

    /// All problems, each once: red checks, phases, then the run itself.
    pub fn failures(&self) -> Vec<Failure> {
        let mut all: Vec<Failure> = Vec::new();
        for check in self.checks.iter().filter(|c| c.outcome == CheckOutcome::Red) {
            let reason = check.reason.clone().unwrap_or_default();
            let (lines, more) = (check.lines(), check.more());
            all.push(Failure { lines, more, ..Failure::new(&check.id, reason) });
        }
        for check in self.checks.iter().filter(|c| self.is_unproven(c)) {
            let reason = check.reason.as_deref().unwrap_or_default();
            let remedy = "request it by the number of its strategy: then it is skipped if it cannot be proven here";
            let lines = vec![("remedy", remedy.to_owned())];
            let reason = format!("requested by its id, but skipped: {reason}");
            all.push(Failure { lines, ..Failure::new(&check.id, reason) });
        }
        let error = self.end.as_ref().and_then(|end| end.error.as_deref());
        for phase in &self.phases {
            let reason = match phase.state {
                State::Ok | State::Cached | State::Interrupted => continue,
                State::NotEnded => "did not end".to_owned(),
                State::Failed => phase.detail.clone(),
            };
            let is_reported =
                |f: &Failure| f.reason.contains(&reason) || reason.contains(&f.reason);
            if phase.state == State::NotEnded || !all.iter().any(is_reported) {
                all.push(Failure::new(&phase.name, reason));
            }
        }
        let interrupted = self.exit().is_some_and(Exit::is_interruption);
        if let Some(error) = error.filter(|_| !interrupted) {
            let (reason, remedy) =
                error.split_once(Error::REMEDY).map_or((error, None), |(e, r)| (e, Some(r)));
            // The failed phase and the end of the run have the same error; the end also has the
            // remedy.
            let known = all.iter().position(|f| reason.contains(&f.reason)).unwrap_or_else(|| {
                all.push(Failure::new("run", reason.to_owned()));
                all.len() - 1
            });
            let known = &mut all[known];
            if known.lines.is_empty() {
                known.reason = reason.to_owned();
                known.lines.extend(remedy.map(|r| ("remedy", r.to_owned())));
            }
        }
        all
    }
}
