//! The client of a Docker daemon.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::ImageInspect;
use bollard::query_parameters::{InspectContainerOptions, InspectNetworkOptions};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use tokio::net::UnixStream;

/// The default address of a Docker daemon.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
/// Time limit for a daemon's first answer.
const PING: Duration = Duration::from_secs(10);
/// Time limit for one request, such as loading an image of gigabytes on a slow disk.
const REQUEST: Duration = Duration::from_secs(30 * 60);

/// Turns "not found" into `None`.
pub fn gone<T>(result: Result<T, DockerError>) -> Result<Option<T>, DockerError> {
    match result {
        Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        result => result.map(Some),
    }
}

/// A running Docker daemon.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The client of sparkproof's code.
    pub docker: Docker,
    /// `DOCKER_HOST` for tools that are called.
    pub host: String,
}

impl Engine {
    /// Connects to an address such as `unix:///var/run/docker.sock` or `tcp://192.0.2.1:2375`;
    /// `None` if nothing listens there.
    ///
    /// # Errors
    /// Bad input: the address has an unknown form. Environment: this user may not use the socket,
    /// the server does not answer in time, or it is not Docker.
    pub async fn at(host: &str) -> Result<Option<Self>> {
        let socket = host.strip_prefix("unix://");
        if let Some(path) = socket {
            match UnixStream::connect(path).await {
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
                    return Err(Error::environment(format!("this user may not use {path}"))
                        .with_source(e)
                        .remedy("run as root, or as a member of the socket's group"));
                }
                Err(_) => return Ok(None),
            }
        }
        let docker = Docker::connect_with_host(host)
            .or_input(format!("the Docker address {host}"))?
            .with_timeout(REQUEST);
        match tokio::time::timeout(PING, docker.ping()).await {
            Err(_) => {
                let seconds = PING.as_secs();
                return Err(Error::environment(format!(
                    "the Docker daemon at {host} did not answer within {seconds} s"
                ))
                .remedy("restart that Docker daemon"));
            }
            Ok(Err(DockerError::HyperLegacyError { err })) if err.is_connect() => return Ok(None),
            Ok(Err(e)) => {
                // A daemon that was killed stops to listen before it resets its connections.
                if let (DockerError::HyperLegacyError { .. }, Some(path)) = (&e, socket)
                    && UnixStream::connect(path).await.is_err()
                {
                    return Ok(None);
                }
                return Err(Error::environment(format!("asking {host}")).with_source(e));
            }
            Ok(Ok(_)) => {}
        }
        let docker = docker
            .negotiate_version()
            .await
            .or_environment(format!("agreeing on an API version with {host}"))?;
        Ok(Some(Engine { docker, host: host.to_owned() }))
    }

    /// Inspects an image; `None` if the daemon does not have it.
    pub async fn image(&self, reference: &str) -> Result<Option<ImageInspect>> {
        match self.docker.inspect_image(reference).await {
            Ok(image) => Ok(Some(image)),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {
                Ok(None)
            }
            Err(e) => {
                Err(Error::environment(format!("asking Docker for {reference}")).with_source(e))
            }
        }
    }

    /// Refuses the name of an existing network: a network that the run did not create must never be
    /// in its ledger.
    ///
    /// # Errors
    /// Bad input: the network exists. Environment: the daemon does not answer.
    pub async fn refuse_network(&self, name: &str) -> Result<()> {
        let found = self.docker.inspect_network(name, None::<InspectNetworkOptions>).await;
        let found = gone(found).or_environment(format!("looking at network {name}"))?;
        // Docker also accepts a prefix of an id as a name.
        match found.is_some_and(|network| network.name.as_deref() == Some(name)) {
            true => Err(exists_already("network", name)),
            false => Ok(()),
        }
    }

    /// Refuses the name of an existing container.
    ///
    /// # Errors
    /// As [`Engine::refuse_network`].
    pub async fn refuse_container(&self, name: &str) -> Result<()> {
        let found = self.docker.inspect_container(name, None::<InspectContainerOptions>).await;
        let found = gone(found).or_environment(format!("looking at container {name}"))?;
        let is_it = |found: &str| found.trim_start_matches('/') == name;
        match found.is_some_and(|container| container.name.as_deref().is_some_and(is_it)) {
            true => Err(exists_already("container", name)),
            false => Ok(()),
        }
    }

    /// The daemon's version, e.g. `20.10.24+dfsg1`.
    pub async fn version(&self) -> Result<String> {
        let version = self.docker.version().await.or_environment("asking Docker's version")?;
        Ok(version.version.unwrap_or_default())
    }
}

/// The result of creating a recorded object. If an object of that name appeared meanwhile (409), it
/// is not the run's, and its ledger entry is removed.
///
/// # Errors
/// Environment: the ledger cannot be written.
pub fn made<T>(
    context: &Context,
    owned: &OwnedResource,
    made: Result<T, DockerError>,
) -> Result<Result<T, DockerError>> {
    if let Err(DockerError::DockerResponseServerError { status_code: 409, .. }) = &made {
        context.run.released(owned)?;
    }
    Ok(made)
}

fn exists_already(kind: &str, name: &str) -> Error {
    Error::input(format!("a {kind} named {name} exists already"))
        .remedy("choose another --name, or remove that one yourself; it was not changed")
}

#[cfg(test)]
mod tests {
    use super::super::Container;
    use super::super::fake::{Then, fake_docker, json};
    use super::*;
    use crate::engine::own_network;
    use sparkproof_base::Exit;
    use sparkproof_base::ledger::Scope;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn a_network_or_container_of_another_never_comes_into_a_ledger() {
        let (context, keep) = test_context();
        let name = format!("sparkproof-{}", context.run.id());
        let (network, container) = (name.clone(), name.clone());
        let engine = fake_docker(&keep.path().join("docker.sock"), move |request| {
            let there = match request.split_whitespace().nth(1).unwrap_or_default() {
                path if path.contains("/networks/") => format!(r#"{{"Name":"{network}"}}"#),
                path if path.contains("/containers/") => format!(r#"{{"Name":"/{container}"}}"#),
                _ => return None,
            };
            Some((json(200, &there), Then::Closed))
        })
        .await;
        let refused = own_network(&context, &engine, Scope::User).await.expect_err("refused");
        assert_eq!(refused.exit, Exit::BadInput);
        assert!(refused.to_string().contains(&format!("network named {name} exists already")));
        let refused = Container::start(&context, &engine, &name, Default::default()).await;
        let refused = refused.expect_err("refused").to_string();
        assert!(refused.contains(&format!("container named {name} exists already")), "{refused}");
        assert!(context.run.owned().is_empty(), "{:?}", context.run.owned());
        // The begin of its id is not its name.
        engine.refuse_network(&name[..12]).await.expect("another name");
    }

    #[tokio::test]
    async fn what_another_made_a_moment_before_is_forgotten() {
        let (context, keep) = test_context();
        let engine = fake_docker(&keep.path().join("docker.sock"), |request| {
            let taken = r#"{"message":"the name is in use"}"#;
            request.starts_with("POST").then(|| (json(409, taken), Then::Closed))
        })
        .await;
        own_network(&context, &engine, Scope::User).await.expect_err("in use");
        let name = format!("sparkproof-{}", context.run.id());
        let refused = Container::start(&context, &engine, &name, Default::default()).await;
        assert!(refused.expect_err("in use").to_string().contains("making container"));
        assert!(context.run.owned().is_empty(), "{:?}", context.run.owned());
    }

    #[tokio::test]
    async fn what_nothing_listens_at_is_none_and_what_is_not_docker_is_an_error() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let host = format!("tcp://{}", listener.local_addr().expect("an address"));
        let other = async {
            let (mut peer, _) = listener.accept().await.expect("a connection");
            let _ = tokio::io::AsyncWriteExt::write_all(&mut peer, b"220 connect to me\r\n").await;
        };
        let (asked, ()) = tokio::join!(Engine::at(&host), other);
        let error = asked.expect_err("not Docker").to_string();
        assert!(error.contains(&format!("asking {host}")), "{error}");
        drop(listener);
        assert!(Engine::at(&host).await.expect("looked").is_none(), "nothing listens");
    }

    #[tokio::test]
    async fn a_daemon_that_ends_while_it_is_asked_is_none() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let socket = keep.path().join("docker.sock");
        let listener = tokio::net::UnixListener::bind(&socket).expect("bound");
        let ends = async {
            // The first connection only looks whether something listens.
            let _ = listener.accept().await.expect("a connection");
            let (asked, _) = listener.accept().await.expect("a connection");
            drop(listener);
            drop(asked);
        };
        let host = format!("unix://{}", socket.display());
        let (asked, ()) = tokio::join!(Engine::at(&host), ends);
        assert!(asked.expect("looked").is_none(), "it has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_listens_and_does_not_answer_is_not_none() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let socket = keep.path().join("docker.sock");
        let host = format!("unix://{}", socket.display());
        assert!(Engine::at(&host).await.expect("looked").is_none(), "nothing listens");
        let _silent = tokio::net::UnixListener::bind(&socket).expect("bound");
        let error = Engine::at(&host).await.expect_err("silent").to_string();
        assert!(error.contains("did not answer within 10 s"), "{error}");
    }
}
