//! Who uses the engine: found or started once, shared by all runs, stopped by the last.

use std::fs::File;

use sparkproof_base::context::Context;
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::any_of_user;
use sparkproof_base::locks::{LockMode, lock, try_lock};

use super::contents::Contents;
use super::{
    Capabilities, Daemon, Engine, Found, LinuxDistribution, host, install, look, privileged,
};

/// The longest wait for another run that starts or stops the daemon.
const OTHERS_SECONDS: u64 = 300;

/// What a look came to that found neither a daemon nor its program.
const NO_DAEMON: &str = "no Docker daemon answers and none is installed";

/// An engine in use. Give it back with [`EngineUse::release`]; after kill -9 `sweep` does.
#[derive(Debug)]
pub struct EngineUse {
    /// The daemon.
    pub engine: Engine,
    /// Whether it is a daemon of ours, started by this or another run.
    pub started_by_us: bool,
    /// Its version, e.g. `20.10.24+dfsg1`.
    pub version: String,
    /// Whether this very use started it.
    started_now: bool,
    /// For a daemon of ours: the shared lock that keeps it running.
    users: Option<File>,
}

impl Engine {
    /// The engine to work with: a daemon that answers as it is, else a daemon of ours, installed
    /// first when `yes` allows it.
    ///
    /// # Errors
    /// Environment: no daemon answers and none can be started (not root, not installed and not
    /// `yes`), `DOCKER_HOST` does not answer, or the daemon cannot run privileged containers.
    pub async fn find_or_start(
        context: &Context,
        phase: &PhaseGuard,
        yes: bool,
    ) -> Result<EngineUse> {
        let found = match look(&context.dirs).await? {
            Found::Missing if yes => {
                let packages = LinuxDistribution::here().docker_packages().join(", ");
                context.recorder.info(format!("{NO_DAEMON}: installing {packages}"));
                install::docker(context, phase.name()).await?;
                // Where services run, the package may have started its own.
                look(&context.dirs).await?
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
    /// A daemon that is not ours, as it is.
    pub async fn theirs(engine: Engine) -> Result<EngineUse> {
        let version = engine.version().await?;
        Ok(EngineUse { engine, started_by_us: false, version, started_now: false, users: None })
    }

    /// A daemon of ours: the running one, or a new one. Also for `sweep` and `inventory`, to look
    /// again at what its containers, networks and volumes are.
    ///
    /// # Errors
    /// Environment: not root, dockerd not installed, or it does not come up (with its log's end).
    pub async fn of_ours(context: &Context, phase: &PhaseGuard) -> Result<EngineUse> {
        if !host::is_root() {
            return Err(Error::environment(
                "no Docker daemon answers, and starting one needs root",
            )
            .remedy("run as root, or start a daemon and set DOCKER_HOST"));
        }
        let daemon = Daemon::of(&context.dirs);
        daemon.prepare()?;
        let _starting = starting(context, &daemon).await?;
        let running = match usable(context, phase, &daemon).await {
            // When nobody else uses it, a new one takes its place.
            Err(e) if !e.is_interruption() && daemon.is_unused()? => {
                context.recorder.warn(format!("starting our Docker daemon anew: {e}"));
                None
            }
            running => running?,
        };
        let started_now = running.is_none();
        let (engine, version) = match running {
            Some(running) => running,
            None => start(context, phase, &daemon).await?,
        };
        // Never taken: who holds it alone holds the start lock as well.
        let users = try_lock(&daemon.file("users.lock"), LockMode::Shared)?.ok_or_else(|| {
            Error::internal("the engine's users' lock is held without the start lock")
        })?;
        Ok(EngineUse { engine, started_by_us: true, version, started_now, users: Some(users) })
    }

    /// Gives it back: a daemon of ours is stopped when nobody else uses it, and the host is as it
    /// was before it started. An interruption that already happened does not stop this.
    ///
    /// # Errors
    /// Environment: something of the daemon could not be stopped or taken back; `sweep` tries again.
    pub async fn release(self, context: &Context) -> Result<()> {
        drop(self.users);
        if self.started_by_us { stop_if_unused(context).await } else { Ok(()) }
    }

    /// Leaves it as it was found, for who only looked: stopped again when this use started it, and
    /// what is in it stays.
    ///
    /// # Errors
    /// As [`EngineUse::release`].
    pub async fn leave(self, context: &Context) -> Result<()> {
        drop(self.users);
        if self.started_now { stop(context, Contents::Stay).await } else { Ok(()) }
    }
}

/// Stops a daemon of ours that nobody uses and that nothing of scope user needs, and gives the host
/// back as it was. Also for a teardown after an interruption in the middle of the start.
///
/// # Errors
/// Environment: something of the daemon could not be stopped or taken back.
pub async fn stop_if_unused(context: &Context) -> Result<()> {
    stop(context, Contents::Go).await
}

/// Whether [`stop_if_unused`] would stop something now.
///
/// # Errors
/// Environment: a lock or a ledger cannot be read.
pub fn would_stop(dirs: &Dirs) -> Result<bool> {
    let daemon = Daemon::of(dirs);
    Ok(daemon.left_something()
        && daemon.is_unused()?
        && !needed_by_user_scope(dirs, &daemon.host())?)
}

async fn stop(context: &Context, contents: Contents) -> Result<()> {
    let context = &context.for_teardown();
    let daemon = Daemon::of(&context.dirs);
    if !daemon.left_something() {
        return Ok(());
    }
    let _starting = starting(context, &daemon).await?;
    if !daemon.is_unused()? || needed_by_user_scope(&context.dirs, &daemon.host())? {
        return Ok(());
    }
    daemon.stop(context, contents).await
}

/// The running daemon and its version, when there is one.
///
/// # Errors
/// Environment: it is there and does not answer, or answers and starts no containers.
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
    let step = phase.step("start a Docker daemon of ours");
    let work = async {
        daemon.start(context).await?;
        // A shim copied from some other program than sparkproof shows here, not in a node.
        usable(context, phase, daemon).await
    };
    let started = match work.await {
        Ok(Some(started)) => Ok(started),
        Ok(None) => Err(Error::environment("our Docker daemon ended right after its start")),
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
            "this host lacks {}: containers start through our OCI runtime shim",
            missing.join(", ")
        ));
    }
    started
}

impl Daemon {
    /// Whether no run uses it. The caller holds the start lock, so that none comes meanwhile.
    fn is_unused(&self) -> Result<bool> {
        Ok(try_lock(&self.file("users.lock"), LockMode::Exclusive)?.is_some())
    }
}

/// Whoever starts or stops the daemon does so alone.
async fn starting(context: &Context, daemon: &Daemon) -> Result<File> {
    lock(context, &daemon.file("start.lock"), LockMode::Exclusive, OTHERS_SECONDS).await
}

/// Whether something of scope user, e.g. a cluster by `up`, lives in the daemon at this address.
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
        let daemon = Daemon::of(&context.dirs);
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
