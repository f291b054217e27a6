//! Ends the processes that a run started.

use procfs::process::Process;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::TERMINATED;
use sparkproof_base::error::Result;
use sparkproof_base::ledger::labels::RUN_VARIABLE;
use sparkproof_base::ledger::{OwnedResource, boot_id};

use crate::exec::{end_processes, processes};

/// Ends the process group of a ledger entry. The leader is verified by its start time; if it is
/// gone, members are found by the run's label in their environment.
pub async fn end_group(
    context: &Context,
    leader: &OwnedResource,
    group: u32,
    name: &str,
) -> Result<()> {
    let OwnedResource::Process { boot, .. } = leader else { return Ok(()) };
    if *boot != boot_id() {
        return Ok(());
    }
    let in_group = |p: &Process| p.stat().is_ok_and(|stat| stat.pgrp == group.cast_signed());
    let verified: Vec<(i32, u64)> = if leader.is_running_process() {
        processes(in_group).iter().filter_map(identity).collect()
    } else {
        Vec::new()
    };
    let find = || {
        processes(|p| {
            identity(p).is_some_and(|id| verified.contains(&id))
                || (in_group(p) && is_of_run(p, context.run.label()))
        })
    };
    end_processes(context, name, TERMINATED.as_secs(), find).await.map(|_| ())
}

/// Ends all processes that a run's tools started, of any group; returns their number. Ancestors of
/// this process are kept: a sweep may run in a shell of that run.
pub async fn end_strays(context: &Context) -> Result<usize> {
    let ancestors = ancestors();
    let find = || find_strays(context, &ancestors);
    end_processes(context, "processes of the run", TERMINATED.as_secs(), find).await
}

/// Ids and names of the processes that [`end_strays`] would end.
pub fn strays(context: &Context) -> Vec<String> {
    let named = |p: &Process| Some(format!("{} ({})", p.pid(), p.stat().ok()?.comm));
    find_strays(context, &ancestors()).iter().filter_map(named).collect()
}

fn find_strays(context: &Context, ancestors: &[i32]) -> Vec<Process> {
    processes(|p| !ancestors.contains(&p.pid()) && is_of_run(p, context.run.label()))
}

/// Ids of this process's parent, its parent, and so on.
pub fn ancestors() -> Vec<i32> {
    let parent = |pid: &i32| Some(Process::new(*pid).ok()?.stat().ok()?.ppid).filter(|p| *p > 0);
    std::iter::successors(parent(&std::process::id().cast_signed()), parent).collect()
}

fn identity(process: &Process) -> Option<(i32, u64)> {
    Some((process.pid(), process.stat().ok()?.starttime))
}

fn is_of_run(process: &Process, run: &str) -> bool {
    let key = std::ffi::OsStr::new(RUN_VARIABLE);
    process.environ().is_ok_and(|all| all.get(key).is_some_and(|value| value == run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn what_left_its_group_is_found_by_the_run_id_and_another_run_is_not() {
        let (context, _keep) = test_context();
        let start = |run: &str| {
            tokio::process::Command::new("sleep")
                .arg("600")
                .env(RUN_VARIABLE, run)
                .process_group(0)
                .kill_on_drop(true)
                .spawn()
                .expect("sleep")
        };
        let (mut ours, mut other) = (start(context.run.label()), start("another"));
        assert_eq!(end_strays(&context).await.expect("ended"), 1);
        assert!(ours.wait().await.expect("reaped").code().is_none(), "ended by a signal");
        assert!(other.try_wait().expect("known").is_none(), "the other run's lives");
    }
}
