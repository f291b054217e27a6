//! The locks of the process that owns a run, and the removal of all its resources.

use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::deadlines::TEARDOWN;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::locks::{LockMode, try_lock};
use sparkproof_base::name::Name;
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
/// state. Continues after a failure and returns the first one. A second signal cuts it short.
///
/// # Errors
/// Environment: resources are left; if it was cut short, the error names all of them.
pub async fn tear_down(context: &Context, held: &mut EngineGuard) -> Result<String> {
    tear_down_within(TEARDOWN, context, held).await
}

/// The same with another time limit.
pub(super) async fn tear_down_within(
    limit: Duration,
    context: &Context,
    held: &mut EngineGuard,
) -> Result<String> {
    let context = context.for_teardown();
    if context.cancel.exit().is_some() {
        context.recorder.info(
            "interrupted: cleaning up; after a second Ctrl-C (or SIGTERM) the rest is left to `sparkproof \
             sweep`",
        );
    }
    let work = context.cancel.guard(Box::pin(remove_all(&context, held)));
    match tokio::time::timeout(limit, work).await {
        Ok(Err(error)) if error.is_interruption() => Err(left(&context, "a second signal")),
        Err(_) => Err(left(&context, &format!("its deadline of {} s", limit.as_secs()))),
        Ok(done) => done,
    }
}

/// The error of a cleanup that was cut short: what is left, and how to remove it.
fn left(context: &Context, by: &str) -> Error {
    let left: Vec<String> = context.run.owned().iter().map(ToString::to_string).collect();
    let left = match left.is_empty() {
        true => "possibly the Docker daemon and processes of the run".to_owned(),
        false => left.join(", "),
    };
    Error::environment(format!("cleanup was cut short by {by}; left: {left}"))
        .remedy("`sparkproof sweep` removes all of it")
}

/// `1 resource`, `18 resources`.
fn counted(resources: usize) -> String {
    format!("{resources} resource{}", if resources == 1 { "" } else { "s" })
}

async fn remove_all(context: &Context, held: &mut EngineGuard) -> Result<String> {
    let mut first = None;
    let mut given = 0;
    for owned in context.run.owned().into_iter().rev() {
        match release(context, &owned).await {
            Ok(()) => given += 1,
            Err(error) if error.is_interruption() => return Err(error),
            Err(error) => {
                context.recorder.warn(format!("removing {owned}: {error}"));
                first = first.or(Some(error));
            }
        }
    }
    if let Err(error) = end_strays(context).await {
        first = first.or(Some(error));
    }
    if let Err(error) = held.release(context).await {
        first = first.or(Some(error));
    }
    if let Err(error) = context.run.end() {
        first = first.or(Some(error));
    }
    match first {
        None => Ok(format!("cleanup complete: {} removed", counted(given))),
        Some(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::Exit;
    use sparkproof_base::ledger::OwnedResource;
    use sparkproof_base::testing::test_context;

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
        let check =
            sparkproof_base::verdict::check(&cleanup, "teardown.run", "all goes", async |_| {
                tear_down(&context, &mut held).await
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
