//! `summary.json`: the model with verdict and counts, in a versioned schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sparkproof_base::error::Exit;

use super::model::{CheckOutcome, Model, State};
use super::text;

/// The content of `summary.json`; its JSON schema is docs/summary.schema.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Version of this schema, now 1. Fields may be added to a version, never changed.
    pub schema: u32,
    /// The exit of the run, with the red checks of all its processes; `null` if it did not end.
    pub exit: Option<Exit>,
    /// The exit code.
    pub exit_code: Option<u8>,
    /// Number of checks by outcome.
    pub counts: Counts,
    /// The model of the run.
    #[serde(flatten)]
    pub model: Model,
}

/// Checks by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Observed as expected.
    pub green: usize,
    /// Not as expected.
    pub red: usize,
    /// Not run.
    pub skipped: usize,
}

impl Summary {
    /// Adds verdict and counts to a model.
    pub fn from_model(model: Model) -> Self {
        let count = |outcome| model.checks.iter().filter(|c| c.outcome == outcome).count();
        let counts = Counts {
            green: count(CheckOutcome::Green),
            red: count(CheckOutcome::Red),
            skipped: count(CheckOutcome::Skipped),
        };
        let exit = model.exit();
        Summary { schema: 1, exit, exit_code: exit.map(Exit::code), counts, model }
    }

    /// The verdict in words.
    pub fn headline(&self) -> String {
        let Counts { green, red, .. } = self.counts;
        let checks = green + red;
        let model = &self.model;
        let unproven = model.checks.iter().filter(|check| model.is_unproven(check)).count();
        match self.exit {
            None => "Did not end (killed?)".to_owned(),
            Some(Exit::Green) if checks == 0 => "Ended well, nothing was checked".to_owned(),
            Some(Exit::Green) if checks == 1 => "The check is green".to_owned(),
            Some(Exit::Green) => format!("All {checks} checks are green"),
            Some(Exit::Red) if red == 1 => format!("1 of {checks} checks is red"),
            Some(Exit::Red) if red > 1 => format!("{red} of {checks} checks are red"),
            Some(Exit::Red) if unproven > 0 => {
                let were = if unproven == 1 { "was" } else { "were" };
                let all = checks + self.counts.skipped;
                format!("{unproven} of {all} checks {were} requested by id but skipped")
            }
            Some(Exit::Red) => {
                let failed = |s| matches!(s, State::Failed | State::NotEnded);
                let phase = self.model.phases.iter().find(|p| failed(p.state));
                phase.map_or("Not proven".to_owned(), |p| format!("Phase {} failed", p.name))
            }
            Some(exit) => text::capital(exit.meaning()),
        }
    }
}
