//! A driver: started, spoken to, ended, killed; wherever it runs.

mod container;
mod files;
mod front_end;
mod gate;
mod launch;
mod pod;
mod process;
#[cfg(test)]
pub(super) mod tests;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tempfile::TempDir;

use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{Error, Exit, Result};
use sparkproof_catalog::plan::FrontEnd;
use sparkproof_kubernetes::cluster::Cluster;
use sparkproof_kubernetes::observe::Pods;

use self::container::ContainerDriver;
pub(super) use self::files::{foreign, last_lines, read_log, session_dir};
use self::front_end::DriverProgram;
use self::gate::Gate;
pub(super) use self::gate::named_pipe;
pub(super) use self::launch::Launch;
use self::pod::PodDriver;
use self::process::Process;
use super::channel::{Channel, DriverListener};
use super::protocol::{Described, DriverGone, Launched, Request};
use super::spec::{DriverSite, FaultInjection, SESSION_IN_POD};

/// How long a program may take that launches the JVM, until it can be told to.
const CONNECT: Duration = Duration::from_secs(60);

/// A running driver: a front end and its JVM.
#[derive(Debug)]
pub(super) struct Driver {
    context: Context,
    dir: TempDir,
    front_end: FrontEnd,
    processes: Processes,
    /// What the front end waits for before it starts the JVM.
    gate: Option<Gate>,
    /// Where it will connect.
    door: Option<DriverListener>,
    channel: Option<Channel>,
    log_is_kept: bool,
}

/// Where they are.
#[derive(Debug)]
enum Processes {
    OfHost(Box<Process>),
    InContainer(ContainerDriver),
    InPod(Box<PodDriver>),
}

impl Driver {
    /// Starts a front end, which waits for what comes next. What it printed is part of the error.
    pub(super) async fn start(
        context: &Context,
        cluster: &Cluster,
        dir: TempDir,
        launch: &Launch<'_>,
        site: &DriverSite,
        pods: &Pods,
    ) -> Result<Self> {
        let front_end = launch.front_end;
        files::write(dir.path(), front_end)?;
        let entrance = || {
            let gate = || Gate::make(&dir.path().join("gate"));
            Ok::<_, Error>((
                DriverListener::pipes(dir.path())?,
                front_end.is_jvm().then(gate).transpose()?,
            ))
        };
        let (processes, door, gate) = match site {
            DriverSite::Host => {
                let (door, gate) = entrance()?;
                let process = Process::start(context, dir.path(), launch)?;
                (Processes::OfHost(Box::new(process)), door, gate)
            }
            DriverSite::Container { engine, image } => {
                let (door, gate) = entrance()?;
                // kind's network has the cluster's name.
                let place = (image.as_str(), cluster.name.as_str());
                let started = ContainerDriver::start(context, dir.path(), launch, engine, place);
                (Processes::InContainer(started.await?), door, gate)
            }
            DriverSite::Pod(site) => {
                let started = PodDriver::start(context, cluster, dir.path(), launch, site, pods);
                let pod = Box::new(Box::pin(started).await?);
                let door = DriverListener::InPod(
                    Box::new(pod.inside().clone()),
                    SESSION_IN_POD.to_owned(),
                );
                (Processes::InPod(pod), door, None)
            }
        };
        // One in a pod gets its files first.
        let connects_later = front_end.is_jvm() || matches!(processes, Processes::InPod(_));
        let (context, door, channel) = (context.clone(), Some(door), None);
        let log_is_kept = false;
        let mut driver =
            Driver { context, dir, front_end, processes, gate, door, channel, log_is_kept };
        if connects_later {
            return Ok(driver);
        }
        match driver.connect(CONNECT).await {
            Ok(()) => Ok(driver),
            Err(error) => Err(driver.failed(error).await),
        }
    }

    async fn connect(&mut self, deadline: Duration) -> Result<()> {
        let door = self.door.take().ok_or_else(|| Error::internal("no door is open"))?;
        let (channel, jvm) = tokio::select! {
            accepted = door.accept(&self.context, deadline) => accepted?,
            status = self.processes.ended(&self.context, deadline) => {
                return Err(DriverGone::error(format!("the driver ended with {}", status?)));
            }
        };
        self.channel = Some(channel);
        jvm.map_or(Ok(()), |jvm| self.processes.launched(jvm))
    }

    /// Launches the JVM. The properties may be an error, since they depend on where the driver
    /// runs: then it is ended.
    pub(super) async fn launch(mut self, properties: Result<String>) -> Result<Self> {
        let launched = async {
            private_file(&self.dir.path().join("properties"), properties?.as_bytes())?;
            if let Processes::InPod(pod) = &self.processes {
                pod.furnish(&self.context).await?;
                if self.front_end.is_jvm() {
                    return Ok(());
                }
                self.connect(CONNECT).await?;
            }
            if let Some(gate) = &mut self.gate {
                return gate.open().await;
            }
            let deadline = Duration::from_secs(120);
            let Launched { jvm_pid } = self.request(&Request::Launch {}, deadline).await?;
            self.processes.launched(jvm_pid)
        };
        match launched.await {
            Ok(()) => Ok(self),
            Err(error) => Err(self.failed(error).await),
        }
    }

    /// Ends it; the error with what it printed, where that may tell why.
    async fn failed(self, error: Error) -> Error {
        let remedy = match &self.processes {
            Processes::OfHost(_) => self.front_end.needs(),
            Processes::InContainer(_) | Processes::InPod(_) => "--driver host runs it on this host",
        };
        let log = match self.end().await {
            Ok(log) => log,
            Err(failed) => return failed,
        };
        if error.exit == Exit::BadInput || error.is_interruption() {
            return error;
        }
        let said = last_lines(&log);
        Error::environment("launching the driver")
            .with_source(format!("{error}; it printed: {said}"))
            .remedy(remedy)
    }

    /// How its front end or its JVM ended, where one of them is seen to have. `None`: neither is.
    pub(super) async fn end_seen(&self, context: &Context) -> Option<String> {
        match &self.processes {
            Processes::OfHost(process) => process.end_seen(),
            Processes::InContainer(container) => container.end_seen(context).await,
            Processes::InPod(pod) => pod.any_end_seen(context).await,
        }
    }

    /// What it was started with.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Its own address; none when it has this host's.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match &self.processes {
            Processes::OfHost(_) => None,
            Processes::InContainer(container) => Some(container.address().into()),
            Processes::InPod(pod) => Some(pod.address()),
        }
    }

    /// Its pod, when it is in one.
    pub(super) fn pod(&self) -> Option<&str> {
        match &self.processes {
            Processes::InPod(pod) => Some(pod.name()),
            Processes::OfHost(_) | Processes::InContainer(_) => None,
        }
    }

    /// Has the session started, or waits until a front end has that starts it unasked; what it says
    /// of itself.
    pub(super) async fn begin(
        &mut self,
        trap: Option<FaultInjection>,
        deadline: Duration,
    ) -> Result<Described> {
        if self.channel.is_none() {
            self.connect(deadline).await?;
        }
        // Geni was told when it was started.
        let told = self.front_end == FrontEnd::Geni;
        let eager_local_session = !told && trap == Some(FaultInjection::EagerSession);
        self.request(&Request::Start { eager_local_session }, deadline).await
    }

    /// Asks; see [`Channel::request`].
    pub(super) async fn request<T: DeserializeOwned>(
        &mut self,
        request: &Request,
        deadline: Duration,
    ) -> Result<T> {
        match &mut self.channel {
            Some(channel) => channel.request(&self.context, request, deadline).await,
            None => Err(Error::internal("the driver's channel was closed before")),
        }
    }

    /// Where its log lies, unscrubbed.
    pub(super) fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Kills the JVM as nothing inside it can notice, and waits until it is gone.
    pub(super) async fn kill_jvm(&mut self) -> Result<()> {
        match &mut self.processes {
            Processes::OfHost(process) => process.kill_jvm(&self.context).await,
            Processes::InContainer(container) => container.kill_jvm(&self.context).await,
            Processes::InPod(pod) => pod.signal(&self.context, "-KILL").await,
        }
    }

    /// Sends the JVM SIGHUP, as a terminal does that is closed, and waits until it is gone.
    pub(super) async fn hang_up(&mut self) -> Result<()> {
        match &mut self.processes {
            Processes::OfHost(process) => process.hang_up(&self.context).await,
            Processes::InContainer(container) => container.hang_up(&self.context).await,
            Processes::InPod(pod) => pod.signal(&self.context, "-HUP").await,
        }
    }

    /// Closes the channel, upon which front end and JVM end by themselves (killed when they do not);
    /// reaps, scrubs and records the log, which is also returned.
    pub(super) async fn end(mut self) -> Result<String> {
        let context = self.context.for_teardown();
        let told = self.channel.take().is_some();
        (self.door, self.gate) = (None, None);
        // An error drops it: its log is kept all the same.
        match &mut self.processes {
            Processes::OfHost(process) => process.end(&context, told).await?,
            Processes::InContainer(container) => container.end(&context, told).await?,
            Processes::InPod(pod) => pod.end(&context, told).await?,
        }
        Ok(self.keep_log())
    }

    /// Scrubs and records the log, as it is now.
    fn keep_log(&mut self) -> String {
        let log = self.context.recorder.secrets().scrub(&read_log(&self.log_path()));
        let name = self.dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.context.recorder.artifact("driver log", &format!("{name}/driver.log"), &log);
        self.log_is_kept = true;
        log
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Not ended: an interruption, a panic, a failure. The log may say why.
        if !self.log_is_kept {
            self.keep_log();
        }
    }
}

impl Processes {
    async fn ended(&mut self, context: &Context, deadline: Duration) -> Result<String> {
        match self {
            Processes::OfHost(process) => Ok(process.ended().await),
            Processes::InContainer(container) => container.ended(context).await,
            Processes::InPod(pod) => pod.ended(context, deadline).await,
        }
    }

    fn launched(&mut self, jvm: u32) -> Result<()> {
        match self {
            Processes::OfHost(process) => process.launched(jvm),
            // Its number means nothing outside; container or pod stands for it.
            Processes::InContainer(_) | Processes::InPod(_) => Ok(()),
        }
    }
}
