//! Containers of runs.

use std::net::Ipv4Addr;

use bollard::errors::Error as DockerError;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
    LogsOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
    UploadToContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures::{StreamExt, TryStreamExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;

use super::{Engine, made};
use crate::docker::release_container;

/// One container, by its name.
#[derive(Debug)]
pub struct Container {
    /// The daemon that it is in.
    pub engine: Engine,
    /// Its name.
    pub name: String,
}

impl Container {
    /// Records, creates and starts it. The name must contain the run's id, the body the labels.
    pub async fn start(
        context: &Context,
        engine: &Engine,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<Self> {
        let container = Container { engine: engine.clone(), name: name.to_owned() };
        context.cancel.guard(engine.refuse_container(name)).await?;
        context.run.record(container.owned())?;
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let created = engine.docker.create_container(Some(options), body);
        let created = async {
            let created = made(context, &container.owned(), created.await)?;
            created.or_environment(container.what("making"))
        };
        context.cancel.guard(created).await?;
        container.begin(context).await?;
        Ok(container)
    }

    fn owned(&self) -> OwnedResource {
        OwnedResource::Container { docker: self.engine.host.clone(), name: self.name.clone() }
    }

    /// The context of an error: "stopping container x".
    pub fn what(&self, doing: &str) -> String {
        format!("{doing} container {}", self.name)
    }

    /// Starts it after it was created or stopped.
    pub async fn begin(&self, context: &Context) -> Result<()> {
        let started = self.engine.docker.start_container(&self.name, None::<StartContainerOptions>);
        let started = async { started.await.or_environment(self.what("starting")) };
        context.cancel.guard(started).await
    }

    /// Inspects it.
    pub async fn inspect(&self, context: &Context) -> Result<ContainerInspectResponse> {
        let seen =
            self.engine.docker.inspect_container(&self.name, None::<InspectContainerOptions>);
        let seen = async { seen.await.or_environment(self.what("looking at")) };
        context.cancel.guard(seen).await
    }

    /// Its IPv4 address on a network.
    pub async fn address(&self, context: &Context, network: &str) -> Result<Ipv4Addr> {
        let settings = self.inspect(context).await?.network_settings.and_then(|s| s.networks);
        let endpoint = settings.and_then(|mut networks| networks.remove(network));
        let address = endpoint.and_then(|e| e.ip_address).unwrap_or_default();
        if address.is_empty() {
            // It ended at once: its log has the reason.
            let log = self.log(context, Some(12)).await.unwrap_or_default();
            return Err(Error::environment(format!(
                "container {} has no address on network {network}: {}",
                self.name,
                log.trim()
            )));
        }
        address.parse().or_environment(self.what("reading the address of"))
    }

    /// How it ended, in words; `None` while it runs.
    pub async fn ended(&self, context: &Context) -> Result<Option<String>> {
        let state = self.inspect(context).await?.state.unwrap_or_default();
        if state.running == Some(true) {
            return Ok(None);
        }
        let code = state.exit_code.unwrap_or_default();
        let memory = if state.oom_killed == Some(true) { ", out of memory" } else { "" };
        Ok(Some(format!("ended with status {code}{memory}")))
    }

    /// Waits for the end of its main process, and so of all others; returns the exit status.
    pub async fn end(&self, context: &Context) -> Result<i64> {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let mut end = self.engine.docker.wait_container(&self.name, Some(options));
        match context.cancel.guard(async { Ok(end.next().await) }).await? {
            Some(Ok(end)) => Ok(end.status_code),
            Some(Err(DockerError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error).or_environment(self.what("waiting for")),
            None => Err(Error::environment(self.what("no exit status of"))),
        }
    }

    /// Sends SIGKILL to its main process; the kernel kills all others.
    pub async fn kill(&self, context: &Context) -> Result<()> {
        let options = KillContainerOptionsBuilder::new().signal("KILL").build();
        let killed = self.engine.docker.kill_container(&self.name, Some(options));
        let killed = async { killed.await.or_environment(self.what("killing")) };
        context.cancel.guard(killed).await
    }

    /// Freezes its processes: it does not answer, but connections stay open.
    pub async fn pause(&self, context: &Context) -> Result<()> {
        let paused = self.engine.docker.pause_container(&self.name);
        let paused = async { paused.await.or_environment(self.what("pausing")) };
        context.cancel.guard(paused).await
    }

    /// Undoes [`Container::pause`].
    pub async fn unpause(&self, context: &Context) -> Result<()> {
        let unpaused = self.engine.docker.unpause_container(&self.name);
        let unpaused = async { unpaused.await.or_environment(self.what("unpausing")) };
        context.cancel.guard(unpaused).await
    }

    /// Stops its processes; its files stay.
    pub async fn halt(&self, context: &Context) -> Result<()> {
        let options = StopContainerOptionsBuilder::new().t(5).build();
        let stopped = self.engine.docker.stop_container(&self.name, Some(options));
        let stopped = async { stopped.await.or_environment(self.what("stopping")) };
        context.cancel.guard(stopped).await
    }

    /// Unpacks an archive in it.
    pub async fn unpack(&self, context: &Context, dir: &str, archive: Vec<u8>) -> Result<()> {
        let options = UploadToContainerOptionsBuilder::new().path(dir).build();
        let body = bollard::body_full(archive.into());
        let sent = self.engine.docker.upload_to_container(&self.name, Some(options), body);
        let sent = async { sent.await.or_environment(self.what("copying files into")) };
        context.cancel.guard(sent).await
    }

    /// Its log, or the last lines of it.
    pub async fn log(&self, context: &Context, last: Option<u32>) -> Result<String> {
        let tail = last.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&tail).build();
        let chunks = self.engine.docker.logs(&self.name, Some(options)).try_collect();
        let chunks = async { chunks.await.or_environment(self.what("reading the log of")) };
        let chunks: Vec<_> = context.cancel.guard(chunks).await?;
        // A chunk may end inside a character.
        let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.into_bytes()).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Kills and removes it.
    pub async fn remove(&self, context: &Context) -> Result<()> {
        release_container(context, &self.engine, &self.name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    /// A daemon that accepts every connection and never answers.
    #[tokio::test]
    async fn an_interruption_ends_what_a_silent_daemon_is_asked() {
        let (context, keep) = test_context();
        let path = keep.path().join("docker.sock");
        let _listener = tokio::net::UnixListener::bind(&path).expect("a socket");
        let docker = bollard::Docker::connect_with_unix(
            &path.display().to_string(),
            120,
            bollard::API_DEFAULT_VERSION,
        );
        let host = format!("unix://{}", path.display());
        let engine = Engine { docker: docker.expect("a client"), host };
        let container = Container { engine, name: "x".into() };
        let asked = async {
            let context = &context;
            tokio::join!(
                async { container.begin(context).await.err() },
                async { container.inspect(context).await.err() },
                async { container.address(context, "n").await.err() },
                async { container.ended(context).await.err() },
                async { container.end(context).await.err() },
                async { container.kill(context).await.err() },
                async { container.log(context, None).await.err() },
                async { container.pause(context).await.err() },
                async { container.unpause(context).await.err() },
                async { container.halt(context).await.err() },
                async { container.unpack(context, "/", Vec::new()).await.err() },
            )
        };
        let signal = async {
            tokio::task::yield_now().await;
            context.cancel.cancel(sparkproof_base::Exit::Interrupt);
        };
        let both = async { tokio::join!(asked, signal).0 };
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), both).await;
        let (a, b, c, d, e, f, g, h, i, j, k) = ended.expect("bounded");
        for error in [a, b, c, d, e, f, g, h, i, j, k] {
            assert!(error.expect("no answer").is_interruption());
        }
    }
}
