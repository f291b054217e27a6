//! Removes what runs that died left behind on this machine.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Owned, Scope, StaleRun, docker, give_back, processes};
use crate::context::Context;
use crate::engine::{Daemon, EngineUse, Found, look};
use crate::error::{Error, Result};
use crate::events::PhaseGuard;

/// What a sweep did, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Removed, e.g. `network sparkproof-7f3a0000`.
    pub removed: Vec<String>,
    /// Left, because it is the user's to keep or its run is not known on this machine.
    pub left_alone: Vec<String>,
    /// Should have gone and did not, with the reason.
    pub failed: Vec<String>,
}

/// Removes what is left of every run of scope run whose lock is free, newest thing first: its
/// ledger's entries, its processes, what carries its label in the container engine; then a daemon
/// of ours that nobody uses; then the run's state. Never anything of a run whose lock is held.
///
/// # Errors
/// Environment: the state directory cannot be read. What could not be removed is no error here but
/// in [`Swept::failed`], and the rest is still swept.
pub async fn sweep(context: &Context, phase: &PhaseGuard) -> Result<Swept> {
    let mut swept = Swept::default();
    let mut stale = Vec::new();
    for StaleRun { run, scope } in StaleRun::find(&context.dirs)? {
        if scope == Scope::User {
            swept.left_alone.extend(run.owned().iter().map(|o| format!("{o} (kept by `up`)")));
        } else {
            // Held until the end: nobody else sweeps it, and its locks say that it is not alive.
            stale.push(Context { run: Arc::new(run), ..context.for_teardown() });
        }
    }
    let engine = match engine(context, phase, &stale).await {
        Ok(engine) => engine,
        Err(e) => {
            swept.failed.push(format!("the container engine: {e}"));
            Vec::new()
        }
    };
    for run in &stale {
        sweep_run(run, &mut swept).await;
    }
    let live: BTreeSet<String> = StaleRun::live(&context.dirs)?.into_iter().collect();
    let dead: BTreeSet<&str> = stale.iter().map(|c| c.run.id()).collect();
    for used in engine {
        if let Err(e) = sweep_labels(&used, &live, &dead, &mut swept).await {
            swept.failed.push(format!("what carries our label at {}: {e}", used.engine.host));
        }
        let ours = used.started_by_us;
        match used.release(context).await {
            Ok(()) if ours && !Daemon::of(&context.dirs).left_something() => {
                swept.removed.push("the Docker daemon of ours".to_owned());
            }
            Ok(()) => {}
            Err(e) => swept.failed.push(format!("the Docker daemon of ours: {e}")),
        }
    }
    for run in stale {
        if let Err(e) = run.run.end() {
            swept.failed.push(format!("run {}: {e}", run.run.id()));
        }
    }
    Ok(swept)
}

/// The daemons to look into: one that answers, and ours, started again when something of it or in
/// it may be left.
async fn engine(
    context: &Context,
    phase: &PhaseGuard,
    stale: &[Context],
) -> Result<Vec<EngineUse>> {
    let daemon = Daemon::of(&context.dirs);
    let lives_in_ours = |owned: &Owned| owned.docker_host() == Some(&daemon.host());
    let mentioned = stale.iter().any(|run| run.run.owned().iter().any(lives_in_ours));
    let mut engines = Vec::new();
    if let Ok(Found::Theirs(engine)) = look(&context.dirs).await {
        engines.push(EngineUse::theirs(engine).await?);
    }
    if daemon.left_something() || (mentioned && daemon.has_data()) {
        engines.push(EngineUse::of_ours(context, phase).await?);
    }
    Ok(engines)
}

/// The ledger's entries, newest first, then processes that escaped their group.
async fn sweep_run(context: &Context, swept: &mut Swept) {
    let owned = context.run.owned();
    let has_cluster = owned.iter().any(Owned::is_cluster);
    for entry in owned.iter().rev() {
        let in_own_cluster = has_cluster
            && (matches!(entry, Owned::NodeImage { .. })
                || entry.kubeconfig().is_some_and(|k| k.starts_with(context.run.dir())));
        // What lives in a cluster of this very run goes with it.
        let gone = match in_own_cluster {
            true => context.run.gave_back(entry),
            false => give_back(context, entry).await,
        };
        match gone {
            Ok(()) => swept.removed.push(entry.to_string()),
            Err(e) => swept.failed.push(format!("{entry}: {e}")),
        }
    }
    match processes::end_strays(context).await {
        Ok(0) => {}
        Ok(count) => swept.removed.push(format!("processes of run {}: {count}", context.run.id())),
        Err(e) => swept.failed.push(e.to_string()),
    }
}

/// What carries the label of a dead run without standing in its ledger any more. In a daemon of
/// ours only runs of this machine work: there an unknown run is a dead one.
async fn sweep_labels(
    used: &EngineUse,
    live: &BTreeSet<String>,
    dead: &BTreeSet<&str>,
    swept: &mut Swept,
) -> Result<()> {
    let mut found = docker::labelled(&used.engine).await?;
    found.sort_by_key(|labelled| labelled.kind);
    for labelled in found {
        let is_dead = dead.contains(labelled.run.as_str()) || used.started_by_us;
        if labelled.scope != "run" {
            swept.left_alone.push(format!("{labelled} (scope {})", labelled.scope));
        } else if live.contains(&labelled.run) && !dead.contains(labelled.run.as_str()) {
            // Alive.
        } else if is_dead {
            match docker::remove(&used.engine, &labelled).await {
                Ok(()) => swept.removed.push(labelled.to_string()),
                Err(e) => swept.failed.push(format!("{labelled}: {e}")),
            }
        } else {
            swept.left_alone.push(format!("{labelled} (a run of somewhere else)"));
        }
    }
    Ok(())
}

impl Swept {
    /// Nothing failed.
    ///
    /// # Errors
    /// Environment: names what is still there.
    pub fn complete(&self) -> Result<()> {
        match self.failed.as_slice() {
            [] => Ok(()),
            failed => Err(Error::environment(format!("still there: {}", failed.join("; ")))),
        }
    }
}
