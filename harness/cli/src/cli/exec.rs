//! `sparkproof exec -- CMD`: sets up an environment, runs a command in it, tears it down.

use std::ffi::OsString;
use std::process::Stdio;

use rustix::process::Signal;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::{COMMAND_ENDS, COMMAND_ENDS_AT_ONCE};
use sparkproof_base::error::{Error, ErrorContext, Exit, Result};
use sparkproof_base::ledger::Scope;
use sparkproof_machine::exec::Group;
use sparkproof_report::Mode;
use sparkproof_suite::flow::set_up;
use sparkproof_testbed::{EXECUTABLE, EnvironmentRecord, HANDOVER};
use tokio::time::timeout;

use super::command_line;
use super::run::PlanArgs;
use super::runner::{Request, with_run};

/// Set up an environment for a command.
#[derive(Debug, clap::Args)]
pub(super) struct ExecArgs {
    #[command(flatten)]
    common: PlanArgs,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) async fn run(args: ExecArgs, mode: Mode) -> Result<Exit> {
    let yes = args.common.yes;
    command_line::check_command(&args.command).await?;
    let plan = args.common.plan()?;
    let words: Vec<_> = args.command.iter().map(|w| w.to_string_lossy()).collect();
    let title = format!("{} · exec {}", plan.title(), words.join(" "));
    let request = Request::of_plan(mode, title, &plan)?;
    with_run(request, async |context, held| {
        let name = format!("sparkproof-{}", context.run.id());
        let environment = Box::pin(set_up(context, held, &plan, &name, Scope::Run, yes)).await?;
        let record = EnvironmentRecord::path(context.run.dir());
        environment.record(context).write(&record)?;
        context.run.accept()?;
        let phase = context.recorder.phase("exec");
        phase.end(child(context, &args.command, &record).await, |()| "ended with status 0".into())
    })
    .await
}

/// Runs the command on this terminal. A signal is passed on to its process group as SIGTERM, and
/// the command then has [`COMMAND_ENDS`] to clean up. A second signal is passed on, too, and
/// shortens that.
async fn child(context: &Context, command: &[OsString], record: &std::path::Path) -> Result<()> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    let name = program.to_string_lossy().into_owned();
    let mut command = tokio::process::Command::new(program);
    command
        .args(args)
        .env(HANDOVER, record)
        .env(EXECUTABLE, std::env::current_exe().or_internal("finding the sparkproof binary")?)
        .stdin(Stdio::null());
    let mut group = Group::spawn(context, &mut command, &name, |e| {
        Error::input(format!("starting `{name}`"))
            .with_source(e)
            .remedy("name a command on PATH after `--`")
    })?;
    let status = tokio::select! {
        status = group.ended() => status,
        interruption = context.cancel.cancelled() => {
            let seconds = COMMAND_ENDS.as_secs();
            context.recorder.info(format!("`{name}` has {seconds} s to clean up"));
            tokio::select! {
                () = group.terminate(COMMAND_ENDS) => {}
                () = context.cancel.cut_short() => {
                    group.signal(Signal::TERM);
                    let _ = timeout(COMMAND_ENDS_AT_ONCE, group.ended()).await;
                }
            }
            group.finish()?;
            return Err(interruption);
        }
    };
    group.finish()?;
    if status.success() {
        return Ok(());
    }
    Err(Error::red(format!("`{name}` ended with {status}"))
        .remedy("see its output above; the environment was up"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;
    use sparkproof_base::wait::{Progress, Source, Waiting, wait};

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
        assert!(cleaned.exists(), "the command finished its cleanup");
        assert!(context.run.owned().is_empty(), "removed");
    }
}
