//! Change points of a series, by five detectors that must agree.

use anofox_statistics::{
    Alternative, CvmMethod, TTestKind, cvm_test_2sample, ks_test_2sample, mann_whitney_u, t_test,
};

use super::series::Series;

/// A two-sample test of the values before a point against those from it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detector {
    /// Student's t-test.
    Student,
    /// Welch's t-test.
    Welch,
    /// Kolmogorov and Smirnov's test.
    KolmogorovSmirnov,
    /// Mann and Whitney's U test.
    MannWhitney,
    /// Cramér and von Mises' test.
    CramerVonMises,
}

impl Detector {
    /// All of them.
    pub const ALL: [Detector; 5] = [
        Detector::Student,
        Detector::Welch,
        Detector::KolmogorovSmirnov,
        Detector::MannWhitney,
        Detector::CramerVonMises,
    ];

    /// Its p; 1 if it cannot say.
    fn p_value(self, before: &[f64], after: &[f64]) -> f64 {
        let two_sided = Alternative::TwoSided;
        let p = match self {
            Detector::Student => t_test(before, after, TTestKind::Student, two_sided, 0.0, None)
                .map(|test| test.p_value),
            Detector::Welch => t_test(before, after, TTestKind::Welch, two_sided, 0.0, None)
                .map(|test| test.p_value),
            Detector::KolmogorovSmirnov => {
                ks_test_2sample(before, after, two_sided, None).map(|test| test.p_value)
            }
            Detector::MannWhitney => {
                mann_whitney_u(before, after, two_sided, true, true, None, None)
                    .map(|test| test.p_value)
            }
            Detector::CramerVonMises => {
                cvm_test_2sample(before, after, CvmMethod::Auto).map(|test| test.p_value)
            }
        };
        p.ok().filter(|p| !p.is_nan()).unwrap_or(1.0)
    }
}

/// How it is looked for change points. The defaults are Mozilla's of 2026, but for `p`: Mozilla's 0.005
/// also sees a rise of the Nile in 1954 (see the tests), Otava's 0.001 does not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Values before a point, at most.
    pub back: usize,
    /// Values from a point on; a point is only judged when there are as many.
    pub forward: usize,
    /// Values before a point, at least.
    pub least_back: usize,
    /// What a detector's p must not exceed.
    pub p: f64,
    /// The least change of the medians, as a share.
    pub magnitude: f64,
    /// How many detectors must agree.
    pub agree: usize,
}

impl Default for Window {
    fn default() -> Self {
        Window { back: 24, forward: 12, least_back: 12, p: 0.001, magnitude: 0.03, agree: 3 }
    }
}

/// A point at which a figure changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The first value after the change, as an index into the series.
    pub index: usize,
    /// Its commit.
    pub commit: String,
    /// The ratio of the medians, after to before: 1.1 is 10 % more.
    pub ratio: f64,
    /// Who saw it, at this point or the next to it.
    pub seen_by: Vec<Detector>,
}

/// The change points of a series, ascending. In each stretch of points that a detector finds significant,
/// it votes for the one of least p; votes one point apart count together. Of points closer than the
/// window goes forward, only the least likely one is a change: the same values speak for all.
pub fn changes(series: &Series, window: &Window) -> Vec<Change> {
    let values: Vec<f64> = series.points.iter().map(|point| point.value).collect();
    let votes = Detector::ALL.map(|detector| (detector, peaks(detector, &values, window)));
    let mut found: Vec<(f64, Change)> = vec![];
    for index in 0..values.len() {
        let near = |peaks: &[usize]| peaks.iter().any(|peak| peak.abs_diff(index) <= 1);
        let seen_by: Vec<Detector> =
            votes.iter().filter(|(_, peaks)| near(peaks)).map(|(detector, _)| *detector).collect();
        if seen_by.len() < window.agree {
            continue;
        }
        // The detectors' votes differ by a point or two: the change is where all find it least likely.
        let around = index.saturating_sub(2)..=index + 2;
        let chances = around.filter_map(|at| Some((chance(&values, at, window)?, at)));
        let Some((chance, index)) = chances.min_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        let Some((before, after)) = sides(&values, index, window) else { continue };
        let log = median(after) - median(before);
        if log.abs() >= window.magnitude.ln_1p() {
            let commit = series.points[index].commit.clone();
            found.push((chance, Change { index, commit, ratio: log.exp(), seen_by }));
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut kept: Vec<Change> = vec![];
    for (_, change) in found {
        if kept.iter().all(|other| other.index.abs_diff(change.index) >= window.forward) {
            kept.push(change);
        }
    }
    kept.sort_by_key(|change| change.index);
    kept
}

/// The sum of the logarithms of all detectors' p at a point, if it can be judged.
fn chance(values: &[f64], index: usize, window: &Window) -> Option<f64> {
    let (before, after) = sides(values, index, window)?;
    Some(Detector::ALL.iter().map(|detector| detector.p_value(before, after).ln()).sum())
}

/// The points of least p in each stretch of significant points.
fn peaks(detector: Detector, values: &[f64], window: &Window) -> Vec<usize> {
    let p = |index| {
        let (before, after) = sides(values, index, window)?;
        let p = detector.p_value(before, after);
        (p <= window.p).then_some((index, p))
    };
    let judged: Vec<Option<(usize, f64)>> = (0..values.len()).map(p).collect();
    let stretches = judged.split(Option::is_none).filter(|stretch| !stretch.is_empty());
    let peak = |stretch: &[Option<(usize, f64)>]| {
        let points: Vec<(usize, f64)> = stretch.iter().flatten().copied().collect();
        let least = points.iter().map(|(_, p)| *p).fold(f64::INFINITY, f64::min);
        // The middle of those that share the least p: exact tests of small samples reach a floor.
        let lowest: Vec<usize> =
            points.into_iter().filter(|(_, p)| *p <= least).map(|(index, _)| index).collect();
        lowest.get(lowest.len() / 2).copied()
    };
    // At the edge of what can be judged, the true point may lie beyond it: later results will tell.
    let edges = [Some(window.least_back), values.len().checked_sub(window.forward)];
    stretches.filter_map(peak).filter(|peak| !edges.contains(&Some(*peak))).collect()
}

/// The values before and from a point on, if there are enough.
fn sides<'a>(values: &'a [f64], index: usize, window: &Window) -> Option<(&'a [f64], &'a [f64])> {
    let after = values.get(index..index + window.forward)?;
    let before = &values[index.saturating_sub(window.back)..index];
    (before.len() >= window.least_back).then_some((before, after))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use statrs::distribution::{ContinuousCDF, Normal};

    use super::*;
    use crate::history::series::Point;

    fn series(values: impl IntoIterator<Item = f64>) -> Series {
        let date = "2026-12-01T00:00:00Z".parse().expect("a time");
        let values = values.into_iter().enumerate();
        let points = values.map(|(index, value)| Point { commit: index.to_string(), date, value });
        Series { machine: String::new(), figure: String::new(), points: points.collect() }
    }

    /// Normal values with this spread, which rise by `step` at each of these points.
    fn steps(seed: u64, length: usize, spread: f64, step: f64, at: &[usize]) -> Series {
        let mut random = StdRng::seed_from_u64(seed);
        let mut normal =
            || Normal::standard().inverse_cdf(random.sample(rand::distr::Open01)) * spread;
        let level = |index| step * at.iter().filter(|at| **at <= index).count() as f64;
        series((0..length).map(|index| level(index) + normal()))
    }

    /// `scipy.stats` 1.17: `ttest_ind`, with `equal_var=False`, `ks_2samp`, `mannwhitneyu` and
    /// `cramervonmises_2samp`, the last two exact.
    #[test]
    fn figures_of_scipy_are_met() {
        let before = [1.02, 0.97, 1.01, 1.05, 0.99, 1.00, 0.98, 1.03, 1.04, 0.96, 1.015, 0.985];
        let after = [1.06, 1.09, 1.012, 1.12, 1.055, 1.08, 0.995, 1.10, 1.075, 1.045, 1.031, 1.065];
        let expected = [
            0.00031168894861324033,
            0.0003475801507662346,
            0.007859014050964517,
            0.000495533541703955,
            0.0006094322960657595,
        ];
        for (detector, expected) in Detector::ALL.into_iter().zip(expected) {
            let got = detector.p_value(&before, &after);
            assert!((got / expected - 1.0).abs() < 1e-6, "{detector:?}: {got}, not {expected}");
        }
    }

    /// The Nile's annual flow at Aswan, 1871 to 1970, as R's `datasets::Nile`. Its one change, a fall by
    /// a quarter from 1899 on, is what change points are commonly tried on (Cobb, Biometrika 65, 1978).
    #[test]
    fn the_nile_falls_in_1899_and_at_no_other_time() {
        const NILE: [u16; 100] = [
            1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020,
            960, 1180, 799, 958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840,
            874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120,
            1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865, 845,
            944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890,
            744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919,
            718, 714, 740,
        ];
        let found = changes(&series(NILE.map(|flow| f64::from(flow).ln())), &Window::default());
        let years: Vec<usize> = found.iter().map(|change| 1871 + change.index).collect();
        assert_eq!(years, [1899], "{found:?}");
        assert!((0.70..0.80).contains(&found[0].ratio), "{found:?}");
    }

    #[test]
    fn steps_are_found_where_they_are() {
        for seed in 0..20 {
            let found = changes(&steps(seed, 120, 0.02, 0.1, &[40, 80]), &Window::default());
            let at: Vec<usize> = found.iter().map(|change| change.index).collect();
            // One value to either side, as two of them can be alike by chance.
            let near = at.len() == 2 && at[0].abs_diff(40) <= 1 && at[1].abs_diff(80) <= 1;
            assert!(near, "{seed}: {found:?}");
            assert!(found.iter().all(|c| c.seen_by.len() >= 3 && c.ratio > 1.07), "{found:?}");
        }
    }

    #[test]
    fn a_change_that_is_too_small_too_near_to_the_end_or_seen_by_too_few_is_none() {
        let window = Window::default();
        // Significant, 1 %.
        assert_eq!(changes(&steps(3, 80, 0.001, 0.01, &[40]), &window), []);
        // Only 8 values since.
        assert_eq!(changes(&steps(4, 48, 0.02, 0.1, &[40]), &window), []);
        let unanimous = Window { agree: 6, ..window };
        assert_eq!(changes(&steps(1, 80, 0.02, 0.1, &[40]), &unanimous), []);
        assert_eq!(changes(&series([]), &window), []);
        assert_eq!(changes(&series([0.5; 60]), &window), [], "no spread at all");
    }

    /// What docs/benchmarking.md says of it.
    #[test]
    fn false_changes_are_rarer_than_one_in_twenty_series_of_a_hundred_values() {
        let window = Window::default();
        let alarms = |seed| changes(&steps(seed, 100, 0.03, 0.0, &[]), &window).len();
        let alarms: usize = (0..100).map(alarms).sum();
        assert!(alarms <= 5, "{alarms} in 100 series");
    }
}
