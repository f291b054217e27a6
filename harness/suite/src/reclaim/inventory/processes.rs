//! The processes of this machine.

use std::collections::{BTreeMap, BTreeSet};

use procfs::process::{Process, Stat};
use sparkproof_machine::exec::{ancestors, processes};

use crate::reclaim::inventory::SeenProcess;

/// The flag of kernel threads in a process's flags (proc(5), `PF_KTHREAD` in the kernel's sched.h).
const KERNEL_THREAD: u32 = 0x0020_0000;
/// Clock ticks (usually 100 a second) within which the parts of one shell pipeline start.
const PIPELINE_TICKS: u64 = 10;
/// Names of processes that adopt orphans: their children count as left behind.
const ADOPTERS: [&str; 2] = ["systemd", "init"];

/// All processes except kernel threads, this process, its ancestors and the rest of its pipeline.
/// Ancestors and adopters do not count as parents either: their children were left by a command of
/// the same caller.
pub(super) fn all() -> Vec<SeenProcess> {
    let ours: BTreeSet<i32> = ancestors().into_iter().collect();
    let stats: BTreeMap<i32, Stat> = processes(|_| true)
        .iter()
        .filter_map(|p: &Process| p.stat().ok())
        .map(|s| (s.pid, s))
        .collect();
    let is_parent =
        |stat: &&Stat| !ours.contains(&stat.pid) && !ADOPTERS.contains(&stat.comm.as_str());
    let own = Process::myself().and_then(|p| p.stat()).ok();
    let in_our_pipeline = |stat: &Stat| {
        own.as_ref().is_some_and(|own| {
            stat.ppid == own.ppid && stat.starttime + PIPELINE_TICKS >= own.starttime
        })
    };
    let seen = |stat: &Stat| {
        let parent = |stat: &&Stat| stats.get(&stat.ppid);
        let ancestors = std::iter::successors(parent(&stat), parent).filter(is_parent);
        SeenProcess {
            pid: stat.pid,
            started: stat.starttime,
            name: stat.comm.clone(),
            ancestors: ancestors.map(|a| (a.pid, a.starttime)).collect(),
        }
    };
    stats
        .values()
        .filter(|stat| stat.flags & KERNEL_THREAD == 0 && !ours.contains(&stat.pid))
        .filter(|stat| !in_our_pipeline(stat))
        .map(seen)
        .collect()
}
