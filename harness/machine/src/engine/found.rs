//! Which container engine this host has, by looking only.

use std::path::PathBuf;

use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Result};

use super::client::DEFAULT_HOST;
use super::host::{DOCKERD, program};
use super::{Daemon, Engine, configuration};

/// What a look for a container engine found.
#[derive(Debug, Clone)]
pub enum Found {
    /// A daemon that is not ours answers.
    Theirs(Engine),
    /// A daemon that an earlier or another run of ours started answers.
    Ours(Engine),
    /// No daemon answers; the program is installed here.
    Installed(PathBuf),
    /// No daemon answers and none is installed.
    Missing,
}

impl Found {
    /// The daemon, when one answers.
    pub fn engine(&self) -> Option<&Engine> {
        match self {
            Found::Theirs(engine) | Found::Ours(engine) => Some(engine),
            Found::Installed(_) | Found::Missing => None,
        }
    }
}

/// Looks for a container engine and changes nothing: `DOCKER_HOST` when set, else the docker CLI's
/// context, else the default socket, else a daemon of ours, else the installed program.
///
/// # Errors
/// Environment: `DOCKER_HOST` or a context is set and nothing answers there (there is no fallback:
/// the user meant that one), or the socket may not be used. Bad input: the context does not exist.
pub async fn look(dirs: &Dirs) -> Result<Found> {
    if let Some(host) = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty()) {
        return match Engine::at(&host).await? {
            Some(engine) if engine.host == Daemon::of(dirs).host() => Ok(Found::Ours(engine)),
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
    if let Some(engine) = Engine::at(&Daemon::of(dirs).host()).await? {
        return Ok(Found::Ours(engine));
    }
    // Only now: a user without rights on the default socket may still be told so.
    default?;
    Ok(program(DOCKERD).map_or(Found::Missing, Found::Installed))
}
