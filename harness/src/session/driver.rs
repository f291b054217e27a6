//! The driver process: launched, spoken to, ended, killed, reaped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::channel::{Channel, Door};
use super::protocol::{Launched, Request};
use crate::context::Context;
use crate::dirs::private_file;
use crate::error::{Error, OrFail, Result};
use crate::ledger::Owned;
use crate::ledger::labels::RUN_VARIABLE;
use crate::observe::{Progress, Source, Waiting, wait};

const PYSPARK: &str = include_str!("../../drivers/pyspark_driver.py");
/// How much of a driver's log is read.
const LOG_BYTES: u64 = 1 << 20;
/// Seconds a driver may take to end by itself: Spark's hook deletes its pods on the way.
const END_SECONDS: u64 = 60;

/// What a driver is launched with.
#[derive(Debug)]
pub(super) struct Launch<'a> {
    /// The distribution.
    pub(super) spark_home: &'a Path,
    /// Its credentials.
    pub(super) kubeconfig: &'a Path,
    /// Spark's properties.
    pub(super) properties: &'a str,
}

/// A directory of a session in the run's private directory; gone when dropped.
pub(super) fn session_dir(context: &Context) -> Result<TempDir> {
    // Lower case and digits: its name is a label's value, too.
    let name = format!("session-{:08x}", rand::random::<u32>());
    let made = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir_in(context.run.dir());
    made.or_environment("making the session's directory")
}

/// A running driver: a Python process and its JVM, each the leader of a process group.
#[derive(Debug)]
pub(super) struct Driver {
    context: Context,
    dir: TempDir,
    child: Child,
    channel: Option<Channel>,
    python: Option<Owned>,
    jvm: Option<Owned>,
}

impl Driver {
    /// Launches the process and its JVM. What it printed is part of the error.
    pub(super) async fn launch(
        context: &Context,
        dir: TempDir,
        launch: &Launch<'_>,
    ) -> Result<Self> {
        let door = Door::open(&dir.path().join("socket"))?;
        let child = spawn(context, dir.path(), launch)?;
        let python = child.id().and_then(|id| Owned::process(id, "PySpark driver"));
        if let Some(python) = &python {
            context.run.own(python.clone())?;
        }
        let context = context.clone();
        let mut driver = Driver { context, dir, child, channel: None, python, jvm: None };
        if let Err(error) = driver.connect(door).await {
            let log = driver.end().await?;
            if error.is_interruption() {
                return Err(error);
            }
            let lines: Vec<&str> = log.lines().collect();
            let said = lines[lines.len().saturating_sub(12)..].join("\n");
            return Err(Error::environment("launching the driver")
                .because(format!("{error}; it printed: {said}"))
                .remedy("it needs python3 and a Java runtime on PATH (or JAVA_HOME)"));
        }
        Ok(driver)
    }

    async fn connect(&mut self, door: Door) -> Result<()> {
        let context = self.context.clone();
        let channel = tokio::select! {
            channel = door.accept(&context) => channel?,
            status = self.child.wait() => {
                let status = status.or_environment("waiting for the driver")?;
                return Err(Error::environment(format!("the driver ended with {status}")));
            }
        };
        self.channel = Some(channel);
        let deadline = Duration::from_secs(120);
        let Launched { jvm_pid } = self.request(&Request::Launch {}, deadline).await?;
        self.jvm = Owned::process(jvm_pid, "driver JVM");
        match &self.jvm {
            Some(jvm) => context.run.own(jvm.clone()),
            None => Err(Error::environment("the driver's JVM ended at once")),
        }
    }

    /// What it was launched with.
    pub(super) fn context(&self) -> &Context {
        &self.context
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
        kill(self.jvm.as_ref());
        self.gone(self.jvm.clone(), "the killed JVM").await
    }

    /// Closes the channel, upon which Python and then the JVM end by themselves (killed when they
    /// do not); reaps, scrubs and records the log, which is also returned.
    pub(super) async fn end(mut self) -> Result<String> {
        self.context = self.context.for_teardown();
        self.channel = None;
        let python = tokio::time::timeout(Duration::from_secs(END_SECONDS), self.child.wait());
        if python.await.is_err() {
            self.context.recorder.warn("the driver did not end by itself: killed");
            kill(self.python.as_ref());
            self.child.wait().await.or_environment("reaping the driver")?;
        }
        if self.gone(self.jvm.clone(), "the driver's JVM").await.is_err() {
            self.context.recorder.warn("the driver's JVM did not end by itself: killed");
            self.kill_jvm().await?;
        }
        for owned in [self.python.take(), self.jvm.take()].into_iter().flatten() {
            self.context.run.gave_back(&owned)?;
        }
        let log = self.context.recorder.secrets().scrub(&read_log(&self.log_path()));
        let name = self.dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.context.recorder.artifact("driver log", &format!("{name}/driver.log"), &log);
        Ok(log)
    }

    async fn gone(&self, process: Option<Owned>, what: &str) -> Result<()> {
        let Some(process) = process else { return Ok(()) };
        let waiting = Waiting::up_to(END_SECONDS, format!("{what} to end"));
        wait(&self.context, waiting, Source::Backoff, async || {
            if process.is_running_process() {
                Progress::NotYet("running".to_owned())
            } else {
                Progress::Met(())
            }
        })
        .await
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Only when it was not ended: a panic, or a future that was dropped.
        for owned in [self.python.take(), self.jvm.take()].into_iter().flatten() {
            kill(Some(&owned));
            let _ = self.context.run.gave_back(&owned);
        }
    }
}

/// SIGKILL to the group of a process that still is the one we started.
fn kill(process: Option<&Owned>) {
    if let Some(process @ Owned::Process { pid, .. }) = process
        && process.is_running_process()
        && let Some(group) = Pid::from_raw(pid.cast_signed())
    {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The last part of a driver's log.
pub(super) fn read_log(path: &Path) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        let size = file.metadata().map_or(0, |m| m.len());
        let _ = file.seek(SeekFrom::Start(size.saturating_sub(LOG_BYTES)));
        let _ = file.take(LOG_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn spawn(context: &Context, dir: &Path, launch: &Launch<'_>) -> Result<Child> {
    let what = "preparing the driver";
    let in_dir = |name: &str| dir.join(name);
    for made in ["conf", "tmp", "scratch"] {
        fs_err::create_dir(in_dir(made)).or_environment(what)?;
    }
    private_file(&in_dir("driver.py"), PYSPARK.as_bytes())?;
    private_file(&in_dir("properties"), launch.properties.as_bytes())?;
    let log = fs_err::File::create(in_dir("log")).or_environment(what)?.into_parts().0;
    let python_path = python_path(launch.spark_home)?;

    let mut command = Command::new("python3");
    // Nothing of the user's Spark, Hadoop or Kubernetes may decide what is proven.
    let foreign = ["SPARK_", "PYSPARK_", "PYTHON", "HADOOP_", "YARN_", "KUBE"];
    for (key, _) in std::env::vars_os() {
        if foreign.iter().any(|prefix| key.to_string_lossy().starts_with(prefix)) {
            command.env_remove(key);
        }
    }
    let properties = in_dir("properties").display().to_string();
    command
        .arg(in_dir("driver.py"))
        .current_dir(in_dir("scratch"))
        .env(RUN_VARIABLE, context.run.id())
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(log.try_clone().or_environment(what)?)
        .stderr(log)
        .env("SPARKPROOF_SOCKET", in_dir("socket"))
        .env("KUBECONFIG", launch.kubeconfig)
        .env("SPARK_HOME", launch.spark_home)
        // What lies there goes into the executors' ConfigMap: nothing.
        .env("SPARK_CONF_DIR", in_dir("conf"))
        .env("PYSPARK_SUBMIT_ARGS", format!("--properties-file '{properties}' pyspark-shell"))
        .env("PYTHONPATH", python_path)
        // The distribution is a cache entry or the user's: nothing is written into it.
        .env("PYTHONPYCACHEPREFIX", context.dirs.cache.join("pycache"))
        .env("PYTHONUNBUFFERED", "1")
        // In another locale the JVM finds no file whose name is not ASCII.
        .env("LC_ALL", "C.UTF-8")
        // Temporary files go with the session, even after kill -9. Not by SPARK_LOCAL_DIRS or
        // spark.local.dir: Spark would mount that path into the executors.
        .env("TMPDIR", in_dir("tmp"))
        // The driver's JVM plans a few small jobs: compiling for the long run took half of its CPU
        // time up to a started session (11 s against 6 s).
        .env(
            "SPARK_SUBMIT_OPTS",
            format!(
                "-Djava.io.tmpdir={} -XX:-UsePerfData -XX:TieredStopAtLevel=1",
                in_dir("tmp").display()
            ),
        );
    command
        .spawn()
        .map_err(|e| Error::environment("starting the driver").because(e).remedy("install python3"))
}

/// PySpark and py4j as the distribution carries them.
fn python_path(spark_home: &Path) -> Result<std::ffi::OsString> {
    let python = spark_home.join("python");
    let lib = fs_err::read_dir(python.join("lib")).or_input("looking for PySpark")?;
    let zips = lib.filter_map(|e| Some(e.ok()?.path()));
    let py4j =
        zips.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("py4j-")));
    std::env::join_paths(std::iter::once(python.clone()).chain(py4j)).or_input("a path with `:`")
}
