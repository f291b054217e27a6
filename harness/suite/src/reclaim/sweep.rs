//! Removes what killed runs left behind on this machine, or lists it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use sparkproof_base::context::Context;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::{HandedOver, OwnedResource, RunListing, Scope, StaleRun};
use sparkproof_kubernetes::release::try_release;
use sparkproof_machine::docker::Labelled;
use sparkproof_machine::engine::{Daemon, Engine, EngineUse, Found, inspect, would_stop};
use sparkproof_machine::{docker, exec};

use super::presence::{Presence, presence};

/// What a sweep does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepMode {
    /// It removes.
    Remove,
    /// It lists what it would remove, and why.
    DryRun,
}

/// The result of a sweep, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Removed, e.g. `network sparkproof-7f3a0000`.
    pub removed: Vec<String>,
    /// What a dry run would remove.
    pub would_remove: Vec<Doomed>,
    /// Kept, because it is of scope user or its run is not known on this machine.
    pub kept: Vec<String>,
    /// Not removed, with the reason.
    pub failed: Vec<String>,
}

/// A resource that a sweep would remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doomed {
    /// Its kind, e.g. `network`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its run; empty if it is of no single run.
    pub run: String,
    /// Why its run counts as dead.
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

/// Why a run of this machine counts as dead.
const LOCK_FREE: &str = "no process holds the lock of that run";

/// Sweeps every run of scope run whose lock is free: removes its ledger's entries, newest first,
/// its processes, and the objects with its label in the container engine; then stops sparkproof's
/// Docker daemon if no run uses it; then removes the run's state. Nothing is removed of a run whose
/// lock is held or whose ledger is not understood. A dry run removes nothing and starts no daemon.
///
/// # Errors
/// Environment: the state directory cannot be read. What could not be removed is in
/// [`Swept::failed`], and does not stop the sweep.
pub async fn sweep(context: &Context, phase: &PhaseGuard, mode: SweepMode) -> Result<Swept> {
    let mut swept = Swept::default();
    // Locked until the end, so that no other sweep handles them.
    let mut stale = Vec::new();
    // These stay locked, too, but nothing of them is removed.
    let mut kept = Vec::new();
    let looked = StaleRun::find(&context.dirs)?;
    swept.failed.extend(looked.failed.iter().map(|error| format!("run {error}")));
    for dir in StaleRun::of_others(&context.dirs)? {
        swept.kept.push(format!("{} (its name is not that of a run)", dir.display()));
    }
    for StaleRun { run, scope } in looked.found {
        if let Some(error) = run.not_understood() {
            match scope {
                Some(Scope::User) => swept.kept.push(format!("run {}: {error}", run.id())),
                _ => swept.failed.push(format!("run {}: {}", run.id(), error.summary())),
            }
            kept.push(run);
        } else if scope == Some(Scope::User) {
            swept.kept.extend(run.owned().iter().map(|o| format!("{o} (kept by `up`)")));
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
                swept.failed.push(format!("labelled objects at {}: {e}", used.engine.host));
            }
        }
        match used.release(context).await {
            Ok(()) if ours && !Daemon::new(&context.dirs).left_something() => {
                swept.removed.push("the sparkproof Docker daemon".to_owned());
            }
            Ok(()) => {}
            Err(e) => swept.failed.push(format!("the sparkproof Docker daemon: {e}")),
        }
    }
    for run in stale {
        if let Err(e) = run.run.end() {
            swept.failed.push(format!("run {}: {e}", run.run.id()));
        }
    }
    Ok(swept)
}

/// The daemons to sweep: the running one, and sparkproof's, which is started if anything of it or
/// in it may be left.
async fn engines(
    context: &Context,
    phase: &PhaseGuard,
    stale: &[Context],
    swept: &mut Swept,
) -> Vec<EngineUse> {
    let daemon = Daemon::new(&context.dirs);
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

/// The user's daemon, if there is one. One that does not answer is recorded as not swept.
async fn theirs(context: &Context, swept: &mut Swept) -> Option<Engine> {
    match inspect(&context.dirs).await {
        Ok(Found::Theirs(engine)) => Some(engine),
        Ok(Found::Ours(_) | Found::Installed(_) | Found::Missing) => None,
        Err(e) => {
            swept.failed.push(format!("the container engine: {}", e.summary()));
            None
        }
    }
}

/// Whether a resource of these runs is in a daemon.
fn mentioned(daemon: &Daemon, stale: &[Context]) -> bool {
    let host = daemon.host();
    let lives_there = |owned: &OwnedResource| owned.docker_host() == Some(&host);
    stale.iter().any(|run| run.run.owned().iter().any(lives_there))
}

/// Removes what was handed over to a run, the ledger's entries, newest first, then processes that left
/// their group.
async fn sweep_run(context: &Context, swept: &mut Swept) {
    let (dir, owned) = (context.run.dir(), context.run.owned());
    for (late, name) in handed_over(context, swept) {
        sweep_entries(&late, (dir, &owned), &format!(" of {name}"), swept).await;
        if let Err(e) = late.run.end() {
            swept.failed.push(format!("run {} of {name}: {e}", late.run.id()));
        }
    }
    sweep_entries(context, (dir, &owned), "", swept).await;
    match exec::end_strays(context).await {
        Ok(0) => {}
        Ok(count) => swept.removed.push(format!("processes of run {}: {count}", context.run.id())),
        Err(e) => swept.failed.push(e.to_string()),
    }
}

/// The runs that were handed over to a dead one, with their names.
fn handed_over(context: &Context, swept: &mut Swept) -> Vec<(Context, String)> {
    let RunListing { found, failed } = context
        .run
        .handed_over()
        .unwrap_or_else(|error| RunListing { found: Vec::new(), failed: vec![error.to_string()] });
    let of = context.run.id();
    swept.failed.extend(failed.iter().map(|error| format!("handed over to run {of}: {error}")));
    let late = |HandedOver { run, name }| (Context { run: Arc::new(run), ..context.clone() }, name);
    found.into_iter().map(late).collect()
}

/// Removes the entries of a ledger. Those in a cluster of the owner go with that.
async fn sweep_entries(
    context: &Context,
    (owner, of_owner): (&Path, &[OwnedResource]),
    whose: &str,
    swept: &mut Swept,
) {
    for entry in context.run.owned().iter().rev() {
        let gone = match entry.goes_with_its_cluster(owner, of_owner) {
            true => context.run.released(entry).map(|()| None),
            false => try_release(context, entry).await,
        };
        match gone {
            Ok(None) => swept.removed.push(format!("{entry}{whose}")),
            Ok(Some(why)) => swept.kept.push(format!("{entry}{whose} ({why})")),
            Err(e) => swept.failed.push(format!("{entry}{whose}: {e}")),
        }
    }
}

/// What a sweep does with an object that has a run's label.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// Removes it: its run is dead.
    Goes,
    /// Keeps it, for this reason.
    Stays(String),
    /// Nothing: its run is alive.
    Lives,
}

/// The labelled objects and what to do with each. Objects of a dead run are removed even if its
/// ledger does not name them. In sparkproof's daemon, which only runs of this machine use, an
/// unknown run is dead.
///
/// Objects are listed before the live runs, so that no listed object is of a run that began later.
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
            Fate::Stays("a run of another machine or state directory".to_owned())
        }
    };
    Ok(found.into_iter().map(|labelled| (fate(&labelled), labelled)).map(|(f, l)| (l, f)).collect())
}

async fn remove_labelled(engine: &Engine, fates: Vec<(Labelled, Fate)>, swept: &mut Swept) {
    for (labelled, fate) in fates {
        match fate {
            Fate::Lives => {}
            Fate::Stays(why) => swept.kept.push(format!("{labelled} ({why})")),
            Fate::Goes => match docker::remove(engine, &labelled).await {
                Ok(()) => swept.removed.push(labelled.to_string()),
                Err(e) => swept.failed.push(format!("{labelled}: {e}")),
            },
        }
    }
}

/// Lists what a sweep would do now.
async fn dry_run(context: &Context, stale: &[Context], swept: &mut Swept) -> Result<()> {
    let mut seen = BTreeSet::new();
    for run in stale {
        let (dir, owned) = (run.run.dir(), run.run.owned());
        for (late, _) in handed_over(run, swept) {
            doom_entries(&late, (dir, &owned), &mut seen, swept).await;
        }
        doom_entries(run, (dir, &owned), &mut seen, swept).await;
        let id = run.run.id();
        let mut doom = |kind, name, why| {
            swept.would_remove.push(Doomed { kind, name, run: id.to_string(), why });
        };
        for name in exec::strays(run) {
            doom("process", name, LOCK_FREE.to_owned());
        }
        doom("state directory", run.run.dir().display().to_string(), LOCK_FREE.to_owned());
    }
    let dead: BTreeSet<&str> = stale.iter().map(|c| c.run.label().as_str()).collect();
    let daemon = Daemon::new(&context.dirs);
    let mut engines = Vec::new();
    if let Some(engine) = theirs(context, swept).await {
        engines.push((engine, false));
    }
    match Engine::at(&daemon.host()).await {
        Ok(Some(engine)) => engines.push((engine, true)),
        Err(e) => swept.failed.push(format!("the sparkproof Docker daemon: {}", e.summary())),
        Ok(None) if daemon.left_something() || (mentioned(&daemon, stale) && daemon.has_data()) => {
            let host = daemon.host();
            swept.kept.push(format!(
                "the Docker daemon at {host} (it does not run: its contents were not listed)"
            ));
        }
        Ok(None) => {}
    }
    for (engine, ours) in engines {
        let fates = match fates(&context.dirs, docker::labelled(&engine), &dead, ours).await {
            Ok(fates) => fates,
            Err(e) => {
                swept.failed.push(format!("labelled objects at {}: {e}", engine.host));
                continue;
            }
        };
        for (labelled, fate) in fates {
            let why = match fate {
                Fate::Lives => continue,
                Fate::Stays(why) => {
                    swept.kept.push(format!("{labelled} ({why})"));
                    continue;
                }
                Fate::Goes if dead.contains(labelled.run.as_str()) => LOCK_FREE,
                Fate::Goes => "this machine has no run of that id",
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

/// Lists the entries of a ledger; adds those that exist to `seen`.
async fn doom_entries(
    context: &Context,
    (owner, of_owner): (&Path, &[OwnedResource]),
    seen: &mut BTreeSet<(&'static str, String)>,
    swept: &mut Swept,
) {
    for entry in context.run.owned().iter().rev() {
        let (kind, name) = (entry.kind(), entry.name());
        let why = match presence(context, entry).await {
            _ if entry.goes_with_its_cluster(owner, of_owner) => {
                format!("{LOCK_FREE}; removed with its cluster")
            }
            Ok(Presence::Present) => {
                seen.insert((kind, name.clone()));
                LOCK_FREE.to_owned()
            }
            Ok(Presence::Absent) => continue,
            Ok(Presence::Foreign(why)) => {
                swept.kept.push(format!("{entry} ({why})"));
                continue;
            }
            Ok(Presence::NotChecked) => format!("{LOCK_FREE}; not checked whether it exists"),
            Err(error) => format!("{LOCK_FREE}; not checked: {error}"),
        };
        let run = context.run.id().to_string();
        swept.would_remove.push(Doomed { kind, name, run, why });
    }
}

impl Swept {
    /// Whether everything was removed.
    ///
    /// # Errors
    /// Environment: names what was not removed.
    pub fn complete(&self) -> Result<()> {
        match self.failed.as_slice() {
            [] => Ok(()),
            failed => Err(Error::environment(format!("not removed: {}", failed.join("; ")))),
        }
    }
}

#[cfg(test)]
mod tests;
