//! Ends processes that are not children of this process, through a handle that cannot mean a later
//! process with the same id.

use procfs::process::{ProcState, Process};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};

/// Every process that `is_meant`, without zombies and this process.
pub fn processes(is_meant: impl Fn(&Process) -> bool) -> Vec<Process> {
    let own = std::process::id().cast_signed();
    let Ok(all) = procfs::process::all_processes() else { return Vec::new() };
    all.filter_map(|process| process.ok())
        .filter(|process| process.pid() != own && is_running(process) && is_meant(process))
        .collect()
}

/// Whether the process runs (a zombie does not).
pub fn is_running(process: &Process) -> bool {
    process
        .stat()
        .and_then(|stat| stat.state())
        .is_ok_and(|state| !matches!(state, ProcState::Zombie | ProcState::Dead))
}

/// SIGTERM to all processes that `find` returns, SIGKILL to the rest after `grace` seconds. `find`
/// is called again at each check, so that their new children end, too. Returns how many there were
/// at first.
///
/// # Errors
/// Environment: some still run 10 s after SIGKILL. Interrupted. Interrupted.
pub async fn end_processes(
    context: &Context,
    what: &str,
    grace: u64,
    find: impl Fn() -> Vec<Process>,
) -> Result<usize> {
    let first = find();
    if first.is_empty() {
        return Ok(0);
    }
    signal(&first, Signal::TERM);
    let mut gone = none_left(context, what, grace, &find).await;
    if gone.as_ref().is_err_and(|e| !e.is_interruption()) {
        gone = none_left(context, what, 10, || {
            let left = find();
            signal(&left, Signal::KILL);
            left
        })
        .await;
    }
    gone.map(|()| first.len())
}

async fn none_left(
    context: &Context,
    what: &str,
    seconds: u64,
    look: impl Fn() -> Vec<Process>,
) -> Result<()> {
    let waiting = Waiting::up_to(seconds, format!("the end of {what}"));
    wait(context, waiting, Source::Backoff, async || {
        let left: Vec<i32> = look().iter().map(Process::pid).collect();
        if left.is_empty() {
            return Progress::Met(());
        }
        Progress::NotYet(format!("processes {left:?} run"))
    })
    .await
}

/// Sends a signal to a process of the ledger, if it still runs.
pub fn signal_process(owned: &OwnedResource, kind: Signal) {
    signal(&of_ledger(owned), kind);
}

/// Sends a signal to the group that a process of the ledger leads, if that process still runs.
pub fn signal_group_of(owned: &OwnedResource, kind: Signal) {
    for leader in of_ledger(owned) {
        let group = leader.pid();
        signal(&processes(|p| p.stat().is_ok_and(|stat| stat.pgrp == group)), kind);
    }
}

fn of_ledger(owned: &OwnedResource) -> Vec<Process> {
    let OwnedResource::Process { pid, .. } = owned else { return Vec::new() };
    // The handle is opened first, so that the verified process is the one that is signalled.
    let found = Process::new(pid.cast_signed()).ok();
    found.filter(|_| owned.is_running_process()).into_iter().collect()
}

fn signal(processes: &[Process], signal: Signal) {
    for process in processes {
        let Some(pid) = Pid::from_raw(process.pid()) else { continue };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { continue };
        // An open /proc directory always means the same process. It is alive after the handle was
        // opened, so the handle means it, too.
        if process.is_alive() {
            let _ = pidfd_send_signal(&handle, signal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn ends_what_is_meant_even_when_it_ignores_sigterm() {
        let (context, _keep) = test_context();
        let mut child = tokio::process::Command::new("sh")
            .args(["-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"])
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("sh");
        let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(
            child.stdout.take().expect("piped"),
        ));
        lines.next_line().await.expect("ready");
        let pid = child.id().expect("running").cast_signed();
        let find = || processes(|p| p.pid() == pid);
        assert_eq!(end_processes(&context, "the child", 1, find).await.expect("ended"), 1);
        assert_eq!(end_processes(&context, "the child", 1, find).await.expect("ended"), 0);
    }
}
