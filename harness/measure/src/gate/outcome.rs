//! What the gate says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The verdict on a figure, or on a command. Only `Slower` is red. There is no "unchanged": what is not
/// significant is `Inconclusive` unless it was shown to be `Equivalent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The interval lies within the margin (two one-sided tests).
    Equivalent,
    /// B costs less: significant, and the interval lies below the margin.
    Faster,
    /// Neither shown to differ nor shown to be alike, with all pairs that were planned.
    Inconclusive,
    /// A against A differs by more than the margin too often to say anything about B.
    Unstable,
    /// B costs more: significant, and the interval lies above the margin.
    Slower,
    /// The control found A different from A: this command says nothing.
    Void,
}

impl Verdict {
    /// Whether it fails the command.
    pub fn is_red(self) -> bool {
        self == Verdict::Slower
    }
}

/// An interval of a ratio of costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Its nominal coverage at this look.
    pub level: f64,
}

impl Interval {
    /// Whether it lies between `1 / (1 + margin)` and `1 + margin`.
    pub fn within(&self, margin: f64) -> bool {
        self.low > 1.0 / (1.0 + margin) && self.high < 1.0 + margin
    }

    /// Whether it lies above `1 + margin`.
    pub fn above(&self, margin: f64) -> bool {
        self.low > 1.0 + margin
    }

    /// Whether it lies below `1 / (1 + margin)`.
    pub fn below(&self, margin: f64) -> bool {
        self.high < 1.0 / (1.0 + margin)
    }
}

/// What a look saw of a figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// None as long as more pairs may decide.
    pub verdict: Option<Verdict>,
    /// B's cost to A's: the pseudo-median (Hodges-Lehmann) of the pairs.
    pub ratio: f64,
    /// Of the ratio, by inverting the sign-flip test.
    pub interval: Interval,
    /// Of the ratio, by bootstrap. Only for a difference that is significant and beyond the margin by
    /// the other interval: both must agree.
    pub bootstrap: Option<Interval>,
    /// Of the sign-flip test that B costs what A costs, two-sided, exact.
    pub p: f64,
    /// The same after Holm's adjustment for all gated figures.
    pub p_adjusted: f64,
    /// What `p_adjusted` must not exceed at this look.
    pub alpha: f64,
    /// How many A/B pairs it was seen with.
    pub pairs: usize,
    /// The control's ratio, A to A.
    pub control: f64,
    /// Of the control's sign-flip test, two-sided.
    pub control_p: f64,
    /// How often the ratio lies beyond the margin if pairs are drawn from the control: above 0.05 the
    /// figure is unstable.
    pub null_beyond_margin: f64,
}

/// The end of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Of the command: the worst of its figures.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub reason: String,
    /// Each gated figure as it was seen when it was decided, or last.
    pub figures: BTreeMap<String, Figure>,
    /// A/B pairs that were made.
    pub pairs: usize,
    /// A/A pairs that were made.
    pub control_pairs: usize,
    /// Looks that were used, of those planned.
    pub looks: usize,
    /// What does not change the verdict but should be known.
    pub warnings: Vec<String>,
}
