//! What the owning process holds, and giving all of it back.

use crate::context::Context;
use crate::dirs::Dirs;
use crate::engine::locks::{Hold, try_lock};
use crate::engine::{Engine, EngineUse, stop_if_unused};
use crate::error::{Error, Result};
use crate::ledger::{end_strays, give_back};

/// Locks and uses that last as long as the process wants them.
#[derive(Debug, Default)]
pub struct Held {
    engine: Option<EngineUse>,
    /// A shared lock on a cluster that is up, so that `down` waits for us.
    up: Option<std::fs::File>,
}

impl Held {
    /// Finds or starts an engine, as a phase. With `yes` it is installed where there is none, and so is
    /// later what a stage lacks.
    pub async fn find_or_start(&mut self, context: &Context, yes: bool) -> Result<Engine> {
        let phase = context.recorder.phase("engine");
        if yes {
            context.installs.allow();
        }
        let used = Engine::find_or_start(context, &phase, yes).await;
        let used = phase.end(used, |used| {
            let whose = if used.started_by_us { "started by us" } else { "running already" };
            format!("Docker {}, {whose}", used.version)
        })?;
        context.recorder.fact("docker", used.version.clone());
        let engine = used.engine.clone();
        self.engine = Some(used);
        Ok(engine)
    }

    /// Uses a cluster that is up: its engine, and a shared lock on it.
    pub async fn use_up(&mut self, context: &Context, name: &str) -> Result<Engine> {
        let lock = lock_up(&context.dirs, name, Hold::Shared)?;
        self.up =
            Some(lock.ok_or_else(|| {
                Error::environment(format!("cluster {name} is being taken down"))
            })?);
        self.find_or_start(context, false).await
    }

    /// Lets go of the engine; the last user stops a daemon of ours.
    pub async fn release(&mut self, context: &Context) -> Result<()> {
        self.up = None;
        match self.engine.take() {
            Some(used) => used.release(context).await,
            // Perhaps interrupted in the middle of its start.
            None => stop_if_unused(context).await,
        }
    }
}

/// The lock of a cluster that is up: its users share it, `down` holds it alone. `None` when it is
/// not to be had now.
pub(crate) fn lock_up(dirs: &Dirs, name: &str, hold: Hold) -> Result<Option<std::fs::File>> {
    try_lock(&dirs.runs().join(name).join("users.lock"), hold)
}

/// Gives back everything the run owns, newest first, then the engine, then the run's own state.
/// Goes on after a failure; the first one is returned.
pub async fn tear_down(context: &Context, held: &mut Held) -> Result<String> {
    let context = context.for_teardown();
    let mut first = None;
    let mut given = 0;
    for owned in context.run.owned().into_iter().rev() {
        match give_back(&context, &owned).await {
            Ok(()) => given += 1,
            Err(error) => {
                context.recorder.warn(format!("giving back {owned}: {error}"));
                first = first.or(Some(error));
            }
        }
    }
    if let Err(error) = end_strays(&context).await {
        first = first.or(Some(error));
    }
    if let Err(error) = held.release(&context).await {
        first = first.or(Some(error));
    }
    if let Err(error) = context.run.end() {
        first = first.or(Some(error));
    }
    match first {
        None => Ok(format!("{given} things given back, nothing owned any more")),
        Some(error) => Err(error),
    }
}
