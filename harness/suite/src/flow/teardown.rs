//! The locks of the process that owns a run, and the removal of all its resources.

use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::deadlines::TEARDOWN;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::locks::{LockMode, try_lock};
use sparkproof_base::name::Name;
use sparkproof_judge::{Failure, RunReleased};
use sparkproof_kubernetes::release::release;
use sparkproof_machine::engine::{Engine, EngineUse, stop_if_unused};
use sparkproof_machine::exec::end_strays;

/// The engine and the locks that the process uses.
#[derive(Debug, Default)]
pub struct EngineGuard {
    engine: Option<EngineUse>,
    /// A shared lock on a cluster of `up`, so that `down` refuses to remove it.
    up: Option<std::fs::File>,
}

impl EngineGuard {
    /// Finds or starts an engine, as a phase. With `yes` it is installed if needed, and later
    /// stages may install packages, too.
    pub async fn find_or_start(&mut self, context: &Context, yes: bool) -> Result<Engine> {
        let phase = context.recorder.phase("engine");
        if yes {
            context.installs.allow();
        }
        let used = Engine::find_or_start(context, &phase, yes).await;
        let used = phase.end(used, |used| {
            let whose =
                if used.started_by_us { "started by sparkproof" } else { "already running" };
            format!("Docker {}, {whose}", used.version)
        })?;
        context.recorder.fact("docker", used.version.clone());
        let engine = used.engine.clone();
        self.engine = Some(used);
        Ok(engine)
    }

    /// Uses a cluster of `up`: takes its engine, and a shared lock on it.
    pub async fn use_up(&mut self, context: &Context, name: &Name) -> Result<Engine> {
        let lock = lock_up(&context.dirs, name, LockMode::Shared)?;
        self.up = Some(
            lock.ok_or_else(|| Error::environment(format!("cluster {name} is being removed")))?,
        );
        self.find_or_start(context, false).await
    }

    /// Ends the use of the engine; the last user stops sparkproof's daemon.
    pub async fn release(&mut self, context: &Context) -> Result<()> {
        self.up = None;
        match self.engine.take() {
            Some(used) => used.release(context).await,
            // The start of a daemon may have been interrupted.
            None => stop_if_unused(context).await,
        }
    }
}

/// Takes the lock of a cluster of `up`: its users share it, `down` takes it exclusively. `None` if
/// it is not free.
pub fn lock_up(dirs: &Dirs, name: &Name, hold: LockMode) -> Result<Option<std::fs::File>> {
    try_lock(&dirs.run(&name.clone().into()).join("users.lock"), hold)
}

/// Removes all resources of the run, newest first, then stops the engine, then removes the run's
/// state. Continues after a failure. A second signal cuts it short. What is left, and what failed,
/// is the result.
pub async fn tear_down(context: &Context, held: &mut EngineGuard) -> RunReleased {
    tear_down_within(TEARDOWN, context, held).await
}

/// The same with another time limit.
pub(super) async fn tear_down_within(
    limit: Duration,
    context: &Context,
    held: &mut EngineGuard,
) -> RunReleased {
    let context = context.for_teardown();
    if context.cancel.exit().is_some() {
        context.recorder.info(
            "interrupted: cleaning up; after a second Ctrl-C (or SIGTERM) the rest is left to `sparkproof \
             sweep`",
        );
    }
    let before = context.run.owned();
    let mut failures = Vec::new();
    let work = context.cancel.guard(Box::pin(remove_all(&context, held, &mut failures)));
    let ended = tokio::time::timeout(limit, work).await;
    let cut_short = match ended {
        Ok(Err(error)) if error.is_interruption() => Some("a second signal".to_owned()),
        Err(_) => Some(format!("its deadline of {} s", limit.as_secs())),
        Ok(Err(error)) => {
            failures.push(failure(error));
            None
        }
        Ok(Ok(())) => None,
    };
    let left = context.run.owned();
    let removed = before.iter().filter(|owned| !left.contains(owned)).map(ToString::to_string);
    RunReleased {
        removed: removed.collect(),
        left: left.iter().map(ToString::to_string).collect(),
        failures,
        cut_short,
        state_stays: context.run.dir().exists(),
    }
}

/// The error of a cleanup that left something or failed.
pub(super) fn fault(released: &RunReleased) -> Option<Error> {
    let Failure { says, remedy } = released.fault()?;
    let error = Error::environment(says);
    Some(match remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    })
}

fn failure(error: Error) -> Failure {
    Failure { says: error.to_string(), remedy: error.remedy }
}

async fn remove_all(
    context: &Context,
    held: &mut EngineGuard,
    failures: &mut Vec<Failure>,
) -> Result<()> {
    for owned in context.run.owned().into_iter().rev() {
        match release(context, &owned).await {
            Ok(()) => {}
            Err(error) if error.is_interruption() => return Err(error),
            Err(error) => {
                context.recorder.warn(format!("removing {owned}: {error}"));
                failures.push(failure(error));
            }
        }
    }
    let strays = end_strays(context).await.map(drop);
    let engine = held.release(context).await;
    let state = context.run.end();
    failures.extend([strays, engine, state].into_iter().filter_map(Result::err).map(failure));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::Exit;
    use sparkproof_base::ledger::OwnedResource;
    use sparkproof_base::testing::test_context;
    use sparkproof_base::verdict::judged;

    #[tokio::test]
    async fn a_second_signal_cuts_cleanup_short_and_says_what_is_left_for_sweep() {
        let (context, _keep) = test_context();
        // A Docker daemon that accepts connections and never answers.
        let socket = context.run.dir().join("silent.sock");
        let _silent = tokio::net::UnixListener::bind(&socket).expect("bound");
        let docker = format!("unix://{}", socket.display());
        let name = format!("cluster-{}", context.run.id());
        context
            .run
            .record(OwnedResource::KindCluster { docker, name: name.clone() })
            .expect("written");
        context.cancel.cancel(Exit::Interrupt);
        let begun = std::time::Instant::now();
        let mut held = EngineGuard::default();
        let second = async {
            tokio::task::yield_now().await;
            context.cancel.cancel(Exit::Interrupt);
        };
        let cleanup = context.for_teardown();
        let owned = context.run.owned().iter().map(ToString::to_string).collect();
        let check = judged(&cleanup, ("teardown.run", "all goes"), owned, async || {
            Ok(tear_down(&context, &mut held).await)
        });
        let (torn, ()) = tokio::join!(check, second);
        let error = torn.expect_err("cut short");
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let text = error.summary();
        assert!(text.contains(&name) && text.contains("sparkproof sweep"), "{text}");
        let verdicts = context.recorder.verdicts();
        assert!(
            matches!(&verdicts[..], [(_, sparkproof_base::events::Outcome::Red { .. })]),
            "{verdicts:?}"
        );
        assert!(context.run.dir().exists(), "its ledger is what sweep reads");
    }
}
