//! What A against A says about the command: whether the figure is steady enough, and whether the runs of
//! A fall into two clusters.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// More than this share of the null distribution beyond the margin is unstable: its 95th percentile
/// then is.
pub(super) const MOST_BEYOND: f64 = 0.05;

/// Above this share, with the most pairs of the plan, more pairs are not worth their time.
pub(super) const HOPELESS: f64 = 0.25;

/// How many null values are drawn.
const RESAMPLES: usize = 500;

/// Two clusters are said if their centres are this many times their spread apart. Halves of a normal
/// sample are 2.6 apart, of a uniform one 3.5; docs/benchmarking.md has the rate of false alarms.
const CLUSTERS_APART: f64 = 4.5;

/// The share of null values of the gated statistic, the pseudo-median of `pairs` pairs, that lie beyond
/// `margin`: pairs are drawn from the control with a sign that is drawn.
pub(super) fn null_beyond(control: &[f64], pairs: usize, margin: f64, seed: u64) -> f64 {
    if control.is_empty() {
        return 1.0;
    }
    let mut random = SmallRng::seed_from_u64(seed);
    // Drawn by their place among all values that can be drawn, so that no resample needs to be sorted.
    let mut values: Vec<f64> = control.iter().flat_map(|pair| [*pair, -pair]).collect();
    values.sort_by(f64::total_cmp);
    let mut times = vec![0; values.len()];
    let mut drawn = Vec::with_capacity(pairs);
    let mut beyond = 0;
    for _ in 0..RESAMPLES {
        times.fill(0);
        (0..pairs).for_each(|_| times[random.random_range(0..values.len())] += 1);
        drawn.clear();
        let repeated = values.iter().zip(&times);
        drawn.extend(repeated.flat_map(|(value, times)| std::iter::repeat_n(*value, *times)));
        // Signs are drawn, so both ends are alike: one is counted, for both.
        beyond += 2 * usize::from(centre_above(&drawn, margin));
    }
    beyond as f64 / RESAMPLES as f64
}

/// Whether the pseudo-median of ascending values lies above `limit`: more than half of their pairwise
/// means do. They are counted without a list of them.
fn centre_above(ascending: &[f64], limit: f64) -> bool {
    let values = ascending.len();
    let mut above = 0;
    // The values from here on have a mean above the limit with the present one; it only falls.
    let mut from = values;
    for (index, value) in ascending.iter().enumerate() {
        while from > 0 && value + ascending[from - 1] > 2.0 * limit {
            from -= 1;
        }
        above += values - from.max(index);
    }
    2 * above > values * (values + 1) / 2
}

/// The two clusters that `logs`, logarithms of costs, fall into, if they do: their centres as costs. The
/// best split into two, each a fifth of the values or more, whose centres differ by more than `margin`.
pub(super) fn clusters(logs: &[f64], margin: f64) -> Option<(f64, f64)> {
    let mut sorted = logs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let least = (sorted.len() / 5).max(3);
    let splits = least..=sorted.len().checked_sub(least)?;
    let best = splits
        .map(|split| {
            let (low, high) = sorted.split_at(split);
            let (low_centre, high_centre) = (mean(low), mean(high));
            (squares(low, low_centre) + squares(high, high_centre), low_centre, high_centre)
        })
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    let (within, low, high) = best;
    let spread = (within / sorted.len() as f64).sqrt();
    let apart = high - low;
    (apart > margin && apart > CLUSTERS_APART * spread).then(|| (low.exp(), high.exp()))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn squares(values: &[f64], centre: f64) -> f64 {
    values.iter().map(|value| (value - centre).powi(2)).sum()
}
