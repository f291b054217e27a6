//! What is fixed before the first run of a command.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// At most this many figures are gated by one command.
pub const MOST_FIGURES: usize = 4;

/// How an error budget is divided among the looks. The parts add up to the budget, so the chance of
/// an error at any look is at most the budget (union bound), whatever the looks have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spending {
    /// The same part at each look.
    Even,
    /// Increments of the spending function of Lan and DeMets (1983) that resembles Pocock's bounds.
    Pocock,
    /// Increments of the one that resembles O'Brien's and Fleming's bounds: most at the last look.
    ObrienFleming,
}

impl Spending {
    /// The part of `budget` that the looks spend one by one, each at its share of all pairs.
    fn parts(self, budget: f64, looks: &[usize]) -> Vec<f64> {
        let most = looks.last().copied().unwrap_or(1) as f64;
        let normal = Normal::standard();
        let spent = |index: usize| {
            let share = looks[index] as f64 / most;
            match self {
                Spending::Even => budget * (index + 1) as f64 / looks.len() as f64,
                Spending::Pocock => budget * (1.0 + (std::f64::consts::E - 1.0) * share).ln(),
                Spending::ObrienFleming => {
                    2.0 * normal.sf(normal.inverse_cdf(1.0 - budget / 2.0) / share.sqrt())
                }
            }
        };
        let before = |index: usize| if index == 0 { 0.0 } else { spent(index - 1) };
        (0..looks.len()).map(|index| spent(index) - before(index)).collect()
    }
}

/// A plan of a command: fixed beforehand, written with its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The gated figures by name, at most [`MOST_FIGURES`].
    pub figures: Vec<String>,
    /// Numbers of A/B pairs at which it is looked; multiples of 4, ascending. The last is the most that
    /// the command makes.
    pub looks: Vec<usize>,
    /// The chance that a command whose two sides are alike says `slower` or `faster` of any figure.
    pub alpha: f64,
    /// The chance, for each end of a figure's interval and over all looks, that the true ratio lies
    /// beyond it. It bounds a wrong `equivalent` of a figure that is just outside the margin.
    pub interval_error: f64,
    /// The chance that an A/A control without fault voids a command.
    pub void_error: f64,
    /// A ratio between `1 / (1 + margin)` and `1 + margin` does not matter.
    pub margin: f64,
    /// How `alpha` is spent.
    pub alpha_spending: Spending,
    /// How `interval_error` is spent.
    pub interval_spending: Spending,
    /// Of the order of runs and of resamples.
    pub seed: u64,
}

/// A plan that cannot give a verdict.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// Too many or none.
    #[error("{0} figures are gated, expected 1 to {MOST_FIGURES}")]
    Figures(usize),
    /// The same twice.
    #[error("figure {0} is named twice")]
    Twice(String),
    /// Looks that do not ascend, are none, or are not whole groups of blocks.
    #[error("looks at {0:?} pairs: expected ascending multiples of 4")]
    Looks(Vec<usize>),
    /// A rate or a margin outside of 0 to 1.
    #[error("{what} is {value}, expected more than 0 and less than 1")]
    Share {
        /// Which.
        what: &'static str,
        /// What was given.
        value: f64,
    },
    /// Even if every pair points the same way, p stays above what is asked.
    #[error(
        "{pairs} pairs can never be significant: the least p is {least:.2e}, and {asked:.2e} is asked \
         at the last look; plan more pairs, fewer looks or fewer figures"
    )]
    NeverSignificant {
        /// At the last look.
        pairs: usize,
        /// Two-sided.
        least: f64,
        /// After division among looks and figures.
        asked: f64,
    },
}

impl Plan {
    /// The plan of `sparkproof bench`: looks, rates and spending as docs/benchmarking.md explains them.
    pub fn new(figures: impl IntoIterator<Item = impl Into<String>>, seed: u64) -> Plan {
        Plan {
            figures: figures.into_iter().map(Into::into).collect(),
            looks: vec![16, 24, 32, 48],
            alpha: 0.001,
            interval_error: 0.05,
            void_error: 0.01,
            margin: 0.05,
            alpha_spending: Spending::Even,
            interval_spending: Spending::ObrienFleming,
            seed,
        }
    }

    /// The plan, if it can give each verdict at its last look.
    ///
    /// # Errors
    /// What does not fit, and that significance can never be reached.
    pub fn checked(self) -> Result<Plan, PlanError> {
        let figures = self.figures.len();
        if figures == 0 || figures > MOST_FIGURES {
            return Err(PlanError::Figures(figures));
        }
        let mut names = self.figures.iter().enumerate();
        if let Some((_, twice)) = names.find(|(index, name)| self.figures[..*index].contains(name))
        {
            return Err(PlanError::Twice(twice.clone()));
        }
        let ascending = self.looks.windows(2).all(|two| two[0] < two[1]);
        let whole = self.looks.iter().all(|look| *look > 0 && look.is_multiple_of(4));
        if self.looks.is_empty() || !ascending || !whole {
            return Err(PlanError::Looks(self.looks));
        }
        let shares = [
            ("alpha", self.alpha),
            ("interval error", self.interval_error),
            ("void error", self.void_error),
            ("margin", self.margin),
        ];
        if let Some((what, value)) = shares.into_iter().find(|(_, v)| !(*v > 0.0 && *v < 1.0)) {
            return Err(PlanError::Share { what, value });
        }
        let last = self.looks.len() - 1;
        let (least, asked) = (least_p(self.most_pairs()), self.alpha_at(last) / figures as f64);
        if least > asked {
            return Err(PlanError::NeverSignificant { pairs: self.most_pairs(), least, asked });
        }
        Ok(self)
    }

    /// What its user should know before: looks at which no difference could be significant.
    pub fn warnings(&self) -> Vec<String> {
        let figures = self.figures.len() as f64;
        let looks = self.looks.iter().enumerate();
        let powerless =
            looks.filter(|(index, pairs)| least_p(**pairs) > self.alpha_at(*index) / figures);
        powerless
            .map(|(_, pairs)| {
                format!("at {pairs} pairs no difference can be significant, however large it is")
            })
            .collect()
    }

    /// The most A/B pairs that the command makes.
    pub fn most_pairs(&self) -> usize {
        self.looks.last().copied().unwrap_or(0)
    }

    /// The most runs that the command makes, those of the A/A control included: to be told at the start.
    pub fn most_runs(&self) -> usize {
        self.most_pairs() * 3
    }

    /// Two-sided, for all figures together.
    pub(super) fn alpha_at(&self, look: usize) -> f64 {
        self.alpha_spending.parts(self.alpha, &self.looks)[look]
    }

    /// For each end of the interval of a figure.
    pub(super) fn interval_error_at(&self, look: usize) -> f64 {
        self.interval_spending.parts(self.interval_error, &self.looks)[look]
    }

    /// Two-sided, for all figures together.
    pub(super) fn void_error_at(&self) -> f64 {
        self.void_error / self.looks.len() as f64
    }

    /// The margin as a log ratio.
    pub(super) fn log_margin(&self) -> f64 {
        self.margin.ln_1p()
    }
}

/// The least two-sided p of a sign-flip test: every pair points the same way.
fn least_p(pairs: usize) -> f64 {
    2.0 * 0.5f64.powi(i32::try_from(pairs).unwrap_or(i32::MAX))
}
