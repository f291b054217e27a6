//! Finds the container engine of this host, and changes nothing.

use std::path::PathBuf;

use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};

use super::client::DEFAULT_HOST;
use super::host::{DOCKERD, program};
use super::{Daemon, Engine, configuration};

/// The container engine of this host.
#[derive(Debug, Clone)]
pub enum Found {
    /// A running daemon that sparkproof did not start.
    Theirs(Engine),
    /// A running daemon that this or another run of sparkproof started.
    Ours(Engine),
    /// No daemon runs; dockerd is installed at this path.
    Installed(PathBuf),
    /// No daemon runs and none is installed.
    Missing,
}

impl Found {
    /// The running daemon, if there is one.
    pub fn engine(&self) -> Option<&Engine> {
        match self {
            Found::Theirs(engine) | Found::Ours(engine) => Some(engine),
            Found::Installed(_) | Found::Missing => None,
        }
    }
}

/// Finds the container engine, in this order: `DOCKER_HOST`, the docker CLI's context, the default
/// socket, sparkproof's own daemon, the installed program.
///
/// # Errors
/// Environment: `DOCKER_HOST` or a context is set, but nothing answers there (there is no fallback,
/// since the user chose it), or this user may not use the socket. Bad input: the context does not
/// exist.
pub async fn inspect(dirs: &Dirs) -> Result<Found> {
    if let Some(host) = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty()) {
        return match Engine::at(&host).await? {
            Some(engine) if engine.host == Daemon::new(dirs).host() => Ok(Found::Ours(engine)),
            Some(engine) => Ok(Found::Theirs(engine)),
            None => Err(Error::environment(format!("DOCKER_HOST={host} does not answer"))
                .remedy("start that daemon, or unset DOCKER_HOST")),
        };
    }
    if let Some((name, host)) = configuration::context()? {
        return Engine::at(&host).await?.map(Found::Theirs).ok_or_else(|| {
            Error::environment(format!("the Docker context {name}, {host}, does not answer"))
                .remedy("start that daemon, or `docker context use default`")
        });
    }
    let default = Engine::at(DEFAULT_HOST).await;
    if let Ok(Some(engine)) = default {
        return Ok(Found::Theirs(engine));
    }
    if let Some(engine) = Engine::at(&Daemon::new(dirs).host()).await? {
        return Ok(Found::Ours(engine));
    }
    // Checked last, so that a missing permission on the default socket is reported first.
    default?;
    Ok(program(DOCKERD).map_or(Found::Missing, Found::Installed))
}
