//! Chores: `cargo xtask test` passes the tests, `cargo xtask ci` is what CI runs.

mod costs;
mod ignored;
mod run;
mod soak;
mod sources;
mod tidy;
mod tools;

use std::path::{Path, PathBuf};

use clap::Parser;
use miette::IntoDiagnostic;
use run::{Step, cargo, tell};

/// Checks `.github/workflows`.
const ACTIONLINT: &str = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7";

#[derive(Parser)]
#[command(about = "Chores of the sparkproof workspace")]
enum Chore {
    /// Unit tests and live scenarios, on a cluster made and taken down for them
    Test {
        /// nextest profile: ci (each kind of check once), full (everything, hours)
        #[arg(long, default_value = "ci")]
        profile: String,
        /// Tests that were built elsewhere, by `cargo xtask archive`; `target/debug/sparkproof` comes
        /// with them
        #[arg(long, value_name = "FILE")]
        archive: Option<String>,
        /// Further arguments for `cargo nextest run`, e.g. a filter
        #[arg(last = true)]
        nextest: Vec<String>,
    },
    /// Build all tests once, for jobs that each run a part: `target/scenarios.tar.zst`
    Archive,
    /// Formatting, lints and dependency policy
    Lint,
    /// Many runs in a row and seeded kills, with the inventory compared (the binary must be built)
    Soak(soak::Args),
    /// Write what a run proved into the marked blocks of docs/strategies
    Docs {
        /// The run directory
        run: String,
    },
    /// Write sample reports (green, red, reading), to look at
    Sample {
        /// Where to: its directories green, red, reading and reading-red are replaced
        dir: PathBuf,
    },
    /// Which crate uses which, and by how many files
    Edges,
    /// What CI runs: lint, then all tests with the ci profile
    Ci,
}

fn main() -> miette::Result<()> {
    match Chore::parse() {
        Chore::Test { profile, archive, nextest } => test(&profile, archive.as_deref(), &nextest),
        Chore::Archive => archive(),
        Chore::Lint => lint(),
        Chore::Soak(args) => soak::soak(&args),
        Chore::Docs { run } => docs(&run),
        Chore::Sample { dir } => sample(&dir),
        Chore::Edges => edges(),
        Chore::Ci => {
            lint()?;
            test("ci", None, &[])
        }
    }
}

/// What is proven on what stands in `sparkproof.toml`, where there is one.
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
    // What a run before this one left says nothing of this one.
    let junit = Path::new("target/nextest").join(profile).join("junit.xml");
    let _ = std::fs::remove_file(&junit);
    let passed = Step::new("target/debug/sparkproof")
        .args(["exec", "--yes", "--", "cargo", "nextest", "run", "--profile", profile])
        .args(tests)
        .args(if profile == "full" { &["--run-ignored", "all"][..] } else { &[] }.iter().copied())
        .args(nextest.iter().map(String::as_str))
        .path(&tools)
        .run();
    // Also of a run that failed, as far as it came; one that never began wrote nothing.
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

fn docs(run: &str) -> miette::Result<()> {
    cargo(["sparkproof", "report", run, "--docs", "docs/strategies"])
        .args(["--coverage", "docs/coverage.md"])
        .run()
}

/// By the unit test that makes them from the tests' tapes.
fn sample(dir: &Path) -> miette::Result<()> {
    let dir = std::path::absolute(dir).into_diagnostic()?;
    cargo(["test", "--package", "sparkproof-report", "--lib", "each_sample_of_a_run_has_its_pages"])
        .env("SPARKPROOF_SAMPLE", &dir)
        .run()
}

#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
fn edges() -> miette::Result<()> {
    let crates = tidy::crates(Path::new("."))?;
    print!("{}", tidy::table(&crates));
    tidy::mutual(&crates).iter().for_each(|pair| println!("each imports the other: {pair}"));
    Ok(())
}

fn lint() -> miette::Result<()> {
    let tools = tools::ensure("deny")?;
    cargo(["fmt", "--all", "--check"]).run()?;
    // A workspace of its own.
    cargo(["fmt", "--manifest-path", "examples/own-scenarios/Cargo.toml", "--check"]).run()?;
    cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    // The advisory database is a git clone; where it is out of reach (no GitHub), the other three
    // policies still hold, and this line says so.
    // A Go module as published: Go's checksum database knows its one content.
    Step::new("go").args(["run", ACTIONLINT]).run()?;
    cargo(["deny", "check", "bans", "licenses", "sources"]).path(&tools).run()?;
    if cargo(["deny", "check", "advisories"]).path(&tools).succeeds()? {
        return Ok(());
    }
    tell("advisories: not checked or not clean, see above (the advisory database needs GitHub)");
    Ok(())
}
