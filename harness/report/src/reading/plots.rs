//! The comparison as bar plots: one plot a figure, one bar a variant.

use sparkproof_base::events::{ReadMetrics, median};
use sparkproof_catalog::strategy_of_id;

use crate::chart::Tick;
use crate::reading::compare::NONE;
use crate::text::{bytes, fine, rate};

/// The plot of one figure.
pub(crate) struct Plot {
    pub(crate) title: &'static str,
    pub(crate) says: &'static str,
    pub(crate) ticks: Vec<Tick>,
    pub(crate) rows: Vec<PlotRow>,
}

/// A variant's bar, in percent of the plot's width.
pub(crate) struct PlotRow {
    pub(crate) variant: String,
    /// Number of its strategy.
    pub(crate) strategy: String,
    /// `None` if it was not measured.
    pub(crate) width: Option<f64>,
    /// The single measurements, one an executor; the bar is their median.
    pub(crate) dots: Vec<f64>,
    pub(crate) value: String,
}

impl PlotRow {
    /// No bar: not measured, or measured as 0.
    pub(crate) fn nothing(&self) -> bool {
        self.width.is_none_or(|width| width <= 0.0)
    }
}

/// The value of a variant's bar, and the measurements of which it is the median.
struct Measured {
    value: Option<f64>,
    of: Vec<f64>,
}

impl Measured {
    fn one(value: f64) -> Self {
        Measured { value: Some(value), of: Vec::new() }
    }

    fn many(of: &[f64]) -> Self {
        Measured { value: (!of.is_empty()).then(|| median(of)), of: of.to_vec() }
    }
}

/// Title, explanation, the value of a variant, and the format of values.
type Kind = (&'static str, &'static str, fn(&ReadMetrics) -> Measured, fn(f64) -> String);

#[expect(clippy::cast_precision_loss, reason = "for a bar's length")]
fn count(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

const KINDS: [Kind; 8] = [
    (
        "Set-up",
        "until the data was readable: copies, layers, mounts, claims, uploads",
        |f| Measured::one(f.setup_seconds),
        fine,
    ),
    (
        "Moved to nodes",
        "bytes sent to nodes or pods beforehand, without what a store serves during the read",
        |f| Measured::one(count(f.bytes_to_nodes)),
        |value| bytes(whole(value)),
    ),
    (
        "One big file",
        "per executor while all read it at once: the median, and a dot for each executor",
        |f| Measured::many(&f.big_bytes_per_second),
        rate,
    ),
    (
        "1,000 small files",
        "the same for small files divided among the executors, opening included",
        |f| Measured::many(&f.small_bytes_per_second),
        rate,
    ),
    (
        "Planning",
        "the driver lists and plans a directory of many files",
        |f| Measured {
            value: (f.planning_seconds > 0.0).then_some(f.planning_seconds),
            of: Vec::new(),
        },
        fine,
    ),
    (
        "Requests at the server",
        "requests of this variant in the server's log; none without a server",
        |f| Measured { value: f.requests.map(count), of: Vec::new() },
        |value| whole(value).to_string(),
    ),
    (
        "One more executor: time",
        "the part of the set-up that it costs again",
        |f| Measured::one(f.seconds_per_executor),
        fine,
    ),
    (
        "One more executor: bytes",
        "bytes moved for it again",
        |f| Measured::one(count(f.bytes_per_executor)),
        |value| bytes(whole(value)),
    ),
];

/// The plots of all figures that were measured for at least one variant.
pub(crate) fn plots(all: &[ReadMetrics]) -> Vec<Plot> {
    KINDS.iter().filter_map(|kind| plot(all, kind)).collect()
}

fn plot(all: &[ReadMetrics], (title, says, measured, written): &Kind) -> Option<Plot> {
    let seen: Vec<(&ReadMetrics, Measured)> = all.iter().map(|of| (of, measured(of))).collect();
    let values = seen.iter().flat_map(|(_, m)| m.value.iter().chain(&m.of)).copied();
    let most = values.reduce(f64::max)?;
    let most = if most > 0.0 { most } else { 1.0 };
    let percent = |value: f64| (value / most * 100.0).clamp(0.0, 100.0);
    let rows = seen.iter().map(|(of, measured)| PlotRow {
        variant: of.variant.clone(),
        strategy: strategy_of_id(&of.variant).map_or("", |strategy| strategy.number).to_owned(),
        // A minimum width keeps small values visible.
        width: measured.value.map(|v| if v > 0.0 { percent(v).max(0.4) } else { 0.0 }),
        dots: measured.of.iter().map(|v| percent(*v)).collect(),
        value: measured.value.map_or(NONE.to_owned(), written),
    });
    let ticks = round_marks(most).into_iter();
    let ticks = ticks.map(|at| Tick { left: percent(at), label: brief(&written(at)) });
    Some(Plot { title, says, ticks: ticks.collect(), rows: rows.collect() })
}

/// The label of a tick, without trailing zeros: `2.5 s`, `10 MB`, `0`.
fn brief(label: &str) -> String {
    let (number, unit) = label.split_once(' ').unwrap_or((label, ""));
    let shown = match number.parse::<f64>() {
        Ok(zero) if zero.abs() < f64::EPSILON => return "0".to_owned(),
        Ok(value) => value.to_string(),
        Err(_) => number.to_owned(),
    };
    format!("{shown} {unit}").trim_end().to_owned()
}

/// Two to four round values from 0 up to the largest.
fn round_marks(most: f64) -> Vec<f64> {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
    let step = steps.into_iter().find(|step| most / step <= 4.0).unwrap_or(most);
    (0..=4).map(|n| f64::from(n) * step).take_while(|at| *at <= most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(variant: &str, seconds: f64, rates: &[f64]) -> ReadMetrics {
        ReadMetrics {
            variant: variant.into(),
            setup_seconds: seconds,
            big_bytes_per_second: rates.to_vec(),
            ..Default::default()
        }
    }

    #[test]
    fn the_largest_value_fills_the_width_and_nothing_has_no_bar() {
        let all = [metrics("0-copy", 10.0, &[1e6, 2e6, 4e6]), metrics("3-hostpath", 0.001, &[])];
        let plots = plots(&all);
        let titles: Vec<_> = plots.iter().map(|p| p.title).collect();
        assert!(!titles.contains(&"1,000 small files") && !titles.contains(&"Planning"));
        let [setup, moved, big, ..] = &plots[..] else { panic!("{titles:?}") };
        assert_eq!(setup.rows[0].width, Some(100.0));
        assert_eq!(setup.rows[1].width, Some(0.4));
        assert_eq!(moved.rows[0].width, Some(0.0));
        assert_eq!((big.rows[0].width, big.rows[0].value.as_str()), (Some(50.0), "2.00 MB/s"));
        assert_eq!(big.rows[0].dots, [25.0, 50.0, 100.0]);
        assert_eq!((big.rows[1].width, big.rows[1].value.as_str()), (None, NONE));
    }

    #[test]
    fn marks_are_brief() {
        let shown = ["0.00 s", "2.50 s", "10.0 MB", "400 MB/s", "1 min 30 s", "120"].map(brief);
        assert_eq!(shown, ["0", "2.5 s", "10 MB", "400 MB/s", "1 min 30 s", "120"]);
    }

    #[test]
    fn marks_are_round_and_few() {
        assert_eq!(round_marks(10.0), [0.0, 2.5, 5.0, 7.5, 10.0]);
        assert_eq!(round_marks(7.3), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(round_marks(1.0), [0.0, 0.25, 0.5, 0.75, 1.0]);
        for most in [0.003, 1.3, 27.0, 4.2e6, 9.99e8] {
            let marks = round_marks(most).len();
            assert!((3..=5).contains(&marks), "{most}: {marks}");
        }
    }
}
