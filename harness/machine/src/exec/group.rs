//! A child process that leads its own process group.
//!
//! A group is signalled by its leader's id, which may be reused as soon as the leader is reaped. So
//! the leader's end is awaited without reaping it, the rest of its group is killed, and only then
//! the leader is reaped.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::KILLED;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels::RUN_VARIABLE;
use sparkproof_base::ledger::{OwnedResource, Run};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// A started child and its group, in the ledger as long as this value lives. Dropping it kills the
/// whole group.
#[derive(Debug)]
pub struct Group {
    child: Child,
    leader: Pid,
    entry: OwnedResource,
    run: Arc<Run>,
    finished: bool,
}

impl Group {
    /// Starts the command as the leader of a group. Its children have the run's id in their
    /// environment, so that they are found even if they leave the group. `failed` makes the error
    /// for a program that cannot be started.
    pub fn spawn(
        context: &Context,
        command: &mut Command,
        name: &str,
        failed: impl FnOnce(std::io::Error) -> Error,
    ) -> Result<Self> {
        command.env(RUN_VARIABLE, context.run.label().as_str()).process_group(0).kill_on_drop(true);
        Self::led_by(context, command.spawn().map_err(failed)?, name)
    }

    /// Of a child that was just started as the leader of a group.
    pub(super) fn led_by(context: &Context, child: Child, name: &str) -> Result<Self> {
        let what = || format!("watching `{name}`");
        // A child that is not reaped yet still has an id and an entry in /proc.
        let id = child.id().ok_or_else(|| Error::internal(what()))?;
        let leader = Pid::from_raw(id.cast_signed()).ok_or_else(|| Error::internal(what()))?;
        // Registered before the child can end.
        let _ = signal(SignalKind::child()).or_environment(what())?;
        let entry = OwnedResource::process(id, name).ok_or_else(|| Error::environment(what()))?;
        let run = context.run.clone();
        let group = Group { child, leader, entry, run, finished: false };
        group.run.record(group.entry.clone())?;
        Ok(group)
    }

    /// The leader's process id.
    pub fn id(&self) -> u32 {
        self.leader.as_raw_nonzero().get().cast_unsigned()
    }

    /// The child, for its pipes. Do not wait for it: that reaps it.
    pub fn pipes(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The leader's exit status; `None` while it runs.
    pub fn status(&self) -> Option<ExitStatus> {
        let looking = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = waitid(WaitId::Pid(self.leader), looking).ok()??;
        // Encoded as by wait(2).
        let raw = match (ended.exit_status(), ended.terminating_signal()) {
            (Some(code), _) => code << 8,
            (None, Some(signal)) => signal,
            (None, None) => return None,
        };
        Some(ExitStatus::from_raw(raw))
    }

    /// Waits for the leader's end; it is not reaped.
    pub async fn ended(&self) -> ExitStatus {
        let Ok(mut children) = signal(SignalKind::child()) else {
            // Registering worked at the start, so the runtime is being shut down.
            return std::future::pending().await;
        };
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            children.recv().await;
        }
    }

    /// Sends a signal to the group.
    pub fn signal(&self, signal: Signal) {
        if !self.finished {
            // The group may be empty already.
            let _ = kill_process_group(self.leader, signal);
        }
    }

    /// SIGTERM to the group; SIGKILL if the leader has not ended after `grace`.
    pub async fn terminate(&self, grace: Duration) {
        self.signal(Signal::TERM);
        if tokio::time::timeout(grace, self.ended()).await.is_err() {
            self.signal(Signal::KILL);
            // A process that hangs in the kernel, e.g. in a mount, does not end even then.
            let _ = tokio::time::timeout(KILLED, self.ended()).await;
        }
    }

    /// Kills the rest of the group, reaps the leader when it has ended (perhaps later, by SIGKILL),
    /// and records in the ledger that it is gone.
    pub fn finish(&mut self) -> Result<()> {
        if self.finished {
            return Ok(());
        }
        self.signal(Signal::KILL);
        self.finished = true;
        let _ = self.child.try_wait();
        self.run.released(&self.entry)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // If the ledger cannot be written, `sweep` finds that the process is gone.
        let _ = self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::processes;
    use sparkproof_base::testing::test_context;

    fn start(context: &Context, script: &str) -> Group {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let failed = |e| Error::environment("starting sh").with_source(e);
        Group::spawn(context, &mut command, "sh", failed).expect("sh")
    }

    #[tokio::test]
    async fn a_leader_that_ended_is_not_reaped_before_its_group_is_killed() {
        let (context, _keep) = test_context();
        let mut group = start(&context, "sleep 600 & exit 3");
        assert_eq!(group.ended().await.code(), Some(3));
        let id = group.id().cast_signed();
        let members = || processes(|p| p.stat().is_ok_and(|stat| stat.pgrp == id));
        assert_eq!(members().len(), 1, "what it left in its group runs");
        let leader = procfs::process::Process::new(id).and_then(|p| p.stat()).expect("there");
        assert_eq!(leader.state, 'Z', "its number cannot become another's");
        group.finish().expect("ended");
        assert!(procfs::process::Process::new(id).is_err(), "reaped");
        assert!(members().is_empty() && context.run.owned().is_empty());
    }

    #[tokio::test]
    async fn a_signal_that_ended_it_is_its_status() {
        let (context, _keep) = test_context();
        let group = start(&context, "exec sleep 600");
        assert!(group.status().is_none());
        assert_eq!(context.run.owned().len(), 1);
        group.terminate(Duration::from_secs(10)).await;
        assert_eq!(group.status().and_then(|s| s.signal()), Some(15));
        drop(group);
        assert!(context.run.owned().is_empty());
    }
}
