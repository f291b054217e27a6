//! The gate as its users drive it.

use std::collections::BTreeMap;

use rstest::rstest;

use super::simulation::{Noise, SPREAD, Study};
use super::{
    BlockError, BlockOrder, Gate, Orders, Outcome, Plan, PlanError, Side, Spending, Step, Verdict,
};

/// A deviation of run `run` of block `block`, between -0.5 and 0.5, without pattern.
fn wobble(block: usize, run: usize) -> f64 {
    let hashed = (block as u64 * 4 + run as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hashed ^ (hashed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) as f64 / u64::MAX as f64 - 0.5
}

/// What a run of `side` costs, by block, run and side.
type Cost<'a> = &'a dyn Fn(usize, usize, Side) -> f64;

fn drive(plan: Plan, cost: Cost<'_>) -> Outcome {
    let mut gate = Gate::new(plan).expect("a plan");
    while let Some(order) = gate.next_block() {
        let costs: [f64; 4] = std::array::from_fn(|run| cost(order.number, run, order.runs[run]));
        let figures = gate.plan().figures.clone();
        let costs = figures.into_iter().map(|figure| (figure, costs)).collect();
        if let Step::Decided(outcome) = gate.feed(costs).expect("costs") {
            assert_eq!(gate.next_block(), None);
            return outcome;
        }
    }
    panic!("no verdict")
}

fn plan() -> Plan {
    Plan::new(["CPU"], 1)
}

/// A noise of ± `width`, and B's and the control's factors.
fn noisy(width: f64, b: f64, control: f64) -> impl Fn(usize, usize, Side) -> f64 {
    move |block, run, side| {
        let factor = match side {
            Side::A => 1.0,
            Side::B => b,
            Side::Control => control,
        };
        10.0 * factor * (2.0 * width * wobble(block, run)).exp()
    }
}

#[rstest]
#[case::slower(0.05, 1.2, 1.0, Verdict::Slower)]
#[case::faster(0.05, 0.8, 1.0, Verdict::Faster)]
#[case::alike(0.05, 1.0, 1.0, Verdict::Equivalent)]
#[case::within_the_margin_though_significant(0.01, 1.02, 1.0, Verdict::Equivalent)]
#[case::at_the_margin(0.05, 1.05, 1.0, Verdict::Inconclusive)]
#[case::too_noisy(0.8, 1.0, 1.0, Verdict::Unstable)]
#[case::too_noisy_to_be_red(0.8, 3.0, 1.0, Verdict::Unstable)]
#[case::a_differs_from_a(0.02, 1.2, 1.1, Verdict::Void)]
fn verdicts(#[case] width: f64, #[case] b: f64, #[case] control: f64, #[case] expected: Verdict) {
    let outcome = drive(plan(), &noisy(width, b, control));
    assert_eq!(outcome.verdict, expected, "{outcome:#?}");
    assert_eq!(outcome.verdict.is_red(), expected == Verdict::Slower);
    assert_eq!(outcome.control_pairs * 2, outcome.pairs);
    assert!(!outcome.reason.contains("unchanged") || outcome.reason.contains("not \"unchanged\""));
}

#[test]
fn runs_of_two_states_are_said() {
    let two = |block: usize, run: usize, side| {
        let state = if (block / 3).is_multiple_of(2) { 1.0 } else { 1.4 };
        state * noisy(0.02, 1.0, 1.0)(block, run, side)
    };
    let outcome = drive(plan(), &two);
    assert_eq!(outcome.verdict, Verdict::Equivalent, "pairs do not mind");
    assert!(outcome.warnings[0].contains("two clusters"), "{:?}", outcome.warnings);
    assert_eq!(drive(plan(), &noisy(0.02, 1.0, 1.0)).warnings, Vec::<String>::new());
}

#[test]
fn a_linear_drift_changes_no_verdict() {
    let drift = |block: usize, run: usize, side| {
        noisy(0.03, 1.0, 1.0)(block, run, side) * (0.005 * (4 * block + run) as f64).exp()
    };
    assert_eq!(drive(plan(), &drift).verdict, Verdict::Equivalent);
}

#[test]
fn the_worst_figure_is_the_verdict_and_the_others_are_kept() {
    let mut gate = Gate::new(Plan::new(["CPU", "bytes", "calls"], 1)).expect("a plan");
    let factor = BTreeMap::from([("CPU", 1.0), ("bytes", 1.3), ("calls", 0.7)]);
    let outcome = loop {
        let order = gate.next_block().expect("undecided");
        let costs = |b: f64| -> [f64; 4] {
            std::array::from_fn(|run| noisy(0.02, b, 1.0)(order.number, run, order.runs[run]))
        };
        let costs = factor.iter().map(|(name, b)| ((*name).to_owned(), costs(*b))).collect();
        if let Step::Decided(outcome) = gate.feed(costs).expect("costs") {
            break outcome;
        }
    };
    assert_eq!(outcome.verdict, Verdict::Slower);
    assert!(outcome.reason.starts_with("bytes: +"), "{}", outcome.reason);
    let verdicts = outcome.figures.values().map(|figure| figure.verdict).collect::<Vec<_>>();
    let expected = [Verdict::Equivalent, Verdict::Slower, Verdict::Faster].map(Some);
    assert_eq!(verdicts, expected);
    let text = serde_json::to_string(&outcome).expect("JSON");
    assert_eq!(serde_json::from_str::<Outcome>(&text).expect("read"), outcome);
}

#[test]
fn each_three_blocks_have_one_control_and_mirrored_pairs_in_drawn_order() {
    let blocks: Vec<BlockOrder> = Orders::new(7).take(300).collect();
    assert_eq!(blocks, Orders::new(7).take(300).collect::<Vec<_>>(), "by seed");
    assert_ne!(blocks, Orders::new(8).take(300).collect::<Vec<_>>());
    for three in blocks.chunks(3) {
        assert_eq!(three.iter().filter(|block| block.is_control()).count(), 1);
    }
    for BlockOrder { runs, .. } in &blocks {
        assert!(runs[0] == runs[3] && runs[1] == runs[2] && runs[0] != runs[1], "{runs:?}");
    }
    let count = |wanted: fn(&BlockOrder) -> bool| blocks.iter().filter(|b| wanted(b)).count();
    assert!((120..180).contains(&count(|b| b.runs[0] == Side::A)), "which side begins");
    let place = |place: usize| blocks.chunks(3).filter(|three| three[place].is_control()).count();
    assert!((0..3).all(|at| place(at) > 15), "where the control is");
}

#[test]
fn a_block_that_cannot_be_used_changes_nothing() {
    let mut gate = Gate::new(plan()).expect("a plan");
    let before = gate.next_block();
    let missing = gate.feed(BTreeMap::new()).expect_err("no costs");
    assert_eq!(missing, BlockError::Missing { block: 0, figure: "CPU".to_owned() });
    let costs = |cost| BTreeMap::from([("CPU".to_owned(), [1.0, cost, 1.0, 1.0])]);
    for cost in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = gate.feed(costs(cost)).expect_err("no logarithm");
        assert!(error.to_string().starts_with("run 2 of block 0"), "{error}");
    }
    assert_eq!((gate.next_block(), gate.blocks().len()), (before, 0));
    assert_eq!(gate.feed(costs(1.0)), Ok(Step::Going));
}

#[rstest]
#[case(Plan { figures: vec![], ..plan() }, "0 figures")]
#[case(Plan::new(["a", "b", "c", "d", "e"], 1), "5 figures")]
#[case(Plan::new(["a", "a"], 1), "named twice")]
#[case(Plan { looks: vec![], ..plan() }, "looks at []")]
#[case(Plan { looks: vec![16, 16], ..plan() }, "looks at [16, 16]")]
#[case(Plan { looks: vec![18], ..plan() }, "multiples of 4")]
#[case(Plan { margin: 0.0, ..plan() }, "margin is 0")]
#[case(Plan { alpha: 1.0, ..plan() }, "alpha is 1")]
#[case(Plan { looks: vec![4, 8], ..plan() }, "8 pairs can never be significant")]
fn a_plan_that_cannot_decide_is_refused(#[case] plan: Plan, #[case] words: &str) {
    let error = Gate::new(plan).expect_err("refused");
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_look_that_cannot_be_significant_is_said_beforehand() {
    assert_eq!(plan().warnings(), Vec::<String>::new());
    let early = Plan { looks: vec![8, 48], ..plan() };
    assert_eq!(early.warnings().len(), 1);
    assert!(early.checked().is_ok(), "later ones can");
    assert_eq!(PlanError::Figures(5).to_string(), "5 figures are gated, expected 1 to 4");
}

#[rstest]
#[case(Spending::Even)]
#[case(Spending::Pocock)]
#[case(Spending::ObrienFleming)]
fn what_the_looks_spend_is_the_budget(#[case] spending: Spending) {
    let plan = Plan { alpha_spending: spending, interval_spending: spending, ..plan() };
    let looks = 0..plan.looks.len();
    let alpha: f64 = looks.clone().map(|look| plan.alpha_at(look)).sum();
    let interval: f64 = looks.clone().map(|look| plan.interval_error_at(look)).sum();
    assert!((alpha / plan.alpha - 1.0).abs() < 1e-6, "{alpha}");
    assert!((interval / plan.interval_error - 1.0).abs() < 1e-6, "{interval}");
    assert!(looks.map(|look| plan.alpha_at(look)).all(|part| part > 0.0));
}

/// The small version of `cargo xtask gate-proof`.
#[test]
fn two_thousand_commands_without_a_difference_give_no_false_alarm() {
    let noises = [Noise::Normal, Noise::Outliers, Noise::Drift, Noise::TwoModes];
    let mut commands = 0;
    for (seed, noise) in noises.into_iter().enumerate() {
        let plan = Plan::new(["a", "b", "c", "d"], 0);
        let seed = seed as u64 * 1_000_000;
        let study = Study { plan, noise, slow_down: 0.0, commands: 500, seed };
        let tally = study.run().expect("a plan");
        assert_eq!(tally.of(Verdict::Slower) + tally.of(Verdict::Faster), 0, "{tally:?}");
        // By chance the control voids one command in a hundred.
        assert!(tally.of(Verdict::Void) <= 15, "{tally:?}");
        commands += tally.commands();
    }
    assert_eq!(commands, 2000);
}

#[test]
fn a_slow_down_of_20_percent_is_found_in_19_of_20_commands() {
    for noise in [Noise::Normal, Noise::Outliers] {
        let study = Study { plan: plan(), noise, slow_down: 0.2, commands: 400, seed: 1 };
        let tally = study.run().expect("a plan");
        assert!(tally.of(Verdict::Slower) >= 380, "{tally:?}");
    }
}

#[test]
fn recorded_blocks_are_drawn_and_the_seed_gives_the_result() {
    let recorded = |run| SPREAD * wobble(3, run);
    let blocks = (0..50).map(|block| std::array::from_fn(|run| recorded(4 * block + run)));
    let noise = Noise::Recorded(blocks.collect());
    let study = Study { plan: plan(), noise, slow_down: 0.3, commands: 20, seed: 5 };
    let tally = study.run().expect("a plan");
    assert_eq!(tally.of(Verdict::Slower), 20);
    assert_eq!(study.run().expect("a plan"), tally);
}
