//! Chores: `cargo xtask test` runs the tests, `cargo xtask ci` is what CI runs.

mod benches;
mod costs;
mod faults;
mod ignored;
mod run;
mod soak;
mod sources;
mod tidy;
mod tools;

use std::path::{Path, PathBuf};

use clap::Parser;
use miette::IntoDiagnostic;
use run::{Invocation, cargo, tell};

/// Checks `.github/workflows`.
const ACTIONLINT: &str = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7";

/// Changes the judgements. Another version may make other mutants.
const MUTANTS: &str = "cargo-mutants@27.1.0";

#[derive(Parser)]
#[command(about = "Chores of the sparkproof workspace")]
enum Chore {
    /// Run unit tests and live scenarios, on a cluster that is created for them and removed
    Test {
        /// nextest profile: ci (each kind of check once) or full (everything, takes hours)
        #[arg(long, default_value = "ci")]
        profile: String,
        /// Use tests that `cargo xtask archive` built elsewhere; `target/debug/sparkproof` comes
        /// with them
        #[arg(long, value_name = "FILE")]
        archive: Option<String>,
        /// Further arguments for `cargo nextest run`, e.g. a filter
        #[arg(last = true)]
        nextest: Vec<String>,
    },
    /// Build all tests once, into `target/scenarios.tar.zst`, for jobs that each run a part
    Archive,
    /// Check formatting, lints and dependency policy
    Lint,
    /// Change the judgements, one mutant at a time; red if no control notices one
    /// (`.cargo/mutants.toml` lists those that none can)
    Mutants {
        /// Further arguments for `cargo mutants`, e.g. `--file harness/judge/src/pods.rs`
        #[arg(last = true)]
        mutants: Vec<String>,
    },
    /// Many runs in a row and seeded kills, with the inventory compared after each (build the
    /// binary first)
    Soak(soak::SoakArgs),
    /// Write what a run proved into the marked blocks of docs/strategies
    Docs {
        /// The run directory
        run: String,
    },
    /// Write sample reports (green, red, reading), to work on the template
    Sample {
        /// Target directory: its directories green, red, reading and reading-red are replaced
        dir: PathBuf,
    },
    /// Show how the faults of `causes.rs` came out: right, wrong name or none, and after how long
    Faults {
        /// The run directory, or the file that SPARKPROOF_FAULTS_OUT named
        path: PathBuf,
    },
    /// Try the gate of `sparkproof bench` on simulated commands, and print the tables of
    /// docs/benchmarking.md
    GateProof {
        /// How many commands without a difference; those with one are a twentieth of that in each case
        #[arg(long, default_value_t = 100_000)]
        commands: u64,
        /// Draw blocks from recorded ones as well: a JSON list of lists of four costs, of runs of one
        /// build
        #[arg(long, value_name = "FILE")]
        recorded: Option<String>,
    },
    /// Compare the harness' own hot paths (`benches/`) of two revisions by pairs; red if the second is
    /// slower
    BenchGate {
        /// The revision that is compared with
        before: String,
        /// The revision that is judged; the tree as it is if it is left out
        after: Option<String>,
    },
    /// Show which crate uses which, and in how many files
    Edges,
    /// Run what CI runs: lint, then all tests with the ci profile
    Ci,
}

fn main() -> miette::Result<()> {
    match Chore::parse() {
        Chore::Test { profile, archive, nextest } => test(&profile, archive.as_deref(), &nextest),
        Chore::Archive => archive(),
        Chore::Lint => lint(),
        Chore::Mutants { mutants: args } => mutants(&args),
        Chore::Soak(args) => soak::soak(&args),
        Chore::Docs { run } => docs(&run),
        Chore::Sample { dir } => sample(&dir),
        Chore::Faults { path } => faults(&path),
        Chore::GateProof { commands, recorded } => gate_proof(commands, recorded.as_deref()),
        Chore::BenchGate { before, after } => benches::gate(&before, after.as_deref()),
        Chore::Edges => edges(),
        Chore::Ci => {
            lint()?;
            test("ci", None, &[])
        }
    }
}

/// The plan of the tests is `sparkproof.toml`, if there is one.
fn test(profile: &str, archive: Option<&str>, nextest: &[String]) -> miette::Result<()> {
    let tools = tools::ensure("nextest")?;
    let tests = match archive {
        Some(archive) => ["--archive-file", archive, "--workspace-remap", "."].to_vec(),
        None => {
            // Built before `exec`, so that a cluster does not wait for a compiler.
            cargo(["build", "--workspace", "--all-targets"]).run()?;
            vec!["--workspace"]
        }
    };
    // A file of an earlier run says nothing about this one.
    let junit = Path::new("target/nextest").join(profile).join("junit.xml");
    let _ = std::fs::remove_file(&junit);
    let passed = Invocation::new("target/debug/sparkproof")
        .args(["exec", "--yes", "--", "cargo", "nextest", "run", "--profile", profile])
        .args(tests)
        .args(if profile == "full" { &["--run-ignored", "all"][..] } else { &[] }.iter().copied())
        .args(nextest.iter().map(String::as_str))
        .path(&tools)
        .run();
    // Also for a run that failed, as far as it came; a run that never began wrote nothing.
    if let Ok(text) = costs::summary(&junit) {
        tell(&text);
    }
    if profile != "full" {
        for (reason, tests) in ignored::below(Path::new("scenarios/tests"))? {
            tell(&format!("{} not run, {reason}: {}", tests.len(), tests.join("; ")));
        }
    }
    passed
}

fn archive() -> miette::Result<()> {
    let tools = tools::ensure("nextest")?;
    cargo(["build", "--workspace", "--all-targets"]).run()?;
    cargo(["nextest", "archive", "--workspace", "--archive-file", "target/scenarios.tar.zst"])
        .path(&tools)
        .run()
}

/// In a copy of the tree: the results are in `target/mutants.out`.
fn mutants(args: &[String]) -> miette::Result<()> {
    let tools = tools::built(MUTANTS)?;
    cargo(["mutants", "--package", "sparkproof-judge", "--output", "target"])
        .args(args.iter().map(String::as_str))
        .path(&tools)
        .run()
}

fn docs(run: &str) -> miette::Result<()> {
    cargo(["sparkproof", "report", run, "--docs", "docs/strategies"])
        .args(["--coverage", "docs/coverage.md"])
        .run()
}

/// Optimised enough as it is built for tests: Cargo.toml says so for what it uses.
fn gate_proof(commands: u64, recorded: Option<&str>) -> miette::Result<()> {
    let commands = commands.to_string();
    cargo(["run", "-p", "sparkproof-measure", "--example", "gate-proof", "--", &commands])
        .args(recorded)
        .run()
}

/// The samples are written by a unit test, from the test fixtures.
fn sample(dir: &Path) -> miette::Result<()> {
    let dir = std::path::absolute(dir).into_diagnostic()?;
    cargo(["test", "--package", "sparkproof-report", "--lib", "each_sample_of_a_run_has_its_pages"])
        .env("SPARKPROOF_SAMPLE", &dir)
        .run()
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn faults(path: &Path) -> miette::Result<()> {
    print!("{}", faults::table(path)?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn edges() -> miette::Result<()> {
    let crates = tidy::crates(Path::new("."))?;
    print!("{}", tidy::table(&crates));
    tidy::mutual(&crates).iter().for_each(|pair| println!("each imports the other: {pair}"));
    Ok(())
}

fn lint() -> miette::Result<()> {
    let tools = tools::ensure("deny")?;
    cargo(["fmt", "--all", "--check"]).run()?;
    // A separate workspace.
    cargo(["fmt", "--manifest-path", "examples/own-scenarios/Cargo.toml", "--check"]).run()?;
    cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    // The advisory database is a git clone. Without access to GitHub the other three policies are
    // still checked, and the message below says so.
    // A Go module as published: Go's checksum database pins its content.
    Invocation::new("go").args(["run", ACTIONLINT]).run()?;
    cargo(["deny", "check", "bans", "licenses", "sources"]).path(&tools).run()?;
    if cargo(["deny", "check", "advisories"]).path(&tools).succeeds()? {
        return Ok(());
    }
    tell("advisories: not checked, or some found, see above (the advisory database needs GitHub)");
    Ok(())
}
