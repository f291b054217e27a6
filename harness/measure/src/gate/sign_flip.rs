//! The paired sign-flip test, exact for any number of pairs.
//!
//! If the two sides of a pair are alike, each difference is as likely to have the other sign. The
//! statistic is the sum of the ranks of the positive differences (Wilcoxon's signed ranks), because a
//! mean would be moved by single outliers. Its distribution over all 2ⁿ flips is counted, not drawn:
//! ranks are (half) integers, so one pass over the sums is enough. `anofox-statistics` counts only
//! without ties and approximates with them, too coarsely where p is 1e-4; so these lines are our own.
//! Tests hold them against it, against scipy and against the enumeration of all flips.

/// The two-sided p of `differences` against a centre of 0. Zeros are left out; 1 if nothing is left.
pub fn p_value(differences: &[f64]) -> f64 {
    let mut kept: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    kept.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let ranks = doubled_ranks(&kept);
    let positive =
        kept.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, r)| r).sum::<usize>();
    let all: usize = ranks.iter().sum();
    // The distribution is symmetric: the lower tail is both.
    let tail = cumulative(&ranks)[positive.min(all - positive)];
    (2.0 * tail).min(1.0)
}

/// The pseudo-median (Hodges-Lehmann): the median of the means of all pairs of differences. 0 if there
/// are none.
pub fn centre(differences: &[f64]) -> f64 {
    let mut means = walsh(differences);
    let Some(last) = means.len().checked_sub(1) else { return 0.0 };
    let (_, upper, _) = means.select_nth_unstable_by(last / 2 + last % 2, f64::total_cmp);
    let upper = *upper;
    let (_, lower, _) = means.select_nth_unstable_by(last / 2, f64::total_cmp);
    (*lower + upper) / 2.0
}

/// The centres that the test does not reject, with a chance of at most `error` beyond each end;
/// infinite if there are too few differences for that.
pub fn interval(differences: &[f64], error: f64) -> (f64, f64) {
    let ranks: Vec<usize> = (1..=differences.len()).collect();
    // As R's qsignrank: how many of the least means may lie below the lower end.
    let outside = cumulative(&ranks).iter().position(|p| *p > error).unwrap_or(0);
    if outside == 0 {
        return (f64::NEG_INFINITY, f64::INFINITY);
    }
    let mut means = walsh(differences);
    let high = means.len() - outside;
    let low = *means.select_nth_unstable_by(outside - 1, f64::total_cmp).1;
    (low, *means.select_nth_unstable_by(high, f64::total_cmp).1)
}

/// The mean of each difference with each, itself included.
fn walsh(differences: &[f64]) -> Vec<f64> {
    let with_rest = |(index, first): (usize, &f64)| {
        let first = *first;
        differences[index..].iter().map(move |second| (first + second) / 2.0)
    };
    differences.iter().enumerate().flat_map(with_rest).collect()
}

/// Twice the ranks of sorted sizes; those that are alike share the mean of theirs.
fn doubled_ranks(sorted: &[f64]) -> Vec<usize> {
    let alike = sorted.chunk_by(|a, b| a.abs() == b.abs());
    let mut before = 0;
    let mut ranks = Vec::with_capacity(sorted.len());
    for group in alike {
        ranks.extend(std::iter::repeat_n(2 * before + group.len() + 1, group.len()));
        before += group.len();
    }
    ranks
}

/// For each sum, the share of the flips of `ranks` whose positive ranks add up to at most that.
fn cumulative(ranks: &[usize]) -> Vec<f64> {
    let mut shares = vec![1.0];
    for rank in ranks {
        let mut next = vec![0.0; shares.len() + rank];
        for (sum, share) in shares.iter().enumerate() {
            next[sum] += share / 2.0;
            next[sum + rank] += share / 2.0;
        }
        shares = next;
    }
    let add = |total: &mut f64, share: f64| {
        *total += share;
        Some(*total)
    };
    shares.into_iter().scan(0.0, add).collect()
}

#[cfg(test)]
mod tests {
    use anofox_statistics::{Alternative, wilcoxon_signed_rank};

    use super::*;

    const PAIRS: [f64; 17] = [
        0.031, -0.012, 0.084, 0.002, 0.117, -0.045, 0.059, 0.076, 0.021, 0.098, -0.008, 0.043,
        0.065, 0.011, -0.027, 0.092, 0.038,
    ];

    /// Ties and a zero.
    const TIED: [f64; 12] =
        [0.03, -0.01, 0.03, 0.02, -0.02, 0.05, 0.01, 0.03, -0.05, 0.04, 0.0, 0.07];

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-9, "{got}, expected {expected}");
    }

    /// `scipy.stats.wilcoxon(x, method="exact")` of scipy 1.17, and the order statistics that its
    /// distribution gives.
    #[test]
    fn figures_of_scipy_are_met() {
        near(p_value(&PAIRS), 0.007904052734375);
        near(centre(&PAIRS), 0.038);
        let ends = |error| interval(&PAIRS, error);
        near(ends(0.025).0, 0.0115);
        near(ends(0.025).1, 0.0645);
        near(ends(0.005).0, 0.002);
        near(ends(0.005).1, 0.0745);
    }

    /// `scipy.stats.permutation_test` over all flips, with the sum of positive mid-ranks.
    #[test]
    fn ties_are_counted_exactly() {
        near(p_value(&TIED), 0.1083984375);
    }

    #[test]
    fn all_flips_one_by_one_give_the_same() {
        let kept: Vec<f64> = TIED.into_iter().filter(|d| *d != 0.0).collect();
        for differences in [&kept[..], &PAIRS[..11]] {
            let mut sorted = differences.to_vec();
            sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
            let ranks = doubled_ranks(&sorted);
            let all: usize = ranks.iter().sum();
            let distance = |positive: usize| positive.abs_diff(all - positive);
            let sum = |is_positive: &dyn Fn(usize) -> bool| {
                let kept = ranks.iter().enumerate().filter(|(index, _)| is_positive(*index));
                kept.map(|(_, rank)| rank).sum::<usize>()
            };
            let seen = distance(sum(&|index| sorted[index] > 0.0));
            let flips = 0..1_u32 << ranks.len();
            let as_far = flips
                .clone()
                .filter(|flip| distance(sum(&|index| flip & (1 << index) != 0)) >= seen);
            near(p_value(differences), as_far.count() as f64 / f64::from(flips.end));
        }
    }

    #[test]
    fn the_kept_crate_agrees_where_it_is_exact() {
        let zeros = [0.0; PAIRS.len()];
        let both = Alternative::TwoSided;
        let theirs = wilcoxon_signed_rank(&PAIRS, &zeros, both, false, true, Some(0.95), None)
            .expect("valid");
        near(p_value(&PAIRS), theirs.p_value);
        near(centre(&PAIRS), theirs.estimate.expect("asked for"));
        let theirs = theirs.conf_int.expect("asked for");
        let (low, high) = interval(&PAIRS, 0.025);
        near(low, theirs.lower);
        near(high, theirs.upper);
    }

    #[test]
    fn too_few_pairs_have_no_interval_and_none_have_no_p() {
        assert_eq!(interval(&PAIRS[..4], 0.025), (f64::NEG_INFINITY, f64::INFINITY));
        assert!(interval(&PAIRS[..6], 0.025).0.is_finite());
        near(p_value(&[]), 1.0);
        near(p_value(&[0.0, 0.0]), 1.0);
        near(centre(&[]), 0.0);
        // The least p there is: every pair points the same way.
        near(p_value(&[0.1, 0.2, 0.3, 0.4]), 2.0 / 16.0);
    }
}
