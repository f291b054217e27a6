//! Compares two builds of `costs` by pairs; `cargo xtask bench-gate` builds them.
#![expect(clippy::print_stdout, reason = "it prints its verdict")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use benches::GATED;
use clap::Parser;
use sparkproof_measure::gate::{Gate, Outcome, Plan, Side, Step};

#[derive(Parser)]
struct Arguments {
    /// `costs` of the revision that is compared with
    a: PathBuf,
    /// `costs` of the revision that is judged
    b: PathBuf,
    /// Of the order of runs
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { a, b, seed } = Arguments::parse();
    let mut gate = Gate::new(Plan::new(GATED.map(|(name, ..)| name), seed))?;
    let dir = tempfile::tempdir()?;
    // Each side is a copy: the control of A is treated as B is.
    let copy = |from: &Path, name: &str| {
        let to = dir.path().join(name);
        std::fs::copy(from, &to).map(|_| to)
    };
    let programs = [copy(&a, "a")?, copy(&b, "b")?, copy(&a, "control")?];
    let program = |side| match side {
        Side::A => &programs[0],
        Side::B => &programs[1],
        Side::Control => &programs[2],
    };
    let plan = gate.plan();
    println!("at most {} runs of {} pairs", plan.most_runs(), plan.most_pairs());
    plan.warnings().iter().for_each(|warning| println!("{warning}"));
    while let Some(order) = gate.next_block() {
        let mut costs = BTreeMap::from(GATED.map(|(name, ..)| (name.to_owned(), [0.0; 4])));
        for (run, side) in order.runs.into_iter().enumerate() {
            for (name, seconds) in run_once(program(side))? {
                if let Some(of) = costs.get_mut(&name) {
                    of[run] = seconds;
                }
            }
        }
        match gate.feed(costs)? {
            Step::Going => {}
            Step::Undecided(figures) => {
                let pairs = figures.values().map(|figure| figure.pairs).max().unwrap_or(0);
                println!("{pairs} pairs: undecided");
            }
            Step::Decided(outcome) => {
                show(&outcome);
                return Ok(ExitCode::from(u8::from(outcome.verdict.is_red())));
            }
        }
    }
    Err("the gate ended without a verdict".into())
}

fn run_once(program: &Path) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let output = Command::new(program).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{} ended with {}: {said}", program.display(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn show(outcome: &Outcome) {
    println!("{}: {}", word(outcome.verdict), outcome.reason);
    for (name, figure) in &outcome.figures {
        println!(
            "  {name:18} {:12} ratio {:.3} ({:.3} to {:.3}), p {:.1e}, {} pairs; A to A {:.3}",
            figure.verdict.map_or("undecided".to_owned(), word),
            figure.ratio,
            figure.interval.low,
            figure.interval.high,
            figure.p,
            figure.pairs,
            figure.control,
        );
    }
    outcome.warnings.iter().for_each(|warning| println!("  {warning}"));
}

fn word(verdict: sparkproof_measure::gate::Verdict) -> String {
    format!("{verdict:?}").to_lowercase()
}
