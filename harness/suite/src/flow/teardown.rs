//! The locks of the process that owns a run, and the removal of all its resources.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::TEARDOWN;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::ledger::{HandedOver, OwnedResource, Run, RunListing};
use sparkproof_base::locks::{LockMode, try_lock};
use sparkproof_base::name::Name;
use sparkproof_judge::{Failure, RunReleased};
use sparkproof_kubernetes::release::{let_end, release};
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
/// state. What was handed over goes before. Continues after a failure. A second signal cuts it short.
/// What is left, and what failed, is the result.
pub async fn tear_down(context: &Context, held: &mut EngineGuard) -> RunReleased {
    tear_down_within(TEARDOWN, context, held, None).await
}

/// The run to which a scenario hands over its namespaces.
#[derive(Debug)]
pub(super) struct Owner {
    /// Directory of that run.
    pub(super) dir: PathBuf,
    /// The kubeconfig of the environment's cluster, which outlives the scenario.
    pub(super) kubeconfig: PathBuf,
    /// Name of the scenario.
    pub(super) scenario: String,
}

impl Owner {
    /// Whether it takes what is left of a run: only namespaces on its cluster, whose names no other
    /// scenario needs.
    fn takes(&self, left: &[OwnedResource], run: &RunId) -> bool {
        let is_taken = |it: &OwnedResource| {
            matches!(it, OwnedResource::Namespace { kubeconfig, name, .. }
                if *kubeconfig == self.kubeconfig && name.contains(run.as_str()))
        };
        !left.is_empty() && left.iter().all(is_taken)
    }
}

/// The run's resources in words, with those that were handed over to it.
pub fn resources(context: &Context) -> Vec<String> {
    let mut all: Vec<String> = context.run.owned().iter().map(ToString::to_string).collect();
    // What cannot be read is a failure of the teardown.
    for HandedOver { run, name } in context.run.handed_over().into_iter().flat_map(|l| l.found) {
        all.extend(run.owned().iter().map(|owned| format!("{owned} of {name}")));
    }
    all
}

/// The same with another time limit, and for a scenario.
pub(super) async fn tear_down_within(
    limit: Duration,
    context: &Context,
    held: &mut EngineGuard,
    owner: Option<&Owner>,
) -> RunReleased {
    let context = context.for_teardown();
    if context.cancel.exit().is_some() {
        context.recorder.info(
            "interrupted: cleaning up; after a second Ctrl-C (or SIGTERM) the rest is left to `sparkproof \
             sweep`",
        );
    }
    let before = resources(&context);
    let mut failures = Vec::new();
    let work = context.cancel.guard(Box::pin(remove_all(&context, held, owner, &mut failures)));
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
    let left = resources(&context);
    RunReleased {
        removed: before.into_iter().filter(|owned| !left.contains(owned)).collect(),
        left,
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
    owner: Option<&Owner>,
    failures: &mut Vec<Failure>,
) -> Result<()> {
    let run = &context.run;
    let accepted = remove_handed_over(context, failures).await?;
    let owned = run.owned();
    let with_cluster = |it: &&OwnedResource| it.goes_with_its_cluster(run.dir(), &owned);
    let (with_cluster, others): (Vec<_>, Vec<_>) = owned.iter().rev().partition(with_cluster);
    let mut ending = Vec::new();
    for it in others {
        // Namespaces end side by side. They have no pods then, so nothing older is in use by them.
        let is_namespace = matches!(it, OwnedResource::Namespace { .. });
        match is_namespace && let_end(context, it).await.is_ok() {
            true => ending.push(it),
            false => note(context, failures, format!("removing {it}"), release(context, it).await)?,
        }
    }
    failures.extend(end_strays(context).await.err().map(failure));
    if let Some(owner) = owner
        && failures.is_empty()
        && owner.takes(&run.owned(), run.id())
    {
        match run.hand_over(&owner.dir, &owner.scenario) {
            // The engine is the owner's.
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => failures.push(failure(error)),
        }
    }
    for it in ending {
        note(context, failures, format!("removing {it}"), release(context, it).await)?;
    }
    if !run.owned().iter().any(OwnedResource::is_cluster) {
        with_cluster.into_iter().try_for_each(|it| run.released(it))?;
        for late in accepted {
            let left = late.owned();
            let mut gone = left.iter().filter(|it| it.goes_with_its_cluster(run.dir(), &owned));
            gone.try_for_each(|it| late.released(it))?;
            failures.extend(late.end().err().map(failure));
        }
    }
    let engine = held.release(context).await;
    let state = run.end();
    failures.extend([engine, state].into_iter().filter_map(Result::err).map(failure));
    Ok(())
}

/// Removes what is left of the runs that were handed over; returns those of which something stays.
async fn remove_handed_over(
    context: &Context,
    failures: &mut Vec<Failure>,
) -> Result<Vec<Arc<Run>>> {
    let RunListing { found, failed } = match context.run.handed_over() {
        Ok(listed) => listed,
        Err(error) => RunListing { found: Vec::new(), failed: vec![error.to_string()] },
    };
    for says in failed {
        failures.push(failure(Error::environment(format!("a run that was handed over: {says}"))));
    }
    // Side by side, so that one that does not end takes no time from the others.
    let all = found.into_iter().map(async |HandedOver { run, name }| {
        let context = Context { run: Arc::new(run), ..context.clone() };
        let ended = remove_rest(&context).await;
        (name, context.run, ended)
    });
    let mut left = Vec::new();
    for (name, run, ended) in join_all(all).await {
        if let Err(mut error) = ended {
            left.push(run);
            error.what = format!("{name}: {}", error.what);
            note(context, failures, "removing what was handed over".to_owned(), Err(error))?;
        }
    }
    Ok(left)
}

/// Removes the last resources of a run, and its state.
async fn remove_rest(context: &Context) -> Result<()> {
    let owned = context.run.owned();
    let removed = join_all(owned.iter().map(|it| release(context, it))).await;
    removed.into_iter().collect::<Result<()>>()?;
    context.run.end()
}

/// Records the failure of a step.
///
/// # Errors
/// An interruption.
fn note(
    context: &Context,
    failures: &mut Vec<Failure>,
    step: String,
    result: Result<()>,
) -> Result<()> {
    match result {
        Err(error) if error.is_interruption() => return Err(error),
        Err(error) => {
            context.recorder.warn(format!("{step}: {error}"));
            failures.push(failure(error));
        }
        Ok(()) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
