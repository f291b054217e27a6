//! `sparkproof exec -- CMD`: owns an environment for the time of a command.

use std::ffi::OsString;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};

use super::run::PlanArgs;
use super::runner::{Request, with_run};
use crate::context::Context;
use crate::error::{Error, Exit, OrFail, Result};
use crate::ledger::labels::RUN_VARIABLE;
use crate::ledger::{Owned, Scope};
use crate::proof::{EXECUTABLE, EnvironmentRecord, HANDOVER, set_up};
use crate::report::Mode;

/// Hold an environment for a command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    common: PlanArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) async fn run(args: Args, mode: Mode) -> Result<Exit> {
    let yes = args.common.yes;
    let plan = args.common.plan()?;
    let words: Vec<_> = args.command.iter().map(|w| w.to_string_lossy()).collect();
    let title = format!("{} · exec {}", plan.title(), words.join(" "));
    let request = Request::of_plan(mode, title, &plan)?;
    with_run(request, async |context, held| {
        let name = format!("sparkproof-{}", context.run.id());
        let environment = set_up(context, held, &plan, &name, Scope::Run, yes).await?;
        let record = EnvironmentRecord::path(context.run.dir());
        environment.record(context).write(&record)?;
        let phase = context.recorder.phase("exec");
        phase.end(child(context, &args.command, &record).await, |()| "ended with status 0".into())
    })
    .await
}

/// Runs the command with our terminal; an interruption is passed on to its whole group, which may
/// take 60 s to clean up (nextest's grace period).
async fn child(context: &Context, command: &[OsString], record: &std::path::Path) -> Result<()> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    let name = program.to_string_lossy().into_owned();
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .env(HANDOVER, record)
        .env(RUN_VARIABLE, context.run.id())
        .env(EXECUTABLE, std::env::current_exe().or_internal("finding our own binary")?)
        .stdin(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| {
            Error::input(format!("starting `{name}`"))
                .because(e)
                .remedy("name a command on PATH after `--`")
        })?;
    let pid = child.id().unwrap_or_default();
    let owned = Owned::process(pid, &name);
    if let Some(owned) = &owned {
        context.run.own(owned.clone())?;
    }
    let status = tokio::select! {
        status = child.wait() => status,
        interruption = context.cancel.cancelled() => {
            if let Some(group) = Pid::from_raw(pid.cast_signed()) {
                let _ = kill_process_group(group, Signal::TERM);
            }
            let grace = std::time::Duration::from_secs(60);
            if tokio::time::timeout(grace, child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
            if let Some(owned) = &owned {
                context.run.gave_back(owned)?;
            }
            return Err(interruption);
        }
    };
    if let Some(owned) = &owned {
        context.run.gave_back(owned)?;
    }
    let status = status.or_environment(format!("waiting for `{name}`"))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::red(format!("`{name}` ended with {status}"))
        .remedy("its own output above says why; the environment was up"))
}
