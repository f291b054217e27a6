//! A driver: start, requests, end and kill, for all places where it can run.

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
use sparkproof_base::verdict::{Cause, Diagnosis};
use sparkproof_catalog::plan::FrontEnd;
use sparkproof_judge::Described;
use sparkproof_judge::diagnosis::{DriverFacts, Evidence, findings};
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
use super::evidence::driver_facts;
use super::protocol::{DriverGone, Launched, Request};
use super::site::{DriverSite, SESSION_IN_POD};
use super::spec::FaultInjection;

/// Time limit until a program that launches the JVM is ready to do so.
const CONNECT: Duration = Duration::from_secs(60);

/// A JVM that does not start because of what it is configured with.
fn by_configuration(error: &Error, log: &str) -> Option<Diagnosis> {
    let driver = DriverFacts { log: log.to_owned(), gone: true, ..driver_facts(error) };
    let evidence = Evidence { driver, ..Evidence::default() };
    let mut found = findings(&evidence).into_iter();
    found.find(|finding| finding.cause < Cause::MissingVerb).map(Diagnosis::from)
}

/// A running driver: a front end and its JVM.
#[derive(Debug)]
pub(super) struct Driver {
    context: Context,
    dir: TempDir,
    front_end: FrontEnd,
    processes: Processes,
    /// The gate that the front end waits at before it starts the JVM.
    gate: Option<Gate>,
    /// Waits for it to connect.
    listener: Option<DriverListener>,
    channel: Option<Channel>,
    log_is_kept: bool,
}

/// Its processes.
#[derive(Debug)]
enum Processes {
    OfHost(Box<Process>),
    InContainer(ContainerDriver),
    InPod(Box<PodDriver>),
}

impl Driver {
    /// Starts a front end, which then waits. An error includes its output.
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
        let (processes, listener, gate) = match site {
            DriverSite::Host => {
                let (listener, gate) = entrance()?;
                let process = Process::start(context, dir.path(), launch)?;
                (Processes::OfHost(Box::new(process)), listener, gate)
            }
            DriverSite::Container { engine, image } => {
                let (listener, gate) = entrance()?;
                // kind's network has the cluster's name.
                let place = (image.as_str(), cluster.name.as_str());
                let started = ContainerDriver::start(context, dir.path(), launch, engine, place);
                (Processes::InContainer(started.await?), listener, gate)
            }
            DriverSite::Pod(site) => {
                let started = PodDriver::start(context, cluster, dir.path(), launch, site, pods);
                let pod = Box::new(Box::pin(started).await?);
                let listener = DriverListener::InPod(
                    Box::new(pod.inside().clone()),
                    SESSION_IN_POD.to_owned(),
                );
                (Processes::InPod(pod), listener, None)
            }
        };
        // A driver in a pod gets its files first.
        let connects_later = front_end.is_jvm() || matches!(processes, Processes::InPod(_));
        let (context, listener, channel) = (context.clone(), Some(listener), None);
        let log_is_kept = false;
        let mut driver =
            Driver { context, dir, front_end, processes, gate, listener, channel, log_is_kept };
        if connects_later {
            return Ok(driver);
        }
        match driver.connect(CONNECT).await {
            Ok(()) => Ok(driver),
            Err(error) => Err(driver.failed(error).await),
        }
    }

    async fn connect(&mut self, deadline: Duration) -> Result<()> {
        let listener =
            self.listener.take().ok_or_else(|| Error::internal("it was connected before"))?;
        let (channel, jvm) = tokio::select! {
            accepted = listener.accept(&self.context, deadline) => accepted?,
            status = self.processes.ended(&self.context, deadline) => {
                return Err(DriverGone::error(format!("the driver ended with {}", status?)));
            }
        };
        self.channel = Some(channel);
        jvm.map_or(Ok(()), |jvm| self.processes.launched(jvm))
    }

    /// Launches the JVM. If the properties are an error (they depend on where the driver runs), the
    /// driver is ended.
    pub(super) async fn launch(mut self, properties: Result<String>) -> Result<Self> {
        let properties = match properties {
            Ok(properties) => properties,
            Err(error) => return Err(self.end().await.err().unwrap_or(error)),
        };
        let launched = async {
            private_file(&self.dir.path().join("properties"), properties.as_bytes())?;
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

    /// Ends it; adds its output to the error.
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
        if let Some(diagnosis) = by_configuration(&error, &log) {
            return diagnosis.error("launching the driver");
        }
        let said = last_lines(&log);
        Error::environment("launching the driver")
            .with_source(format!("{error}; it printed: {said}"))
            .remedy(remedy)
    }

    /// How its front end or its JVM ended; `None` while both run.
    pub(super) async fn end_seen(&self, context: &Context) -> Option<String> {
        match &self.processes {
            Processes::OfHost(process) => process.end_seen(),
            Processes::InContainer(container) => container.end_seen(context).await,
            Processes::InPod(pod) => pod.any_end_seen(context).await,
        }
    }

    /// The front end.
    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Its address; `None` if it is on this host.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match &self.processes {
            Processes::OfHost(_) => None,
            Processes::InContainer(container) => Some(container.address().into()),
            Processes::InPod(pod) => Some(pod.address()),
        }
    }

    /// The name of its pod, if it is in one.
    pub(super) fn pod(&self) -> Option<&str> {
        match &self.processes {
            Processes::InPod(pod) => Some(pod.name()),
            Processes::OfHost(_) | Processes::InContainer(_) => None,
        }
    }

    /// Starts the session, or waits for a front end that starts it by itself; returns the session's
    /// description.
    pub(super) async fn begin(
        &mut self,
        trap: Option<FaultInjection>,
        deadline: Duration,
    ) -> Result<Described> {
        if self.channel.is_none() {
            self.connect(deadline).await?;
        }
        // Geni got this option at its start.
        let is_geni = self.front_end == FrontEnd::Geni;
        let eager_local_session = !is_geni && trap == Some(FaultInjection::EagerSession);
        self.request(&Request::Start { eager_local_session }, deadline).await
    }

    /// Sends a request; see [`Channel::request`].
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

    /// Path of its log, with secrets.
    pub(super) fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Kills the JVM with SIGKILL, and waits until it is gone.
    pub(super) async fn kill_jvm(&mut self) -> Result<()> {
        match &mut self.processes {
            Processes::OfHost(process) => process.kill_jvm(&self.context).await,
            Processes::InContainer(container) => container.kill_jvm(&self.context).await,
            Processes::InPod(pod) => pod.signal(&self.context, "-KILL").await,
        }
    }

    /// Sends SIGHUP to the JVM, like a closing terminal, and waits until it is gone.
    pub(super) async fn hang_up(&mut self) -> Result<()> {
        match &mut self.processes {
            Processes::OfHost(process) => process.hang_up(&self.context).await,
            Processes::InContainer(container) => container.hang_up(&self.context).await,
            Processes::InPod(pod) => pod.signal(&self.context, "-HUP").await,
        }
    }

    /// Closes the channel, so that front end and JVM end by themselves; kills them otherwise.
    /// Records the log with secrets masked, and returns it.
    pub(super) async fn end(mut self) -> Result<String> {
        let context = self.context.for_teardown();
        let notified = self.channel.take().is_some();
        (self.listener, self.gate) = (None, None);
        // An error drops the driver, which also keeps its log.
        match &mut self.processes {
            Processes::OfHost(process) => process.end(&context, notified).await?,
            Processes::InContainer(container) => container.end(&context, notified).await?,
            Processes::InPod(pod) => pod.end(&context, notified).await?,
        }
        Ok(self.keep_log())
    }

    /// Records the log as it is now, with secrets masked.
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
        // It was not ended, because of an interruption, a panic or a failure: the log may show why.
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
            // Its id means nothing outside of the container or pod, which stands for it.
            Processes::InContainer(_) | Processes::InPod(_) => Ok(()),
        }
    }
}
