//! `sparkproof exec -- CMD`: owns an environment for the time of a command.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::command_line;
use super::run::PlanArgs;
use super::runner::{Request, with_run};
use crate::context::Context;
use crate::error::{Error, Exit, OrFail, Result};
use crate::ledger::labels::RUN_VARIABLE;
use crate::ledger::{Owned, Scope};
use crate::proof::{EXECUTABLE, EnvironmentRecord, HANDOVER, set_up};
use crate::report::Mode;

/// What a command may take to clean up after SIGTERM: as much as nextest gives its tests.
const GRACE: Duration = Duration::from_secs(60);

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
    command_line::look(&args.command).await?;
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
/// take 60 s to clean up.
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
            context.recorder.info(format!("`{name}` may take {} s to clean up", GRACE.as_secs()));
            signal_group(pid, Signal::TERM);
            if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
                signal_group(pid, Signal::KILL);
                let _ = child.wait().await;
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

fn signal_group(leader: u32, signal: Signal) {
    if let Some(group) = Pid::from_raw(leader.cast_signed()) {
        // One that ended meanwhile is what we want.
        let _ = kill_process_group(group, signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::test_context;
    use crate::observe::{Progress, Source, Waiting, wait};

    #[tokio::test]
    async fn an_interrupted_command_cleans_up() {
        let (context, keep) = test_context();
        let (ready, cleaned) = (keep.path().join("ready"), keep.path().join("cleaned"));
        let script = "trap 'sleep 0.5; touch \"$2\"; exit 0' TERM; touch \"$1\"; \
                      while :; do sleep 0.1; done";
        let command: Vec<OsString> =
            ["sh".into(), "-c".into(), script.into(), "sh".into(), ready.clone().into()].into();
        let command = [command, vec![cleaned.clone().into()]].concat();
        let interrupt = async {
            let waiting = Waiting::up_to(30, "the command");
            let there = wait(&context, waiting, Source::Backoff, async || match ready.exists() {
                true => Progress::Met(()),
                false => Progress::NotYet("not started".into()),
            });
            there.await.expect("started");
            context.cancel.cancel(Exit::Interrupt);
        };
        let run = context.cancel.to_its_end(child(&context, &command, keep.path()));
        let (ended, ()) = tokio::join!(run, interrupt);
        assert_eq!(ended.expect_err("interrupted").exit, Exit::Interrupt);
        assert!(cleaned.exists(), "the command came to the end of its cleaning up");
        assert!(context.run.owned().is_empty(), "given back");
    }
}
