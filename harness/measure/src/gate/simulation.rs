//! Simulated commands: how often the gate is wrong and how much it sees, under noise of known shape.

use std::collections::BTreeMap;
use std::num::NonZero;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal};

use super::order::{BlockOrder, Side};
use super::outcome::{Outcome, Verdict};
use super::plan::{Plan, PlanError};
use super::state::{Gate, Step};

/// The standard deviation of the log ratio of CPU seconds of a pair, A to A, as measured on a machine of
/// two cores under load 7 to 15.
pub const SPREAD: f64 = 0.09;

/// How the cost of a run varies. All are on top of a normal deviation that gives pairs [`SPREAD`].
#[derive(Debug, Clone)]
pub enum Noise {
    /// Nothing else.
    Normal,
    /// One run in twenty, so one pair in ten, costs four times the spread more.
    Outliers,
    /// A steady rise of 30 % until the most runs are made, and a load that comes and goes: an
    /// autoregression of 0.9 from run to run, as wide as the spread.
    Drift,
    /// Two states, 15 % apart, that a run leaves with a chance of one in twenty.
    TwoModes,
    /// Outliers, drift and two modes at once.
    All,
    /// Blocks of four runs of the same build that were recorded, drawn with replacement: logarithms of
    /// their costs, in the order of the runs.
    Recorded(Vec<[f64; 4]>),
}

/// Many commands of one kind.
#[derive(Debug, Clone)]
pub struct Study {
    /// Of each command; its seed is replaced.
    pub plan: Plan,
    /// Independent in each figure: the worst case for errors of a family.
    pub noise: Noise,
    /// How much more the first figure of B costs; 0.2 is 20 %. The others are alike.
    pub slow_down: f64,
    /// How many commands.
    pub commands: u64,
    /// Of all that is drawn.
    pub seed: u64,
}

/// How commands ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// By verdict and number of pairs.
    pub ends: BTreeMap<(Verdict, usize), u64>,
    /// By verdict of the first figure, in commands in which it has one.
    pub first: BTreeMap<Verdict, u64>,
    /// Commands that warned of two clusters.
    pub clusters: u64,
}

impl Tally {
    /// All commands.
    pub fn commands(&self) -> u64 {
        self.ends.values().sum()
    }

    /// Commands with this verdict.
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.ends.iter().filter(|((of, _), _)| *of == verdict).map(|(_, count)| count).sum()
    }

    /// The mean number of pairs.
    pub fn mean_pairs(&self) -> f64 {
        let pairs: u64 = self.ends.iter().map(|((_, pairs), count)| *pairs as u64 * count).sum();
        pairs as f64 / self.commands() as f64
    }

    fn add(&mut self, outcome: &Outcome, first: &str) {
        *self.ends.entry((outcome.verdict, outcome.pairs)).or_default() += 1;
        if let Some(verdict) = outcome.figures.get(first).and_then(|figure| figure.verdict) {
            *self.first.entry(verdict).or_default() += 1;
        }
        self.clusters += u64::from(!outcome.warnings.is_empty());
    }

    fn merge(&mut self, other: Tally) {
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        for (verdict, count) in other.first {
            *self.first.entry(verdict).or_default() += count;
        }
        self.clusters += other.clusters;
    }
}

impl Study {
    /// Runs all commands, on all cores. The result does not depend on their number.
    ///
    /// # Errors
    /// The plan cannot give a verdict.
    pub fn run(&self) -> Result<Tally, PlanError> {
        self.plan.clone().checked()?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
        let part = |core: u64| {
            let mut tally = Tally::default();
            for command in (core..self.commands).step_by(cores as usize) {
                let outcome = self.command(self.seed.wrapping_add(command))?;
                tally.add(&outcome, &self.plan.figures[0]);
            }
            Ok(tally)
        };
        std::thread::scope(|scope| {
            let parts: Vec<_> = (0..cores).map(|core| scope.spawn(move || part(core))).collect();
            let mut all = Tally::default();
            for part in parts {
                match part.join() {
                    Ok(tally) => all.merge(tally?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            Ok(all)
        })
    }

    fn command(&self, seed: u64) -> Result<Outcome, PlanError> {
        let mut gate = Gate::new(Plan { seed, ..self.plan.clone() })?;
        let figures = self.plan.figures.iter().enumerate();
        let mut sources: Vec<(String, Source)> = figures
            .map(|(index, name)| {
                let mut random = SmallRng::seed_from_u64(seed);
                for _ in 0..=index {
                    random = SmallRng::from_rng(&mut random);
                }
                let slow_down = if index == 0 { self.slow_down.ln_1p() } else { 0.0 };
                let runs = self.plan.most_runs() as f64;
                (
                    name.clone(),
                    Source { noise: &self.noise, random, slow_down, runs, state: State::default() },
                )
            })
            .collect();
        loop {
            let Some(order) = gate.next_block() else { unreachable!("a gate ends with a verdict") };
            let costs =
                sources.iter_mut().map(|(name, source)| (name.clone(), source.block(order)));
            match gate.feed(costs.collect()) {
                Ok(Step::Decided(outcome)) => return Ok(outcome),
                Ok(_) => {}
                Err(error) => unreachable!("simulated costs are positive: {error}"),
            }
        }
    }
}

/// The costs of one figure, run by run.
struct Source<'a> {
    noise: &'a Noise,
    random: SmallRng,
    slow_down: f64,
    runs: f64,
    state: State,
}

/// What a run leaves to the next.
#[derive(Default)]
struct State {
    run: f64,
    load: f64,
    second_mode: bool,
}

impl Source<'_> {
    fn block(&mut self, order: BlockOrder) -> [f64; 4] {
        let base = match self.noise {
            Noise::Recorded(blocks) => blocks[self.random.random_range(0..blocks.len())],
            _ => [0; 4].map(|_| self.run()),
        };
        let slower = order.runs.map(|side| if side == Side::B { self.slow_down } else { 0.0 });
        std::array::from_fn(|run| (base[run] + slower[run]).exp())
    }

    fn normal(&mut self) -> f64 {
        Normal::standard().inverse_cdf(self.random.sample(rand::distr::Open01))
    }

    /// The logarithm of one run's cost.
    fn run(&mut self) -> f64 {
        let (outliers, drift, modes) = match self.noise {
            Noise::Normal | Noise::Recorded(_) => (false, false, false),
            Noise::Outliers => (true, false, false),
            Noise::Drift => (false, true, false),
            Noise::TwoModes => (false, false, true),
            Noise::All => (true, true, true),
        };
        let mut log = self.normal() * SPREAD / std::f64::consts::SQRT_2;
        if outliers && self.random.random_bool(0.05) {
            log += 4.0 * SPREAD;
        }
        if drift {
            self.state.load =
                0.9 * self.state.load + self.normal() * SPREAD * (1.0f64 - 0.81).sqrt();
            log += self.state.load + 0.3f64.ln_1p() * self.state.run / self.runs;
        }
        if modes {
            self.state.second_mode ^= self.random.random_bool(0.05);
            log += if self.state.second_mode { 0.15f64.ln_1p() } else { 0.0 };
        }
        self.state.run += 1.0;
        log
    }
}
