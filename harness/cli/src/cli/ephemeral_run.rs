//! A run without a report, for commands that need a ledger and signals only while they work.

use std::sync::Arc;

use sparkproof_base::context::{Cancel, Context, Installs};
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Exit, Result};
use sparkproof_base::events::{Recorder, Secrets, Silent};
use sparkproof_base::ledger::{Run, Scope};

use super::runner::{abandoned, caught};

/// Runs `body` in a run of its own whose events are discarded at the end.
pub(super) async fn with_ephemeral_run(
    body: impl AsyncFnOnce(&Context) -> Result<Exit>,
) -> Result<Exit> {
    let cancel = Cancel::default();
    cancel.on_signals()?;
    chore(Dirs::of_user()?, cancel, body).await
}

async fn chore(
    dirs: Dirs,
    cancel: Cancel,
    body: impl AsyncFnOnce(&Context) -> Result<Exit>,
) -> Result<Exit> {
    let run = Run::begin(&dirs, Scope::Run)?;
    let recorder = Recorder::open(run.dir(), Secrets::default(), Box::new(Silent));
    let recorder = recorder.or_else(|error| abandoned(&run, error))?;
    let context =
        Context { dirs, recorder, run: Arc::new(run), cancel, installs: Installs::default() };
    let result = caught(body(&context)).await;
    context.run.end()?;
    match context.cancel.exit() {
        // Cleanup runs to its end after a signal; the exit code is still that of the signal.
        Some(signal) if matches!(result, Ok(Exit::Green)) => Err(Error::interrupted(signal)),
        _ => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_is_the_exit_of_what_then_succeeds() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let at = |signal: Option<Exit>, result: Result<Exit>| {
            let (state, cache) = (keep.path().join("state"), keep.path().join("cache"));
            let dirs = Dirs::at(state, cache).expect("directories");
            chore(dirs, Cancel::default(), async move |context: &Context| {
                if let Some(signal) = signal {
                    context.cancel.cancel(signal);
                }
                result
            })
        };
        assert_eq!(at(None, Ok(Exit::Green)).await.expect("done"), Exit::Green);
        let signal = Some(Exit::Interrupt);
        let cut = at(signal, Ok(Exit::Green)).await.expect_err("interrupted");
        assert_eq!(cut.exit, Exit::Interrupt);
        let failed = at(signal, Err(Error::environment("left"))).await.expect_err("failed");
        assert_eq!(failed.exit, Exit::Environment, "the first cause");
    }
}
