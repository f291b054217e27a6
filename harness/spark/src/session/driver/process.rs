//! A driver as a process on this host.

use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::{DRIVER_ENDS, KILLED};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_machine::exec::{Group, signal_group_of, signal_process};
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

use super::files;
use super::front_end::DriverProgram;
use super::launch::{JVM_ENDED, Launch};

/// A front end, the leader of a process group, and its JVM, in the same group or, as with PySpark,
/// the leader of another group.
#[derive(Debug)]
pub(super) struct Process {
    context: Context,
    front_end: Group,
    jvm: Option<OwnedResource>,
}

impl Process {
    /// Starts the front end.
    pub(super) fn start(context: &Context, dir: &Path, launch: &Launch<'_>) -> Result<Self> {
        if let Some((_, inside)) = launch.mounts.first() {
            let text = format!("{} mounted into a driver on this host", inside.display());
            return Err(Error::internal(text));
        }
        let front_end = spawn(context, dir, launch)?;
        Ok(Process { context: context.clone(), front_end, jvm: None })
    }

    /// Waits for the front end's end; returns how it ended.
    pub(super) async fn ended(&self) -> String {
        self.front_end.ended().await.to_string()
    }

    /// How the front end ended, or that its JVM did; `None` while both run.
    pub(super) fn end_seen(&self) -> Option<String> {
        let jvm_ended = self.jvm.as_ref().is_some_and(|jvm| !jvm.is_running_process());
        let status = self.front_end.status().map(|status| status.to_string());
        status.or_else(|| jvm_ended.then(|| JVM_ENDED.to_owned()))
    }

    /// Records the JVM that it started.
    pub(super) fn launched(&mut self, jvm: u32) -> Result<()> {
        self.jvm = OwnedResource::process(jvm, "driver JVM");
        match &self.jvm {
            Some(jvm) => self.context.run.record(jvm.clone()),
            None => Err(Error::environment("the driver's JVM ended at once")),
        }
    }

    /// Kills the JVM with SIGKILL, and waits until it is gone.
    pub(super) async fn kill_jvm(&mut self, context: &Context) -> Result<()> {
        self.signal_jvm(Signal::KILL);
        self.jvm_gone(context, "the killed JVM", Instant::now() + KILLED).await
    }

    /// Sends SIGHUP to the JVM and waits until it is gone.
    pub(super) async fn hang_up(&mut self, context: &Context) -> Result<()> {
        self.signal_jvm(Signal::HUP);
        let end = Instant::now() + DRIVER_ENDS;
        self.jvm_gone(context, "the JVM that was hung up on", end).await
    }

    /// Waits for the end of both, kills them otherwise, and reaps them. `notified` says whether the
    /// channel was closed, which tells them to end.
    pub(super) async fn end(&mut self, context: &Context, notified: bool) -> Result<()> {
        if !notified {
            // SIGTERM makes Spark's shutdown hook run.
            self.front_end.signal(Signal::TERM);
        }
        let end = Instant::now() + DRIVER_ENDS;
        let ended = async { Ok(timeout_at(end, self.front_end.ended()).await) };
        if context.cancel.guard(ended).await?.is_err() {
            context.recorder.warn("the driver did not end by itself: killed");
            self.front_end.signal(Signal::KILL);
        }
        match self.jvm_gone(context, "the driver's JVM", end).await {
            Err(error) if error.is_interruption() => return Err(error),
            Err(_) => {
                context.recorder.warn("the driver's JVM did not end by itself: killed");
                self.kill_jvm(context).await?;
            }
            Ok(()) => {}
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<()> {
        let finished = self.front_end.finish();
        let Some(jvm) = self.jvm.take() else { return finished };
        signal_group_of(&jvm, Signal::KILL);
        self.context.run.released(&jvm).and(finished)
    }

    fn signal_jvm(&self, signal: Signal) {
        if let Some(jvm) = &self.jvm {
            signal_process(jvm, signal);
        }
    }

    async fn jvm_gone(&self, context: &Context, what: &str, end: Instant) -> Result<()> {
        let Some(jvm) = &self.jvm else { return Ok(()) };
        let deadline = end.saturating_duration_since(Instant::now());
        let waiting = Waiting { what: format!("{what} to end"), deadline };
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
        // Only if it was not ended: a panic, a second signal, an error between start and end.
        let _ = self.finish();
    }
}

fn spawn(context: &Context, dir: &Path, launch: &Launch<'_>) -> Result<Group> {
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
        .stdin(Stdio::null())
        .stdout(log.try_clone().or_environment(what)?)
        .stderr(log);
    Group::spawn(context, &mut command, &format!("{} driver", launch.front_end), |e| {
        let remedy = launch.front_end.needs();
        Error::environment("starting the driver").with_source(e).remedy(remedy)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use sparkproof_base::testing::test_context;

    const NO_HOSTS: &BTreeMap<String, std::net::IpAddr> = &BTreeMap::new();

    fn launch(keep: &Path) -> Launch<'_> {
        Launch {
            spark_home: keep,
            kubeconfig: keep,
            proxy: None,
            front_end: sparkproof_catalog::plan::FrontEnd::SparkShell,
            geni: None,
            trap: None,
            app_name: "x",
            java_home: None,
            archive: None,
            jars: &[],
            files: &[],
            mounts: &[],
            hosts: NO_HOSTS,
            in_image: false,
        }
    }

    #[test]
    fn jars_of_stores_come_behind_those_of_spark() {
        let (context, keep) = test_context();
        let class_path = |jars: &[std::path::PathBuf]| {
            let launch = Launch { jars, ..launch(keep.path()) };
            let all = files::environment(&context, keep.path(), &launch).expect("valid");
            all.into_iter().find(|(name, _)| *name == "SPARK_DIST_CLASSPATH").map(|(_, jars)| jars)
        };
        let jars = ["/cache/a.jar".into(), "/cache/b.jar".into()];
        assert_eq!(class_path(&jars).expect("set"), "/cache/a.jar:/cache/b.jar");
        assert_eq!(class_path(&[]), None);
    }

    #[test]
    fn nothing_can_be_mounted_into_this_host() {
        let (context, keep) = test_context();
        let mounts = &[("/state/data".into(), "/data".into())];
        let launch = Launch { mounts, ..launch(keep.path()) };
        let refused = Process::start(&context, keep.path(), &launch).expect_err("refused");
        assert_eq!(refused.exit, sparkproof_base::Exit::Internal);
        assert!(context.run.owned().is_empty());
    }
}
