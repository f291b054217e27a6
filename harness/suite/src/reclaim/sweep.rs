//! Removes what runs that died left behind on this machine, or says what it would remove.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use sparkproof_base::context::Context;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::{OwnedResource, Scope, StaleRun};
use sparkproof_kubernetes::release::try_release;
use sparkproof_machine::docker::Labelled;
use sparkproof_machine::engine::{Daemon, Engine, EngineUse, Found, look, would_stop};
use sparkproof_machine::{docker, exec};

use super::look::{Look, look as look_at};

/// Whether a sweep removes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepMode {
    /// It does.
    Remove,
    /// It only says what would go, and why.
    DryRun,
}

/// What a sweep did, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Removed, e.g. `network sparkproof-7f3a0000`.
    pub removed: Vec<String>,
    /// What a dry run did not remove.
    pub would_remove: Vec<Doomed>,
    /// Left, because it is the user's to keep or its run is not known on this machine.
    pub left_alone: Vec<String>,
    /// Should have gone and did not, with the reason.
    pub failed: Vec<String>,
}

/// Something that a sweep would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doomed {
    /// What it is, e.g. `network`.
    pub kind: &'static str,
    /// Which one.
    pub name: String,
    /// The run that made it; empty for what no single run made.
    pub run: String,
    /// Why that run counts as dead.
    pub why: String,
}

impl std::fmt::Display for Doomed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        if !self.run.is_empty() {
            write!(f, " of run {}", self.run)?;
        }
        write!(f, ": {}", self.why)
    }
}

/// Why a run of this machine is dead.
const LOCK_FREE: &str = "no process holds the lock of that run";

/// Removes what is left of every run of scope run whose lock is free, newest thing first: its
/// ledger's entries, its processes, what carries its label in the container engine; then a daemon
/// of ours that nobody uses; then the run's state. Never anything of a run whose lock is held, or
/// whose ledger this program does not understand. A dry run looks at the same and removes nothing;
/// it starts no daemon to look into it.
///
/// # Errors
/// Environment: the state directory cannot be read. What could not be removed is no error here but
/// in [`Swept::failed`], and the rest is still swept.
pub async fn sweep(context: &Context, phase: &PhaseGuard, mode: SweepMode) -> Result<Swept> {
    let mut swept = Swept::default();
    // Held until the end: nobody else sweeps them, and their locks say that they are not alive.
    let mut stale = Vec::new();
    // Their locks are held, too: nothing of them goes.
    let mut kept = Vec::new();
    let looked = StaleRun::find(&context.dirs)?;
    swept.failed.extend(looked.failed.iter().map(|error| format!("run {error}")));
    for dir in StaleRun::of_others(&context.dirs)? {
        swept.left_alone.push(format!("{} (its name is not that of a run)", dir.display()));
    }
    for StaleRun { run, scope } in looked.found {
        if let Some(error) = run.not_understood() {
            match scope {
                Some(Scope::User) => swept.left_alone.push(format!("run {}: {error}", run.id())),
                _ => swept.failed.push(format!("run {}: {}", run.id(), error.summary())),
            }
            kept.push(run);
        } else if scope == Some(Scope::User) {
            swept.left_alone.extend(run.owned().iter().map(|o| format!("{o} (kept by `up`)")));
        } else {
            stale.push(Context { run: Arc::new(run), ..context.for_teardown() });
        }
    }
    if mode == SweepMode::DryRun {
        dry_run(context, &stale, &mut swept).await?;
        return Ok(swept);
    }
    let half_made = StaleRun::remove_half_made(&context.dirs)?;
    swept.removed.extend(half_made.found);
    swept.failed.extend(half_made.failed);
    let engines = engines(context, phase, &stale, &mut swept).await;
    for run in &stale {
        sweep_run(run, &mut swept).await;
    }
    let dead: BTreeSet<&str> = stale.iter().map(|c| c.run.label().as_str()).collect();
    for used in engines {
        let ours = used.started_by_us;
        let found = docker::labelled(&used.engine);
        match fates(&context.dirs, found, &dead, ours).await {
            Ok(fates) => remove_labelled(&used.engine, fates, &mut swept).await,
            Err(e) => {
                swept.failed.push(format!("what carries our label at {}: {e}", used.engine.host));
            }
        }
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
async fn engines(
    context: &Context,
    phase: &PhaseGuard,
    stale: &[Context],
    swept: &mut Swept,
) -> Vec<EngineUse> {
    let daemon = Daemon::of(&context.dirs);
    let mut engines = Vec::new();
    if let Some(engine) = theirs(context, swept).await {
        engines.push(EngineUse::theirs(engine).await);
    }
    if daemon.left_something() || (mentioned(&daemon, stale) && daemon.has_data()) {
        engines.push(EngineUse::of_ours(context, phase).await);
    }
    let mut usable = Vec::new();
    for engine in engines {
        match engine {
            Ok(engine) => usable.push(engine),
            Err(e) => swept.failed.push(format!("the container engine: {}", e.summary())),
        }
    }
    usable
}

/// The daemon of the user's, where there is one. One that does not answer was not swept.
async fn theirs(context: &Context, swept: &mut Swept) -> Option<Engine> {
    match look(&context.dirs).await {
        Ok(Found::Theirs(engine)) => Some(engine),
        Ok(Found::Ours(_) | Found::Installed(_) | Found::Missing) => None,
        Err(e) => {
            swept.failed.push(format!("the container engine: {}", e.summary()));
            None
        }
    }
}

/// Whether something of these runs lives in a daemon.
fn mentioned(daemon: &Daemon, stale: &[Context]) -> bool {
    let host = daemon.host();
    let lives_there = |owned: &OwnedResource| owned.docker_host() == Some(&host);
    stale.iter().any(|run| run.run.owned().iter().any(lives_there))
}

/// Whether an entry lives in a cluster of its very run, and goes with it.
fn goes_with_its_cluster(context: &Context, entry: &OwnedResource, all: &[OwnedResource]) -> bool {
    all.iter().any(OwnedResource::is_cluster)
        && (matches!(entry, OwnedResource::NodeImage { .. })
            || entry.kubeconfig().is_some_and(|k| k.starts_with(context.run.dir())))
}

/// The ledger's entries, newest first, then processes that escaped their group.
async fn sweep_run(context: &Context, swept: &mut Swept) {
    let owned = context.run.owned();
    for entry in owned.iter().rev() {
        let gone = match goes_with_its_cluster(context, entry, &owned) {
            true => context.run.released(entry).map(|()| None),
            false => try_release(context, entry).await,
        };
        match gone {
            Ok(None) => swept.removed.push(entry.to_string()),
            Ok(Some(why)) => swept.left_alone.push(format!("{entry} ({why})")),
            Err(e) => swept.failed.push(format!("{entry}: {e}")),
        }
    }
    match exec::end_strays(context).await {
        Ok(0) => {}
        Ok(count) => swept.removed.push(format!("processes of run {}: {count}", context.run.id())),
        Err(e) => swept.failed.push(e.to_string()),
    }
}

/// What is to become of something that carries a run's label.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Its run is dead.
    Goes,
    /// With the reason.
    Stays(String),
    /// Its run lives.
    Lives,
}

/// What carries a run's label, and what is to become of it: what is of a dead run goes without
/// standing in its ledger any more. In a daemon of ours only runs of this machine work: there an
/// unknown run is a dead one.
///
/// The objects are listed before the live runs: an object that is seen is then never of a run that
/// began after the runs were.
async fn fates(
    dirs: &Dirs,
    found: impl Future<Output = Result<Vec<Labelled>>>,
    dead: &BTreeSet<&str>,
    daemon_of_ours: bool,
) -> Result<Vec<(Labelled, Fate)>> {
    let mut found = found.await?;
    let live: BTreeSet<String> = StaleRun::live(dirs)?.into_iter().map(String::from).collect();
    found.sort_by_key(|labelled| labelled.kind);
    let fate = |labelled: &Labelled| {
        let is_dead = dead.contains(labelled.run.as_str());
        if labelled.scope != "run" {
            Fate::Stays(format!("scope {}", labelled.scope))
        } else if live.contains(labelled.run.as_str()) && !is_dead {
            Fate::Lives
        } else if is_dead || daemon_of_ours {
            Fate::Goes
        } else {
            Fate::Stays("a run of somewhere else".to_owned())
        }
    };
    Ok(found.into_iter().map(|labelled| (fate(&labelled), labelled)).map(|(f, l)| (l, f)).collect())
}

async fn remove_labelled(engine: &Engine, fates: Vec<(Labelled, Fate)>, swept: &mut Swept) {
    for (labelled, fate) in fates {
        match fate {
            Fate::Lives => {}
            Fate::Stays(why) => swept.left_alone.push(format!("{labelled} ({why})")),
            Fate::Goes => match docker::remove(engine, &labelled).await {
                Ok(()) => swept.removed.push(labelled.to_string()),
                Err(e) => swept.failed.push(format!("{labelled}: {e}")),
            },
        }
    }
}

/// What a sweep would do now.
async fn dry_run(context: &Context, stale: &[Context], swept: &mut Swept) -> Result<()> {
    let mut seen = BTreeSet::new();
    for run in stale {
        let id = run.run.id();
        let mut doom = |kind, name, why| {
            swept.would_remove.push(Doomed { kind, name, run: id.to_string(), why });
        };
        let owned = run.run.owned();
        for entry in owned.iter().rev() {
            let (kind, name) = (entry.kind(), entry.name());
            match look_at(run, entry).await {
                _ if goes_with_its_cluster(run, entry, &owned) => {
                    doom(kind, name, format!("{LOCK_FREE}; goes with its cluster"));
                }
                Ok(Look::There) => {
                    seen.insert((kind, name.clone()));
                    doom(kind, name, LOCK_FREE.to_owned());
                }
                Ok(Look::Gone) => {}
                Ok(Look::NotTheRuns(why)) => swept.left_alone.push(format!("{entry} ({why})")),
                Ok(Look::NotLookedAt) => {
                    doom(kind, name, format!("{LOCK_FREE}; where it lives was not looked at"));
                }
                Err(error) => doom(kind, name, format!("{LOCK_FREE}; not looked at: {error}")),
            }
        }
        for name in exec::strays(run) {
            doom("process", name, LOCK_FREE.to_owned());
        }
        doom("state directory", run.run.dir().display().to_string(), LOCK_FREE.to_owned());
    }
    let dead: BTreeSet<&str> = stale.iter().map(|c| c.run.label().as_str()).collect();
    let daemon = Daemon::of(&context.dirs);
    let mut engines = Vec::new();
    if let Some(engine) = theirs(context, swept).await {
        engines.push((engine, false));
    }
    match Engine::at(&daemon.host()).await {
        Ok(Some(engine)) => engines.push((engine, true)),
        Err(e) => swept.failed.push(format!("the Docker daemon of ours: {}", e.summary())),
        Ok(None) if daemon.left_something() || (mentioned(&daemon, stale) && daemon.has_data()) => {
            let host = daemon.host();
            swept.left_alone.push(format!(
                "the Docker daemon at {host} (it does not run: what is in it was not looked at)"
            ));
        }
        Ok(None) => {}
    }
    for (engine, ours) in engines {
        let fates = match fates(&context.dirs, docker::labelled(&engine), &dead, ours).await {
            Ok(fates) => fates,
            Err(e) => {
                swept.failed.push(format!("what carries our label at {}: {e}", engine.host));
                continue;
            }
        };
        for (labelled, fate) in fates {
            let why = match fate {
                Fate::Lives => continue,
                Fate::Stays(why) => {
                    swept.left_alone.push(format!("{labelled} ({why})"));
                    continue;
                }
                Fate::Goes if dead.contains(labelled.run.as_str()) => LOCK_FREE,
                Fate::Goes => "no run of that id is on this machine",
            };
            let Labelled { kind, name, run, .. } = labelled;
            let run = run.into();
            if !seen.contains(&(kind.as_str(), name.clone())) {
                let (kind, why) = (kind.as_str(), why.to_owned());
                swept.would_remove.push(Doomed { kind, name, run, why });
            }
        }
    }
    if would_stop(&context.dirs)? {
        let (kind, name) = ("Docker daemon", daemon.host());
        let why = "no run uses it".to_owned();
        swept.would_remove.push(Doomed { kind, name, run: String::new(), why });
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

#[cfg(test)]
mod tests;
