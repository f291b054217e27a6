//! Containers of ours.

use std::net::Ipv4Addr;

use bollard::errors::Error as DockerError;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
    LogsOptionsBuilder, StartContainerOptions, WaitContainerOptionsBuilder,
};
use futures::{StreamExt, TryStreamExt};

use super::{Engine, made};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::ledger::{Owned, give_back};

/// One container, by its name.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) engine: Engine,
    pub(crate) name: String,
}

impl Container {
    /// Writes it down, makes it and starts it. The name contains the run's id, the body its labels.
    pub(crate) async fn start(
        context: &Context,
        engine: &Engine,
        name: &str,
        body: ContainerCreateBody,
    ) -> Result<Self> {
        let container = Container { engine: engine.clone(), name: name.to_owned() };
        context.cancel.guard(engine.refuse_container(name)).await?;
        context.run.own(container.owned())?;
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let created = engine.docker.create_container(Some(options), body);
        let created = async {
            let created = made(context, &container.owned(), created.await)?;
            created.or_environment(container.what("making"))
        };
        context.cancel.guard(created).await?;
        container.begin().await?;
        Ok(container)
    }

    fn owned(&self) -> Owned {
        Owned::Container { docker: self.engine.host.clone(), name: self.name.clone() }
    }

    /// What an error says: "stopping container x".
    pub(crate) fn what(&self, doing: &str) -> String {
        format!("{doing} container {}", self.name)
    }

    /// Starts it when it is made, or stopped.
    pub(crate) async fn begin(&self) -> Result<()> {
        let started = self.engine.docker.start_container(&self.name, None::<StartContainerOptions>);
        started.await.or_environment(self.what("starting"))
    }

    /// What the daemon knows of it.
    pub(crate) async fn inspect(&self) -> Result<ContainerInspectResponse> {
        let seen =
            self.engine.docker.inspect_container(&self.name, None::<InspectContainerOptions>);
        seen.await.or_environment(self.what("looking at"))
    }

    /// Its IPv4 address on a network.
    pub(crate) async fn address(&self, network: &str) -> Result<Ipv4Addr> {
        let settings = self.inspect().await?.network_settings.and_then(|s| s.networks);
        let endpoint = settings.and_then(|mut networks| networks.remove(network));
        let address = endpoint.and_then(|e| e.ip_address).unwrap_or_default();
        if address.is_empty() {
            // It ended at once: its log says why.
            let log = self.log(Some(12)).await.unwrap_or_default();
            return Err(Error::environment(format!(
                "container {} has no address on network {network}: {}",
                self.name,
                log.trim()
            )));
        }
        address.parse().or_environment(self.what("reading the address of"))
    }

    /// How it ended, when it does not run any more.
    pub(crate) async fn ended(&self) -> Result<Option<String>> {
        let state = self.inspect().await?.state.unwrap_or_default();
        if state.running == Some(true) {
            return Ok(None);
        }
        let code = state.exit_code.unwrap_or_default();
        let memory = if state.oom_killed == Some(true) { ", out of memory" } else { "" };
        Ok(Some(format!("ended with status {code}{memory}")))
    }

    /// Waits for the end of its first process, and so of all others; its exit status.
    pub(crate) async fn end(&self) -> Result<i64> {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let mut end = self.engine.docker.wait_container(&self.name, Some(options));
        match end.next().await {
            Some(Ok(end)) => Ok(end.status_code),
            Some(Err(DockerError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error).or_environment(self.what("waiting for")),
            None => Err(Error::environment(self.what("nothing is known of"))),
        }
    }

    /// Sends SIGKILL to its first process: the kernel kills all others.
    pub(crate) async fn kill(&self) -> Result<()> {
        let options = KillContainerOptionsBuilder::new().signal("KILL").build();
        let killed = self.engine.docker.kill_container(&self.name, Some(options)).await;
        killed.or_environment(self.what("killing"))
    }

    /// What it printed; only the last lines when asked.
    pub(crate) async fn log(&self, last: Option<u32>) -> Result<String> {
        let tail = last.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&tail).build();
        let chunks: Vec<_> = self
            .engine
            .docker
            .logs(&self.name, Some(options))
            .try_collect()
            .await
            .or_environment(self.what("reading the log of"))?;
        // Chunks may end in the middle of a character.
        let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.into_bytes()).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Kills and removes it.
    pub(crate) async fn remove(&self, context: &Context) -> Result<()> {
        give_back(context, &self.owned()).await
    }
}
