//! Who uses the engine: found or started once, shared by all runs, stopped by the last.

use std::fs::File;

use super::locks::{Hold, lock, try_lock};
use super::{Capabilities, Daemon, Engine, Found, host, install, privileged};
use crate::context::Context;
use crate::dirs::Dirs;
use crate::error::{Error, Result};
use crate::events::PhaseGuard;
use crate::ledger::{Owned, StaleRun};

/// The longest wait for another run that starts or stops the daemon.
const OTHERS_SECONDS: u64 = 300;

/// An engine in use. Give it back with [`EngineUse::release`]; after kill -9 `sweep` does.
#[derive(Debug)]
pub struct EngineUse {
    /// The daemon.
    pub engine: Engine,
    /// Whether it is a daemon of ours, started by this or another run.
    pub started_by_us: bool,
    /// Its version, e.g. `20.10.24+dfsg1`.
    pub version: String,
    /// For a daemon of ours: the shared lock that keeps it running.
    users: Option<(Daemon, File)>,
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
        let found = match host::look(&context.dirs).await? {
            Found::Missing if yes => {
                install::docker(context, phase).await?;
                // Where services run, the package may have started its own.
                host::look(&context.dirs).await?
            }
            found => found,
        };
        match found {
            Found::Theirs(engine) => {
                privileged::check(context, phase, &engine).await?;
                EngineUse::theirs(engine).await
            }
            Found::Ours(_) | Found::Installed(_) => EngineUse::of_ours(context, phase).await,
            Found::Missing => Err(Error::environment(
                "no Docker daemon answers and none is installed",
            )
            .remedy("add --yes to install docker.io, or start a daemon, or set DOCKER_HOST")),
        }
    }
}

impl EngineUse {
    /// A daemon that is not ours, as it is.
    pub(crate) async fn theirs(engine: Engine) -> Result<EngineUse> {
        let version = engine.version().await?;
        Ok(EngineUse { engine, started_by_us: false, version, users: None })
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
        // Whoever starts or stops it does so alone; users come and go meanwhile only through here.
        let _starting = starting(context, &daemon).await?;
        let users = daemon.file("users.lock");
        let users = lock(context, &users, Hold::Shared, OTHERS_SECONDS).await?;
        let step = phase.step("Docker daemon of ours");
        let engine = match Engine::at(&daemon.host()).await? {
            Some(engine) => {
                step.done("already running");
                engine
            }
            None => {
                let engine = daemon.start(context).await.inspect_err(|e| {
                    context.recorder.warn(format!("the Docker daemon did not start: {e}"));
                })?;
                let shim = Capabilities::of_this_host();
                if shim.need_shim() {
                    let missing: Vec<&str> = shim.missing.iter().map(String::as_str).collect();
                    context.recorder.info(format!(
                        "this host lacks {}: containers start through our OCI runtime shim",
                        missing.join(", ")
                    ));
                }
                step.done("started");
                engine
            }
        };
        let version = engine.version().await?;
        let using =
            EngineUse { engine, started_by_us: true, version, users: Some((daemon, users)) };
        // A shim copied from some other program than sparkproof shows here, not in a node.
        if let Err(error) = privileged::check(context, phase, &using.engine).await {
            drop(_starting);
            using.release(context).await?;
            return Err(error);
        }
        Ok(using)
    }

    /// Gives it back: a daemon of ours is stopped when nobody else uses it, and the host is as it
    /// was before it started. Not stopped by an interruption that already happened.
    ///
    /// # Errors
    /// Environment: something of the daemon could not be stopped or taken back; `sweep` tries again.
    pub async fn release(self, context: &Context) -> Result<()> {
        let Some((daemon, users)) = self.users else { return Ok(()) };
        let context = &context.for_teardown();
        let _starting = starting(context, &daemon).await?;
        drop(users);
        let alone = try_lock(&daemon.file("users.lock"), Hold::Exclusive)?;
        if alone.is_none() || needed_by_user_scope(&context.dirs, &daemon.host())? {
            return Ok(());
        }
        daemon.stop(context, Some(&self.engine)).await
    }
}

/// Whoever starts or stops the daemon does so alone.
async fn starting(context: &Context, daemon: &Daemon) -> Result<File> {
    lock(context, &daemon.file("start.lock"), Hold::Exclusive, OTHERS_SECONDS).await
}

/// Whether something of scope user, e.g. a cluster by `up`, lives in the daemon at this address.
///
/// # Errors
/// Environment: a ledger cannot be read.
pub fn needed_by_user_scope(dirs: &Dirs, host: &str) -> Result<bool> {
    let lives_here = |owned: &Owned| owned.docker_host().is_some_and(|docker| docker == host);
    // A run that somebody holds keeps the users' lock itself.
    let stale = StaleRun::find(dirs)?;
    Ok(stale
        .iter()
        .any(|s| s.scope == crate::ledger::Scope::User && s.run.owned().iter().any(lives_here)))
}
