//! `cargo xtask soak`: many runs in a row, and seeded kills, each followed by one sweep; the
//! inventory of the machine must be as before.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic, WrapErr, bail};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const SPARKPROOF: &str = "target/debug/sparkproof";
/// Every process of a run carries its id in this variable (`ledger::labels::RUN_VARIABLE`).
const OWNER: &str = "SPARKPROOF_OWNER_RUN";
/// A phase and how long after its start a kill may come: inside it, on a two-core machine.
const PHASES: [(&str, u64); 6] = [
    ("engine", 1500),
    ("node", 700),
    ("cluster", 12_000),
    ("cluster", 20_000),
    ("session", 8000),
    ("teardown", 2500),
];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Complete runs in a row
    #[arg(long, default_value_t = 0)]
    runs: u32,
    /// Runs that are killed with SIGKILL: every second one alone, the others with all of ours
    #[arg(long, default_value_t = 0)]
    kills: u32,
    /// Seed of the moments of the kills
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn soak(args: &Args) -> miette::Result<()> {
    let dir = tempfile::tempdir().into_diagnostic()?;
    let before = dir.path().join("before.json");
    let before = before.to_string_lossy();
    sparkproof(&["inventory", "--save", &before])?;
    let mut failures = Vec::new();
    let mut seconds = Vec::new();
    for number in 1..=args.runs {
        let begun = Instant::now();
        let result = sparkproof(&["--quiet", "run"]);
        seconds.push(begun.elapsed().as_secs_f64());
        super::tell(&format!("run {number}: {:.1} s, {result:?}", begun.elapsed().as_secs_f64()));
        failures.extend(result.err().map(|e| format!("run {number}: {e}")));
    }
    if args.runs > 0 {
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        let (least, most) = (seconds[0], seconds[seconds.len() - 1]);
        super::tell(&format!("runs: median {median:.1} s, {least:.1} to {most:.1} s"));
        failures.extend(compare(&before, "after the runs"));
    }
    let mut random = StdRng::seed_from_u64(args.seed);
    for number in 0..args.kills {
        let (phase, within) = PHASES[number as usize % PHASES.len()];
        let after = Duration::from_millis(random.random_range(0..within));
        let all = (number / PHASES.len() as u32) % 2 == 1;
        let what = format!(
            "kill {}: {} {} ms after {phase} began",
            number + 1,
            if all { "all of ours" } else { "the process" },
            after.as_millis()
        );
        let outcome = killed(phase, after, all)
            .and_then(|()| sparkproof(&["sweep"]))
            .map_err(|e| e.to_string())
            .and_then(|()| compare(&before, &what).map_or(Ok(()), Err));
        super::tell(&format!("{what}: {outcome:?}"));
        failures.extend(outcome.err().map(|e| format!("{what}: {e}")));
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

/// Starts a run, kills it in a phase, and waits until it is reaped.
fn killed(phase: &str, after: Duration, all: bool) -> miette::Result<()> {
    let mut child = Command::new(SPARKPROOF)
        .args(["--json", "run"])
        .stdout(Stdio::piped())
        .spawn()
        .into_diagnostic()
        .wrap_err("starting a run")?;
    let result = reach(&mut child, phase).map(|run| {
        // A moment inside the phase is the point here; nothing is being waited for.
        #[expect(clippy::disallowed_methods, reason = "the seeded moment of a kill")]
        std::thread::sleep(after);
        run
    });
    let group = match (&result, all) {
        (Ok(run), true) => of_run(run),
        _ => Vec::new(),
    };
    child.kill().into_diagnostic()?;
    for pid in group {
        let pid = rustix::process::Pid::from_raw(pid);
        let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
    }
    child.wait().into_diagnostic()?;
    result.map(drop)
}

/// Reads events until the phase begins; the run's id.
fn reach(child: &mut Child, phase: &str) -> miette::Result<String> {
    let Some(output) = child.stdout.take() else { bail!("no output") };
    let mut lines = BufReader::new(output).lines();
    let mut run = String::new();
    while let Some(Ok(line)) = lines.next() {
        let event: serde_json::Value = serde_json::from_str(&line).into_diagnostic()?;
        let body = &event["body"];
        if let Some(id) = body["run"].as_str() {
            id.clone_into(&mut run);
        }
        if body["event"] == "phase-started" && body["phase"] == phase {
            // The pipe must not fill while the run goes on.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(run);
        }
    }
    bail!("the run ended before its phase {phase} began")
}

/// Every process with the run's mark in its environment: tools, drivers, our daemon.
fn of_run(run: &str) -> Vec<i32> {
    let Ok(all) = procfs::process::all_processes() else { return Vec::new() };
    all.filter_map(Result::ok)
        .filter(|process| {
            let environ = process.environ().unwrap_or_default();
            environ.get(OsStr::new(OWNER)).is_some_and(|value| value == run)
        })
        .map(|process| process.pid)
        .collect()
}
