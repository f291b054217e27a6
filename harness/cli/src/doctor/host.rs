//! The machine: rights, control groups, disk, cores, memory.

use std::path::Path;

use sparkproof_base::error::Result;
use sparkproof_catalog::plan::{Machine, MebiBytes, MilliCpu};

use super::Finding;

/// What a cold run writes into the cache: Go modules and build cache (10 GB), cached parts, images
/// (6 GB); with a margin.
pub(super) const CACHE_BYTES: u64 = 20 << 30;
/// Kubeconfigs, sockets, logs.
pub(super) const STATE_BYTES: u64 = 100 << 20;
/// The least share of it that a run with everything cached can live with.
const CACHED_SHARE: u64 = 4;
/// The guide's node: 3 CPUs and 8192 MB; below it defaults adapt.
const GUIDE: (MilliCpu, MebiBytes) = (MilliCpu(3000), MebiBytes(8192));
/// Below it the control plane alone does not fit.
const LEAST: (MilliCpu, MebiBytes) = (MilliCpu(2000), MebiBytes(4096));

/// Whether what the plan needs can be assembled: the base of Spark images, where it is needed and
/// not there yet, and what else it would assemble.
pub(super) fn rights(root: bool, base: bool, assembled: bool) -> Finding {
    let name = "rights";
    match (root, base, assembled) {
        (true, ..) => Finding::ready(name, "root"),
        (_, true, _) => Finding::missing(
            name,
            "not root, which assembles the base of Spark images",
            "run as root once, or name an image by --image",
        ),
        (_, _, true) => Finding::limited(
            name,
            "not root: servers, FUSE clients, Python and nodes that nobody publishes come from the \
             cache or not at all",
            "run as root once, or --strategies 0,1,3",
        ),
        _ => Finding::ready(name, "not root, which this does not need"),
    }
}

pub(super) fn control_groups() -> Finding {
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let found = if unified { "version 2" } else { "version 1: nodes are configured for it" };
    Finding::ready("control groups", found)
}

/// For file systems that are mounted at OS level (strategy 2). The kernel makes the device when its
/// module is loaded, or has it built in.
pub(super) fn fuse() -> Finding {
    if Path::new("/dev/fuse").exists() {
        return Finding::ready("FUSE", "/dev/fuse");
    }
    Finding::limited("FUSE", "no /dev/fuse: strategy 2 is skipped", "as root: modprobe fuse")
}

/// Free space at a path or its nearest parent that exists.
pub(super) fn disk(name: &str, path: &Path, wanted: u64) -> Finding {
    let place = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let Ok(stat) = rustix::fs::statvfs(place) else {
        return Finding::limited(name, "cannot be read", format!("check {}", place.display()));
    };
    let free = stat.f_bavail * stat.f_frsize;
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    let found = format!("{} free at {}", gib(free), place.display());
    let remedy =
        format!("a cold run wants {}: free some, or move it by XDG_CACHE_HOME", gib(wanted));
    match free {
        free if free >= wanted => Finding::ready(name, found),
        free if free >= wanted / CACHED_SHARE => Finding::limited(name, found, remedy),
        _ => Finding::missing(name, found, remedy),
    }
}

pub(super) fn size() -> Result<[Finding; 2]> {
    let machine = Machine::here()?;
    let cores = machine.cpu.0 / 1000;
    let adapted = "the defaults adapt; the guide has 3 CPUs and 8192 MB a node";
    let judge = |name, found: String, is: u64, least: u64, guide: u64| match is {
        is if is >= guide => Finding::ready(name, found),
        is if is >= least => Finding::limited(name, found, adapted),
        _ => Finding::missing(name, found, "use a bigger machine, or --kubeconfig"),
    };
    Ok([
        judge("cores", cores.to_string(), machine.cpu.0, LEAST.0.0, GUIDE.0.0),
        judge(
            "memory",
            format!("{} MiB", machine.memory.0),
            machine.memory.0,
            LEAST.1.0,
            GUIDE.1.0,
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::State;

    #[test]
    fn who_is_not_root_is_missing_what_the_plan_needs_of_root_only() {
        assert_eq!(rights(false, true, true).state, State::Missing);
        assert_eq!(rights(false, false, true).state, State::Limited);
        assert_eq!(rights(false, false, false).state, State::Ready);
        assert_eq!(rights(true, true, true).state, State::Ready);
    }

    #[test]
    fn a_disk_too_small_is_said_with_what_is_wanted() {
        let place = Path::new("/nowhere/at/all");
        assert_eq!(disk("d", place, 0).state, State::Ready);
        let small = disk("d", place, u64::MAX);
        assert_eq!(small.state, State::Missing);
        assert!(small.found.ends_with("free at /") && small.remedy.is_some());
    }
}
