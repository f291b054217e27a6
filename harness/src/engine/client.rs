//! A Docker daemon that answers.

use std::time::Duration;

use bollard::Docker;
use bollard::models::ImageInspect;

use crate::error::{Error, OrFail, Result};

/// Where a Docker daemon listens unless somebody says otherwise.
pub(crate) const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// The longest a daemon may take to say that it is there.
const PING: Duration = Duration::from_secs(10);
/// The longest one request may take: loading or committing an image of gigabytes on a slow disk.
const REQUEST: Duration = Duration::from_secs(30 * 60);

/// A Docker daemon that answers.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The client our own code talks through.
    pub docker: Docker,
    /// `DOCKER_HOST` for the tools we call.
    pub host: String,
}

impl Engine {
    /// The daemon at an address such as `unix:///var/run/docker.sock` or `tcp://192.0.2.1:2375`;
    /// `None` when nothing answers there.
    ///
    /// # Errors
    /// Bad input: an address of an unknown form. Environment: the socket is there but this user may
    /// not use it, or what answers is not Docker.
    pub async fn at(host: &str) -> Result<Option<Self>> {
        if let Some(path) = host.strip_prefix("unix://") {
            match tokio::net::UnixStream::connect(path).await {
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(Error::environment(format!("this user may not use {path}"))
                        .because(e)
                        .remedy("run as root, or as a member of the socket's group"));
                }
                Err(_) => return Ok(None),
            }
        }
        let docker = Docker::connect_with_host(host)
            .or_input(format!("the Docker address {host}"))?
            .with_timeout(REQUEST);
        match tokio::time::timeout(PING, docker.ping()).await {
            Err(_) | Ok(Err(bollard::errors::Error::HyperResponseError { .. })) => return Ok(None),
            Ok(Err(e)) if e.to_string().contains("connect") => return Ok(None),
            Ok(Err(e)) => return Err(Error::environment(format!("asking {host}")).because(e)),
            Ok(Ok(_)) => {}
        }
        let docker = docker
            .negotiate_version()
            .await
            .or_environment(format!("agreeing on an API version with {host}"))?;
        Ok(Some(Engine { docker, host: host.to_owned() }))
    }

    /// What the daemon knows of an image; `None` when it has no such image.
    pub async fn image(&self, reference: &str) -> Result<Option<ImageInspect>> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(Some(image)),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
                Ok(None)
            }
            Err(e) => Err(Error::environment(format!("asking Docker for {reference}")).because(e)),
        }
    }

    /// The daemon's version, e.g. `20.10.24+dfsg1`.
    pub async fn version(&self) -> Result<String> {
        let version = self.docker.version().await.or_environment("asking Docker's version")?;
        Ok(version.version.unwrap_or_default())
    }
}
