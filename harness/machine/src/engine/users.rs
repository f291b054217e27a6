//! Use of the engine: found or started once, shared by all runs, stopped by the last.

use std::fs::File;

use sparkproof_base::context::Context;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::any_of_user;
use sparkproof_base::locks::{LockMode, lock, try_lock};

use super::contents::Contents;
use super::{
    Capabilities, Daemon, Engine, Found, LinuxDistribution, host, inspect, install, privileged,
};

/// Seconds to wait for another run that starts or stops the daemon.
const OTHERS_SECONDS: u64 = 300;

/// The message if there is neither a daemon nor its program.
const NO_DAEMON: &str = "no Docker daemon runs and none is installed";

/// An engine in use. End the use with [`EngineUse::release`]; after kill -9 `sweep` does.
#[derive(Debug)]
pub struct EngineUse {
    /// The daemon.
    pub engine: Engine,
    /// Whether it is sparkproof's daemon, started by this or another run.
    pub started_by_us: bool,
    /// Its version, e.g. `20.10.24+dfsg1`.
    pub version: String,
    /// Whether this use started it.
    started_now: bool,
    /// For sparkproof's daemon: the shared lock that keeps it running.
    users: Option<File>,
}

impl Engine {
    /// Finds a running daemon, else starts sparkproof's, and installs Docker first if `yes` allows
    /// it.
    ///
    /// # Errors
    /// Environment: no daemon runs and none can be started (not root, or not installed without
    /// `yes`), `DOCKER_HOST` does not answer, or the daemon cannot run privileged containers.
    pub async fn find_or_start(
        context: &Context,
        phase: &PhaseGuard,
        yes: bool,
    ) -> Result<EngineUse> {
        let found = match inspect(&context.dirs).await? {
            Found::Missing if yes => {
                let packages = LinuxDistribution::here().docker_packages().join(", ");
                context.recorder.info(format!("{NO_DAEMON}: installing {packages}"));
                install::docker(context, phase.name()).await?;
                // The package may have started its service.
                inspect(&context.dirs).await?
            }
            found => found,
        };
        match found {
            Found::Theirs(engine) => {
                if Capabilities::of_this_host().need_shim() {
                    privileged::check(context, phase, &engine).await?;
                }
                EngineUse::theirs(engine).await
            }
            Found::Ours(_) | Found::Installed(_) => EngineUse::of_ours(context, phase).await,
            Found::Missing => {
                let here = LinuxDistribution::here();
                let get = match here.has_apt() && host::is_root() {
                    true => "add --yes to install docker.io".to_owned(),
                    false => here.how_to_get("dockerd"),
                };
                let other = "start a daemon, or set DOCKER_HOST";
                Err(Error::environment(NO_DAEMON).remedy(format!("{get}; or {other}")))
            }
        }
    }
}

impl EngineUse {
    /// Uses a daemon that sparkproof did not start, as it is.
    pub async fn theirs(engine: Engine) -> Result<EngineUse> {
        let version = engine.version().await?;
        Ok(EngineUse { engine, started_by_us: false, version, started_now: false, users: None })
    }

    /// Uses sparkproof's daemon: the running one, or a new one. `sweep` and `inventory` do so to
    /// list its containers, networks and volumes.
    ///
    /// # Errors
    /// Environment: not root, dockerd is not installed, or it does not start (with the end of its
    /// log).
    pub async fn of_ours(context: &Context, phase: &PhaseGuard) -> Result<EngineUse> {
        if !host::is_root() {
            return Err(Error::environment("no Docker daemon runs, and starting one needs root")
                .remedy("run as root, or start a daemon and set DOCKER_HOST"));
        }
        let daemon = Daemon::new(&context.dirs);
        daemon.prepare()?;
        let _starting = starting(context, &daemon).await?;
        let running = match usable(context, phase, &daemon).await {
            // If no other run uses it, it is replaced by a new one.
            Err(e) if !e.is_interruption() && daemon.is_unused()? => {
                context.recorder.warn(format!("restarting the sparkproof Docker daemon: {e}"));
                None
            }
            running => running?,
        };
        let started_now = running.is_none();
        let (engine, version) = match running {
            Some(running) => running,
            None => start(context, phase, &daemon).await?,
        };
        // Cannot be held: its exclusive holder holds the start lock as well.
        let users = try_lock(&daemon.file("users.lock"), LockMode::Shared)?.ok_or_else(|| {
            Error::internal("the engine's users' lock is held without the start lock")
        })?;
        Ok(EngineUse { engine, started_by_us: true, version, started_now, users: Some(users) })
    }

    /// Ends the use: sparkproof's daemon is stopped if no other run uses it, and the host is
    /// restored. An earlier interruption does not prevent this.
    ///
    /// # Errors
    /// Environment: the daemon could not be stopped or the host not restored; `sweep` tries again.
    pub async fn release(self, context: &Context) -> Result<()> {
        drop(self.users);
        if self.started_by_us { stop_if_unused(context).await } else { Ok(()) }
    }

    /// Ends the use after an inspection: the daemon is stopped if this use started it, and keeps
    /// its contents.
    ///
    /// # Errors
    /// As [`EngineUse::release`].
    pub async fn leave(self, context: &Context) -> Result<()> {
        drop(self.users);
        if self.started_now { stop(context, Contents::Stay).await } else { Ok(()) }
    }
}

/// Stops sparkproof's daemon if no run uses it and no resource of scope user is in it, and restores
/// the host. Teardown also calls this after an interruption during the start.
///
/// # Errors
/// Environment: the daemon could not be stopped or the host not restored.
pub async fn stop_if_unused(context: &Context) -> Result<()> {
    stop(context, Contents::Go).await
}

/// Whether [`stop_if_unused`] would stop the daemon now.
///
/// # Errors
/// Environment: a lock or a ledger cannot be read.
pub fn would_stop(dirs: &Dirs) -> Result<bool> {
    let daemon = Daemon::new(dirs);
    Ok(daemon.left_something()
        && daemon.is_unused()?
        && !needed_by_user_scope(dirs, &daemon.host())?)
}

async fn stop(context: &Context, contents: Contents) -> Result<()> {
    let context = &context.for_teardown();
    let daemon = Daemon::new(&context.dirs);
    if !daemon.left_something() {
        return Ok(());
    }
    let _starting = starting(context, &daemon).await?;
    if !daemon.is_unused()? || needed_by_user_scope(&context.dirs, &daemon.host())? {
        return Ok(());
    }
    daemon.stop(context, contents).await
}

/// The running daemon and its version, if there is one.
///
/// # Errors
/// Environment: its process runs but it does not answer, or it cannot start containers.
async fn usable(
    context: &Context,
    phase: &PhaseGuard,
    daemon: &Daemon,
) -> Result<Option<(Engine, String)>> {
    let Some(engine) = daemon.running(context).await? else { return Ok(None) };
    privileged::check(context, phase, &engine).await?;
    let version = engine.version().await?;
    Ok(Some((engine, version)))
}

async fn start(context: &Context, phase: &PhaseGuard, daemon: &Daemon) -> Result<(Engine, String)> {
    let step = phase.step("start the sparkproof Docker daemon");
    let work = async {
        daemon.start(context).await?;
        // Also fails here, not in a node, if the shim is a copy of another program than sparkproof.
        usable(context, phase, daemon).await
    };
    let started = match work.await {
        Ok(Some(started)) => Ok(started),
        Ok(None) => {
            Err(Error::environment("the sparkproof Docker daemon ended right after its start"))
        }
        Err(e) => Err(e),
    };
    if let Err(error) = started {
        step.failed(&error);
        daemon.stop(&context.for_teardown(), Contents::Stay).await?;
        return Err(error);
    }
    step.done("");
    let host = Capabilities::of_this_host();
    if host.need_shim() {
        let missing: Vec<&str> = host.missing.iter().map(String::as_str).collect();
        context.recorder.info(format!(
            "this host lacks {}: containers start through sparkproof's OCI runtime shim",
            missing.join(", ")
        ));
    }
    started
}

impl Daemon {
    /// Whether no run uses it. The caller must hold the start lock, so that no run begins to.
    fn is_unused(&self) -> Result<bool> {
        Ok(try_lock(&self.file("users.lock"), LockMode::Exclusive)?.is_some())
    }
}

/// Takes the start lock, which every start and stop of the daemon holds.
async fn starting(context: &Context, daemon: &Daemon) -> Result<File> {
    lock(context, &daemon.file("start.lock"), LockMode::Exclusive, OTHERS_SECONDS).await
}

/// Whether a resource of scope user, e.g. a cluster of `up`, is in the daemon at this address.
///
/// # Errors
/// Environment: a ledger cannot be read.
pub fn needed_by_user_scope(dirs: &Dirs, host: &str) -> Result<bool> {
    any_of_user(dirs, |owned| owned.docker_host().is_some_and(|docker| docker == host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::ledger::{OwnedResource, Run, Scope};
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn a_cluster_that_is_up_needs_its_daemon_and_a_dead_run_does_not() {
        let (context, _keep) = test_context();
        let host = "unix:///state/engine/docker.sock";
        let cluster =
            |name: &str| OwnedResource::KindCluster { docker: host.into(), name: name.into() };
        let dead = Run::begin(&context.dirs, Scope::Run).expect("run");
        dead.record(cluster("dead")).expect("written");
        drop(dead);
        assert!(!needed_by_user_scope(&context.dirs, host).expect("readable"));
        let mine = "mine".parse().expect("a name");
        let up = Run::begin_as(&context.dirs, Scope::User, &mine).await.expect("run");
        up.record(cluster("mine")).expect("written");
        // `up` itself lets go of the daemon while it still holds its run.
        assert!(needed_by_user_scope(&context.dirs, host).expect("readable"));
        drop(up);
        assert!(needed_by_user_scope(&context.dirs, host).expect("readable"));
        assert!(!needed_by_user_scope(&context.dirs, "unix:///other.sock").expect("readable"));
    }

    #[test]
    fn users_share_and_a_stop_needs_none() {
        let (context, _keep) = test_context();
        let daemon = Daemon::new(&context.dirs);
        daemon.prepare().expect("directory");
        let share = || try_lock(&daemon.file("users.lock"), LockMode::Shared).expect("lockable");
        let (one, other) = (share(), share());
        assert!(one.is_some() && other.is_some());
        drop(one);
        assert!(!daemon.is_unused().expect("lockable"));
        drop(other);
        assert!(daemon.is_unused().expect("lockable"));
    }
}
