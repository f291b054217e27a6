//! `cargo xtask soak`: many runs in a row, seeded kills, each followed by one sweep, and seeded
//! interruptions. The inventory of the machine must not change.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic, bail};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustix::process::Signal;
use xtask::watched::{Watched, pause};

use super::run::tell;

const SPARKPROOF: &str = "target/debug/sparkproof";
/// When to send a signal: the phase that must have begun, and a range of milliseconds after that,
/// for two cores with warm caches. The node image is one that is not cached, so that there is a
/// build to kill.
const MOMENTS: [(&str, &str, &[&str], std::ops::Range<u64>); 6] = [
    ("daemon start", "engine", &["run"], 0..700),
    ("node image", "node", &["run", "--kubernetes-version", "v1.34.4"], 500..10_000),
    ("create", "cluster", &["run"], 300..9_000),
    ("load", "cluster", &["run"], 11_000..17_000),
    ("session", "session", &["run"], 500..9_000),
    ("teardown", "teardown", &["run"], 0..2_000),
];

#[derive(clap::Args)]
pub(crate) struct SoakArgs {
    /// Number of complete runs
    #[arg(long, default_value_t = 0)]
    runs: u32,
    /// Number of runs that are killed with SIGKILL: every second one alone, the others with all
    /// processes
    #[arg(long, default_value_t = 0)]
    kills: u32,
    /// Number of runs that are interrupted with SIGINT: each must end with 130 and clean up. Every
    /// second one gets another SIGINT during cleanup; then `sweep` removes what is left
    #[arg(long, default_value_t = 0)]
    interrupts: u32,
    /// Random seed for the times of the kills and interruptions
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn soak(args: &SoakArgs) -> miette::Result<()> {
    let dir = tempfile::tempdir().into_diagnostic()?;
    let before = dir.path().join("before.json");
    let before = before.to_string_lossy();
    sparkproof(&["inventory", "--save", &before])?;
    let mut failures = Vec::new();
    let mut seconds = Vec::new();
    for number in 1..=args.runs {
        let begun = Instant::now();
        let result = sparkproof(&["run"]);
        seconds.push(begun.elapsed().as_secs_f64());
        tell(&format!("run {number}: {:.1} s, {result:?}", begun.elapsed().as_secs_f64()));
        failures.extend(result.err().map(|e| format!("run {number}: {e}")));
    }
    if args.runs > 0 {
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        let (least, most) = (seconds[0], seconds[seconds.len() - 1]);
        tell(&format!("runs: median {median:.1} s, {least:.1} to {most:.1} s"));
        failures.extend(compare(&before, "after the runs"));
    }
    let mut random = StdRng::seed_from_u64(args.seed);
    for (count, interrupts) in [(args.kills, false), (args.interrupts, true)] {
        for number in 0..count {
            let (name, phase, args, within) = &MOMENTS[number as usize % MOMENTS.len()];
            let after = Duration::from_millis(random.random_range(within.clone()));
            // Every second round over the moments is the harder one.
            let hard = (number as usize / MOMENTS.len()) % 2 == 1;
            let how = match (interrupts, hard) {
                (false, false) => "SIGKILL to the process",
                (false, true) => "SIGKILL to all processes of the run",
                (true, false) => "SIGINT",
                (true, true) => "SIGINT twice",
            };
            let number = number + 1;
            let what =
                format!("{how}, {number}: {name}, {} ms after {phase} began", after.as_millis());
            let begun = Instant::now();
            let ended = match interrupts {
                false => killed(phase, args, after, hard),
                true => interrupted(phase, args, after, hard),
            };
            let cleans_up = interrupts && !hard;
            let outcome = ended
                .and_then(|()| if cleans_up { Ok(()) } else { sparkproof(&["sweep"]) })
                .map_err(|e| e.to_string())
                .and_then(|()| compare(&before, &what).map_or(Ok(()), Err));
            tell(&format!("{what}: {:.1} s, {outcome:?}", begun.elapsed().as_secs_f64()));
            failures.extend(outcome.err().map(|e| format!("{what}: {e}")));
        }
    }
    if failures.is_empty() {
        return Ok(());
    }
    bail!("{} failures:\n{}", failures.len(), failures.join("\n"))
}

fn sparkproof(args: &[&str]) -> miette::Result<()> {
    let status = Command::new(SPARKPROOF).args(args).status().into_diagnostic()?;
    if !status.success() {
        bail!("sparkproof {} ended with {status}", args.join(" "));
    }
    Ok(())
}

fn compare(before: &str, when: &str) -> Option<String> {
    let compared = sparkproof(&["inventory", "--against", before]);
    compared.err().map(|e| format!("{when}: {e}"))
}

/// Starts a run and sends it a signal in a phase; also says whether that phase was reached.
fn signalled(
    phase: &str,
    args: &[&str],
    after: Duration,
    signal: Signal,
) -> miette::Result<(Watched, miette::Result<()>)> {
    let mut run = Watched::start(&Path::new(SPARKPROOF).canonicalize().into_diagnostic()?, args)?;
    let reached = run.reach(phase);
    pause(after);
    run.signal(signal)?;
    Ok((run, reached))
}

/// Starts a run, kills it in a phase, and waits for its end.
fn killed(phase: &str, args: &[&str], after: Duration, all: bool) -> miette::Result<()> {
    let (run, reached) = signalled(phase, args, after, Signal::KILL)?;
    if all {
        run.kill_all(true)?;
    }
    run.end(Duration::from_secs(10))?;
    reached
}

/// Starts a run and interrupts it in a phase, with `twice` again during cleanup.
fn interrupted(phase: &str, args: &[&str], after: Duration, twice: bool) -> miette::Result<()> {
    let (run, reached) = signalled(phase, args, after, Signal::INT)?;
    if twice {
        pause(Duration::from_millis(500));
        run.signal(Signal::INT)?;
    }
    let status = run.end(Duration::from_secs(420))?;
    reached?;
    match status.code() {
        Some(130) => Ok(()),
        // It ended before the signal arrived.
        Some(0) if phase == "teardown" => Ok(()),
        _ => bail!("it ended with {status}, expected 130"),
    }
}
