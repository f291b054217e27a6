//! What a look says: of each figure, then of the command.

use std::collections::BTreeMap;

use anofox_statistics::{PAdjustMethod, bootstrap_ci, p_adjust};

use super::block::Block;
use super::outcome::{Figure, Interval, Outcome, Verdict};
use super::plan::Plan;
use super::{control, sign_flip};

/// Resamples of a bootstrap interval.
const BOOTSTRAPS: usize = 2000;

/// Each figure for which `open` holds as all blocks so far show it. Those that are decided still count
/// in Holm's adjustment: the family is fixed beforehand.
pub(super) fn look(
    plan: &Plan,
    look: usize,
    blocks: &[Block],
    open: impl Fn(&str) -> bool,
) -> BTreeMap<String, Figure> {
    let pairs: Vec<Vec<f64>> =
        plan.figures.iter().map(|figure| log_ratios(blocks, figure, false)).collect();
    let p: Vec<f64> = pairs.iter().map(|pairs| sign_flip::p_value(pairs)).collect();
    let adjusted = p_adjust(&p, PAdjustMethod::Holm);
    let open = plan.figures.iter().enumerate().filter(|(_, name)| open(name));
    let figures = open.map(|(index, name)| {
        let tested = Tested { pairs: &pairs[index], p: p[index], p_adjusted: adjusted[index] };
        (name.clone(), tested.figure(plan, look, &log_ratios(blocks, name, true)))
    });
    figures.collect()
}

/// The command's end, if this look is one. `figures` are as they were decided, or as this look saw them.
pub(super) fn outcome(
    plan: &Plan,
    look: usize,
    blocks: &[Block],
    figures: &BTreeMap<String, Figure>,
) -> Option<Outcome> {
    let ends = |verdict, reason| {
        let warnings = plan.figures.iter().filter_map(|name| clusters(plan, blocks, name));
        Some(Outcome {
            verdict,
            reason,
            figures: figures.clone(),
            pairs: count(blocks, false),
            control_pairs: count(blocks, true),
            looks: look + 1,
            warnings: warnings.collect(),
        })
    };
    if let Some(reason) = voided(plan, blocks) {
        return ends(Verdict::Void, reason);
    }
    // Red is red: what the others would become does not matter.
    let slower = |figure: &Figure| figure.verdict == Some(Verdict::Slower);
    let all_decided = figures.values().all(|figure| figure.verdict.is_some());
    if !all_decided && !figures.values().any(slower) {
        return None;
    }
    let decided = figures.iter().filter_map(|(name, figure)| Some((figure.verdict?, name, figure)));
    let (verdict, name, figure) = decided.max_by_key(|(verdict, ..)| *verdict)?;
    ends(verdict, reason(plan, verdict, name, figure))
}

/// The tests of one figure.
struct Tested<'a> {
    pairs: &'a [f64],
    p: f64,
    p_adjusted: f64,
}

impl Tested<'_> {
    fn figure(&self, plan: &Plan, look: usize, control: &[f64]) -> Figure {
        let error = plan.interval_error_at(look);
        let (low, high) = sign_flip::interval(self.pairs, error);
        let mut figure = Figure {
            verdict: None,
            ratio: sign_flip::centre(self.pairs).exp(),
            interval: Interval { low: low.exp(), high: high.exp(), level: 1.0 - 2.0 * error },
            bootstrap: None,
            p: self.p,
            p_adjusted: self.p_adjusted,
            alpha: plan.alpha_at(look),
            pairs: self.pairs.len(),
            control: sign_flip::centre(control).exp(),
            control_p: sign_flip::p_value(control),
            null_beyond_margin: self.beyond(plan, control, self.pairs.len()),
        };
        figure.verdict = self.verdict(plan, look, control, &mut figure);
        figure
    }

    fn verdict(
        &self,
        plan: &Plan,
        look: usize,
        control: &[f64],
        figure: &mut Figure,
    ) -> Option<Verdict> {
        let last = look + 1 == plan.looks.len();
        if figure.null_beyond_margin > control::MOST_BEYOND {
            let hopeless = || self.beyond(plan, control, plan.most_pairs()) > control::HOPELESS;
            return (last || hopeless()).then_some(Verdict::Unstable);
        }
        if figure.interval.within(plan.margin) {
            return Some(Verdict::Equivalent);
        }
        let differs = [
            (Verdict::Slower, figure.interval.above(plan.margin)),
            (Verdict::Faster, figure.interval.below(plan.margin)),
        ];
        if figure.p_adjusted <= figure.alpha {
            for (verdict, _) in differs.into_iter().filter(|(_, beyond)| *beyond) {
                let bootstrap = self.bootstrap(plan, figure.interval.level);
                let agrees = bootstrap.is_some_and(|interval| match verdict {
                    Verdict::Slower => interval.above(plan.margin),
                    _ => interval.below(plan.margin),
                });
                figure.bootstrap = bootstrap;
                if agrees {
                    return Some(verdict);
                }
            }
        }
        last.then_some(Verdict::Inconclusive)
    }

    fn bootstrap(&self, plan: &Plan, level: f64) -> Option<Interval> {
        let seed = Some(plan.seed);
        let drawn = bootstrap_ci(self.pairs, sign_flip::centre, BOOTSTRAPS, level, seed).ok()?;
        Some(Interval { low: drawn.conf_int_lower.exp(), high: drawn.conf_int_upper.exp(), level })
    }

    fn beyond(&self, plan: &Plan, control: &[f64], pairs: usize) -> f64 {
        control::null_beyond(control, pairs, plan.log_margin(), plan.seed)
    }
}

/// Why the control voids the command, if it does.
fn voided(plan: &Plan, blocks: &[Block]) -> Option<String> {
    let tested = plan.figures.iter().map(|name| {
        let control = log_ratios(blocks, name, true);
        (name, sign_flip::p_value(&control), control)
    });
    let tested: Vec<_> = tested.collect();
    let p: Vec<f64> = tested.iter().map(|(_, p, _)| *p).collect();
    let adjusted = p_adjust(&p, PAdjustMethod::Holm);
    let differs = adjusted.iter().position(|p| *p <= plan.void_error_at())?;
    let (name, _, control) = &tested[differs];
    Some(format!(
        "A against A differs in {name}: the ratio of {} pairs is {:.3} with p = {:.1e} \
         (at most {:.1e} voids); what runs second, or in B's place, is not treated like the other",
        control.len(),
        sign_flip::centre(control).exp(),
        adjusted[differs],
        plan.void_error_at(),
    ))
}

/// A figure whose runs of A fall into two clusters.
fn clusters(plan: &Plan, blocks: &[Block], name: &str) -> Option<String> {
    let logs: Vec<f64> = blocks.iter().flat_map(|block| block.logs_of_a(name)).collect();
    let (low, high) = control::clusters(&logs, plan.log_margin())?;
    Some(format!(
        "the {} runs of A fall into two clusters of {name}, near {low:.3} and near {high:.3}: something \
         that has two states is not held fixed",
        logs.len(),
    ))
}

fn reason(plan: &Plan, verdict: Verdict, name: &str, figure: &Figure) -> String {
    let percent = |ratio: f64| format!("{:+.1} %", (ratio - 1.0) * 100.0);
    let margin = plan.margin * 100.0;
    let interval = format!("{} to {}", percent(figure.interval.low), percent(figure.interval.high));
    let seen = format!("{name}: {} ({interval}, {} pairs)", percent(figure.ratio), figure.pairs);
    match verdict {
        Verdict::Slower | Verdict::Faster => format!(
            "{seen}, beyond {margin:.0} % and significant: p = {:.1e} of at most {:.1e}",
            figure.p_adjusted, figure.alpha
        ),
        Verdict::Equivalent => {
            format!("{seen} and every other gated figure, within ±{margin:.0} %")
        }
        Verdict::Unstable => format!(
            "{seen}: A against A alone is beyond ±{margin:.0} % in {:.0} % of draws (5 % are allowed)",
            figure.null_beyond_margin * 100.0
        ),
        Verdict::Inconclusive | Verdict::Void => format!(
            "{seen}: not shown to differ and not shown to be within ±{margin:.0} %; this is not \
             \"unchanged\""
        ),
    }
}

fn log_ratios(blocks: &[Block], figure: &str, control: bool) -> Vec<f64> {
    let wanted = blocks.iter().filter(|block| block.order.is_control() == control);
    wanted.flat_map(|block| block.log_ratios(figure)).collect()
}

fn count(blocks: &[Block], control: bool) -> usize {
    2 * blocks.iter().filter(|block| block.order.is_control() == control).count()
}
