//! The command line; one file a subcommand.

mod bench;
mod cache;
mod cluster_args;
mod command_line;
mod diagnose;
mod doctor;
mod ephemeral_run;
mod exec;
mod inventory;
mod node_image;
mod report;
mod run;
mod runner;
mod store;
mod sweep;
mod up;

use std::panic::resume_unwind;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use sparkproof_base::error::{Error, Exit, Result};
use sparkproof_report::Mode;

/// Bytes of the command's stack.
const STACK: usize = 32 << 20;
/// How long blocking calls may keep the process after all work is done.
const THREADS_END: Duration = Duration::from_secs(2);

/// Proves that Spark works on Kubernetes, and says why when it does not.
///
/// Exit codes: 0 all green, 1 a check is red or a variant that was requested by its id was skipped,
/// 2 bad input, 3 the machine or the cluster cannot serve the request, 70 a defect of sparkproof,
/// 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.
#[derive(Debug, Parser)]
#[command(name = "sparkproof", version)]
struct Arguments {
    /// Print failures and the closing line only
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Print the events as JSON lines, and nothing else
    #[arg(long, global = true, conflicts_with = "quiet")]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prove everything: boot a cluster, build images, start a session, check it, clean up
    Run(run::RunArgs),
    /// Set up an environment, run a command in it (it is described in SPARKPROOF_ENV), clean up
    Exec(exec::ExecArgs),
    /// Start a cluster that outlives this command
    Up(up::UpArgs),
    /// Remove a cluster that `up` started
    Down(up::DownArgs),
    /// Show the clusters that are up
    Status(up::StatusArgs),
    /// Start, show or remove a storage server alone
    Store(store::StoreArgs),
    /// List or prune the cache
    Cache(cache::CacheArgs),
    /// Remove what killed runs left behind
    Sweep(sweep::SweepArgs),
    /// Check the prerequisites of `run` on this machine
    Doctor(doctor::DoctorArgs),
    /// Say why a Spark application fails that somebody else runs; only reads
    Diagnose(diagnose::DiagnoseArgs),
    /// List everything that a run could leave behind; compare with a saved list
    Inventory(inventory::InventoryArgs),
    /// Pull or assemble the node image alone; print its reference, digest and size
    NodeImage(node_image::NodeImageArgs),
    /// Compare what two sessions cost, by pairs of runs; write baselines
    Bench(bench::BenchArgs),
    /// Write the reports of a run directory again
    Report(report::ReportArgs),
}

impl Arguments {
    fn mode(&self) -> Mode {
        match (self.quiet, self.json) {
            (_, true) => Mode::Json,
            (true, _) => Mode::Quiet,
            _ => Mode::Lines,
        }
    }
}

/// Runs the command of this process's command line; returns its exit code.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { Exit::BadInput } else { Exit::Green };
            let _ = error.print();
            return ExitCode::from(code.code());
        }
    };
    // Unoptimised async code moves whole sessions over the stack, and the limit of the main thread's is
    // the user's.
    let dispatched = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(|| dispatch(arguments))
        .map_err(|e| Error::internal("starting a thread").with_source(e));
    // A panic is reported by its hook.
    let done = dispatched.map(std::thread::JoinHandle::join);
    let exit = match done.and_then(|done| done.unwrap_or_else(|panic| resume_unwind(panic))) {
        Ok(exit) => exit,
        Err(error) => {
            let exit = error.exit;
            say(error);
            exit
        }
    };
    ExitCode::from(exit.code())
}

fn dispatch(arguments: Arguments) -> Result<Exit> {
    let mode = arguments.mode();
    on_runtime(async {
        match arguments.command {
            Command::Run(args) => Box::pin(run::run(args, mode)).await,
            Command::Exec(args) => Box::pin(exec::run(args, mode)).await,
            Command::Up(args) => Box::pin(up::up(args, mode)).await,
            Command::Down(args) => up::down(args, mode).await,
            Command::Status(args) => up::status(&args).await,
            Command::Store(args) => Box::pin(store::run(args, mode)).await,
            Command::Cache(args) => cache::run(&args),
            Command::Sweep(args) => sweep::run(args, mode).await,
            Command::Doctor(args) => doctor::run(args).await,
            Command::Diagnose(args) => diagnose::run(args, mode).await,
            Command::Inventory(args) => inventory::run(args).await,
            Command::NodeImage(args) => node_image::run(args, mode).await,
            Command::Bench(args) => Box::pin(bench::run(args, mode)).await,
            Command::Report(args) => report::run(&args, mode),
        }
    })?
}

/// Runs `work` on an async runtime. A blocking call that hangs (a credential helper) does not keep
/// the process alive for longer than [`THREADS_END`].
fn on_runtime<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::internal("starting the async runtime").with_source(e))?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(THREADS_END);
    Ok(done)
}

/// Prints the error with its causes and remedy on standard error.
#[expect(clippy::print_stderr, reason = "the command line's error output")]
fn say(error: Error) {
    eprintln!("{:?}", miette::Report::new(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages, with the commands they show.
    const PAGES: [&str; 20] = [
        include_str!("../../../../README.md"),
        include_str!("../../../../docs/baselines.md"),
        include_str!("../../../../docs/benchmarking.md"),
        include_str!("../../../../docs/ci.md"),
        include_str!("../../../../docs/coverage.md"),
        include_str!("../../../../docs/exit-codes.md"),
        include_str!("../../../../docs/front-ends.md"),
        include_str!("../../../../docs/existing-clusters.md"),
        include_str!("../../../../docs/pod-templates.md"),
        include_str!("../../../../docs/providers.md"),
        include_str!("../../../../docs/report.md"),
        include_str!("../../../../docs/stores.md"),
        include_str!("../../../../docs/diagnosing.md"),
        include_str!("../../../../docs/strategies/README.md"),
        include_str!("../../../../docs/strategies/0-copy.md"),
        include_str!("../../../../docs/strategies/1-baked.md"),
        include_str!("../../../../docs/strategies/2-mount.md"),
        include_str!("../../../../docs/strategies/3-volume.md"),
        include_str!("../../../../docs/strategies/4-remote.md"),
        include_str!("../../../../examples/own-scenarios/README.md"),
    ];

    /// Code spans and lines of code blocks that call sparkproof.
    fn commands(page: &str) -> Vec<String> {
        let spans = page.split('`').skip(1).step_by(2).filter(|span| !span.contains('\n'));
        let lines = page.lines().map(|line| line.split('#').next().unwrap_or_default());
        let all = spans.chain(lines).map(str::trim);
        let ours = all.filter(|text| {
            text.starts_with("sparkproof ") || text.starts_with("cargo sparkproof ")
        });
        // A line of output begins with the version.
        ours.filter(|text| !text.contains(" · ")).map(|text| text.replace("cargo ", "")).collect()
    }

    #[test]
    fn every_command_of_the_docs_is_understood() {
        let all: Vec<String> = PAGES.iter().flat_map(|page| commands(page)).collect();
        assert!(all.len() > 15, "{all:?}");
        for command in all {
            let words: Vec<&str> = command.split_whitespace().collect();
            if let Err(error) = Arguments::try_parse_from(&words) {
                panic!("`{command}`: {error}");
            }
        }
    }

    #[test]
    fn a_blocking_call_that_hangs_does_not_keep_the_process() {
        let (hangs, released) = std::sync::mpsc::channel::<()>();
        let (begun, is_begun) = std::sync::mpsc::channel();
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let exit = on_runtime(async {
                tokio::task::spawn_blocking(move || {
                    let _ = begun.send(());
                    released.recv()
                });
                is_begun.recv().expect("it hangs");
                Exit::Environment
            });
            done.send(exit.expect("a runtime")).expect("waited for");
        });
        let exit = is_done.recv_timeout(10 * THREADS_END);
        drop(hangs);
        assert_eq!(exit, Ok(Exit::Environment));
    }

    #[test]
    fn a_wrong_command_is_not_understood() {
        assert!(Arguments::try_parse_from(["sparkproof", "prove"]).is_err());
    }
}
