//! A driver that is a process of this host.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};

use super::{END, Launch, files};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::ledger::{Owned, give_back};
use crate::observe::{Progress, Source, Waiting, wait};

/// A front end, the leader of a process group, and its JVM: in the same group, or, as PySpark starts
/// it, the leader of its own.
#[derive(Debug)]
pub(super) struct Process {
    context: Context,
    child: Child,
    leader: Option<Owned>,
    jvm: Option<Owned>,
}

impl Process {
    /// Starts the front end.
    pub(super) fn start(context: &Context, dir: &Path, launch: &Launch<'_>) -> Result<Self> {
        if let Some((_, inside)) = launch.mounts.first() {
            let text = format!("{} mounted into a driver on this host", inside.display());
            return Err(Error::internal(text));
        }
        let child = spawn(context, dir, launch)?;
        let name = format!("{} driver", launch.front_end);
        let leader = child.id().and_then(|id| Owned::process(id, &name));
        if let Some(leader) = &leader {
            context.run.own(leader.clone())?;
        }
        Ok(Process { context: context.clone(), child, leader, jvm: None })
    }

    /// Waits for the front end's end; how it ended.
    pub(super) async fn ended(&mut self) -> Result<String> {
        let status = self.child.wait().await.or_environment("waiting for the driver")?;
        Ok(status.to_string())
    }

    /// The JVM it started.
    pub(super) fn launched(&mut self, jvm: u32) -> Result<()> {
        self.jvm = Owned::process(jvm, "driver JVM");
        match &self.jvm {
            Some(jvm) => self.context.run.own(jvm.clone()),
            None => Err(Error::environment("the driver's JVM ended at once")),
        }
    }

    /// Kills the JVM as nothing inside it can notice, and waits until it is gone.
    pub(super) async fn kill_jvm(&mut self, context: &Context) -> Result<()> {
        kill(self.jvm.as_ref(), kill_process);
        self.jvm_gone(context, "the killed JVM").await
    }

    /// Sends the JVM SIGHUP and waits until it is gone.
    pub(super) async fn hang_up(&mut self, context: &Context) -> Result<()> {
        signal(self.jvm.as_ref(), Signal::HUP, kill_process);
        self.jvm_gone(context, "the JVM that was hung up on").await
    }

    /// Waits for the end of both; killed when they do not end. Reaps. `told` says whether they know
    /// that they shall end, by a channel that is closed.
    pub(super) async fn end(&mut self, context: &Context, told: bool) -> Result<()> {
        if let (false, Some(leader)) = (told, &self.leader) {
            // As at the end of a terminal: Spark's shutdown hook runs.
            give_back(context, leader).await?;
        }
        let leader = tokio::time::timeout(END, self.child.wait());
        if leader.await.is_err() {
            context.recorder.warn("the driver did not end by itself: killed");
            kill(self.leader.as_ref(), kill_process_group);
            self.child.wait().await.or_environment("reaping the driver")?;
        }
        if self.jvm_gone(context, "the driver's JVM").await.is_err() {
            context.recorder.warn("the driver's JVM did not end by itself: killed");
            self.kill_jvm(context).await?;
        }
        for owned in [self.leader.take(), self.jvm.take()].into_iter().flatten() {
            context.run.gave_back(&owned)?;
        }
        Ok(())
    }

    async fn jvm_gone(&self, context: &Context, what: &str) -> Result<()> {
        let Some(jvm) = &self.jvm else { return Ok(()) };
        let waiting = Waiting { what: format!("{what} to end"), deadline: END };
        wait(context, waiting, Source::Backoff, async || {
            if jvm.is_running_process() {
                Progress::NotYet("running".to_owned())
            } else {
                Progress::Met(())
            }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only when it was not ended: a panic, or a future that was dropped.
        for owned in [self.leader.take(), self.jvm.take()].into_iter().flatten() {
            kill(Some(&owned), kill_process_group);
            let _ = self.context.run.gave_back(&owned);
        }
    }
}

/// SIGKILL to a process that still is the one we started, or to its group.
pub(in crate::session) fn kill(
    process: Option<&Owned>,
    send: impl Fn(Pid, Signal) -> rustix::io::Result<()>,
) {
    signal(process, Signal::KILL, send);
}

/// A signal to a process that still is the one we started, or to its group.
fn signal(
    process: Option<&Owned>,
    signal: Signal,
    send: impl Fn(Pid, Signal) -> rustix::io::Result<()>,
) {
    if let Some(process @ Owned::Process { pid, .. }) = process
        && process.is_running_process()
        && let Some(pid) = Pid::from_raw(pid.cast_signed())
    {
        let _ = send(pid, signal);
    }
}

fn spawn(context: &Context, dir: &Path, launch: &Launch<'_>) -> Result<Child> {
    let what = "preparing the driver";
    let log = fs_err::File::create(dir.join("log")).or_environment(what)?.into_parts().0;
    let words = launch.front_end.command(dir, launch)?;
    let mut command = Command::new(&words[0]);
    for key in files::foreign() {
        command.env_remove(key);
    }
    command
        .args(&words[1..])
        .current_dir(dir.join("scratch"))
        .envs(files::environment(context, dir, launch)?)
        .process_group(0)
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(log.try_clone().or_environment(what)?)
        .stderr(log);
    command.spawn().map_err(|e| {
        let remedy = launch.front_end.needs();
        Error::environment("starting the driver").because(e).remedy(remedy)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ledger::test_context;

    #[test]
    fn nothing_can_be_mounted_into_this_host() {
        let (context, keep) = test_context();
        let launch = Launch {
            spark_home: keep.path(),
            kubeconfig: keep.path(),
            proxy: None,
            front_end: crate::plan::FrontEnd::Pyspark,
            geni: None,
            trap: None,
            app_name: "x",
            java_home: None,
            files: &[],
            mounts: &[("/state/data".into(), "/data".into())],
            hosts: &BTreeMap::new(),
            in_image: false,
        };
        let refused = Process::start(&context, keep.path(), &launch).expect_err("refused");
        assert_eq!(refused.exit, crate::Exit::Internal);
        assert!(context.run.owned().is_empty());
    }
}
