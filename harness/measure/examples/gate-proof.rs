//! Tries the gate on simulated commands and prints the tables of docs/benchmarking.md:
//! `cargo xtask gate-proof [--commands N] [--recorded FILE]`.

#![expect(clippy::print_stdout, reason = "it prints its tables")]

use std::error::Error;

use sparkproof_measure::gate::simulation::{Noise, Study, Tally};
use sparkproof_measure::gate::{Plan, Spending, Verdict};

/// Of all studies: the tables can be made again.
const SEED: u64 = 20_261_201;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let commands: u64 = arguments.next().map_or(Ok(100_000), |number| number.parse())?;
    let mut noises = vec![
        ("normal", Noise::Normal),
        ("outliers", Noise::Outliers),
        ("drift", Noise::Drift),
        ("two modes", Noise::TwoModes),
        ("all of these", Noise::All),
    ];
    if let Some(path) = arguments.next() {
        let costs: Vec<[f64; 4]> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        if costs.is_empty() {
            return Err("no recorded blocks".into());
        }
        noises.push(("recorded", Noise::Recorded(costs.iter().map(|c| c.map(f64::ln)).collect())));
    }
    without_difference(&noises, commands / (2 * noises.len() as u64))?;
    with_difference(&noises, commands / 100)?;
    spendings(commands / 50)
}

fn plan(figures: usize) -> Plan {
    Plan::new((1..=figures).map(|figure| format!("figure {figure}")), 0)
}

fn run(plan: Plan, noise: &Noise, slow_down: f64, commands: u64) -> Result<Tally, Box<dyn Error>> {
    let noise = noise.clone();
    Ok(Study { plan, noise, slow_down, commands, seed: SEED }.run()?)
}

fn without_difference(noises: &[(&str, Noise)], commands: u64) -> Result<(), Box<dyn Error>> {
    println!("A against A, simulated ({commands} commands a row):\n");
    println!(
        "| noise | figures | `slower` | `faster` | `void` | `equivalent` | `inconclusive` | \
         `unstable` | two clusters | pairs, mean |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for figures in [1, 4] {
        for (name, noise) in noises {
            let tally = run(plan(figures), noise, 0.0, commands)?;
            let (slower, faster) = (tally.of(Verdict::Slower), tally.of(Verdict::Faster));
            println!(
                "| {name} | {figures} | {slower} | {faster} | {} | {} | {} | {} | {} | {:.1} |",
                share(&tally, Verdict::Void),
                share(&tally, Verdict::Equivalent),
                share(&tally, Verdict::Inconclusive),
                share(&tally, Verdict::Unstable),
                percent(tally.clusters, tally.commands()),
                tally.mean_pairs(),
            );
        }
    }
    Ok(())
}

fn with_difference(noises: &[(&str, Noise)], commands: u64) -> Result<(), Box<dyn Error>> {
    println!("\nB slower than A in one of four figures, simulated ({commands} commands a row):\n");
    println!(
        "| noise | slow-down | `slower` | `inconclusive` | `unstable` | that figure `equivalent` | \
         pairs, mean |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (name, noise) in noises {
        for slow_down in [0.05, 0.1, 0.2, 0.3] {
            let tally = run(plan(4), noise, slow_down, commands)?;
            let wrong = tally.first.get(&Verdict::Equivalent).copied().unwrap_or(0);
            println!(
                "| {name} | {:.0} % | {} | {} | {} | {} | {:.1} |",
                slow_down * 100.0,
                share(&tally, Verdict::Slower),
                share(&tally, Verdict::Inconclusive),
                share(&tally, Verdict::Unstable),
                percent(wrong, tally.commands()),
                tally.mean_pairs(),
            );
        }
    }
    Ok(())
}

fn spendings(commands: u64) -> Result<(), Box<dyn Error>> {
    println!("\nHow the interval's error is spent, one figure, normal noise, simulated:\n");
    println!(
        "| looks | spending | `equivalent` at 0 % | pairs, mean | `slower` at 10 % | pairs, mean |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for looks in [vec![16, 24, 32, 48], vec![16, 32, 48], vec![24, 48]] {
        for spending in [Spending::Even, Spending::Pocock, Spending::ObrienFleming] {
            let plan = Plan { looks: looks.clone(), interval_spending: spending, ..plan(1) };
            let alike = run(plan.clone(), &Noise::Normal, 0.0, commands)?;
            let slower = run(plan, &Noise::Normal, 0.1, commands / 5)?;
            println!(
                "| {looks:?} | {spending:?} | {} | {:.1} | {} | {:.1} |",
                share(&alike, Verdict::Equivalent),
                alike.mean_pairs(),
                share(&slower, Verdict::Slower),
                slower.mean_pairs(),
            );
        }
    }
    Ok(())
}

fn share(tally: &Tally, verdict: Verdict) -> String {
    percent(tally.of(verdict), tally.commands())
}

fn percent(part: u64, all: u64) -> String {
    format!("{:.1} %", part as f64 * 100.0 / all as f64)
}
