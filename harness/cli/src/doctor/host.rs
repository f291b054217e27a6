//! The machine: privileges, control groups, disk, cores, memory.

use std::path::Path;

use sparkproof_base::error::Result;
use sparkproof_catalog::plan::{Machine, MebiBytes, MilliCpu};

use super::Finding;

/// Bytes that a cold run writes into the cache, with a margin: Go modules and build cache (10 GB),
/// cached parts, images (6 GB).
pub(super) const CACHE_BYTES: u64 = 20 << 30;
/// Bytes for kubeconfigs, sockets and logs.
pub(super) const STATE_BYTES: u64 = 100 << 20;
/// A run with warm caches needs at least one part in this many of it.
const CACHED_SHARE: u64 = 4;
/// The guide's node: 3 CPUs and 8192 MB. On a smaller machine the defaults are reduced.
const GUIDE: (MilliCpu, MebiBytes) = (MilliCpu(3000), MebiBytes(8192));
/// With less than this the control plane alone does not fit.
const LEAST: (MilliCpu, MebiBytes) = (MilliCpu(2000), MebiBytes(4096));

/// Whether the images of the plan can be assembled: the base of Spark images, if it is needed and
/// not cached yet, and the others.
pub(super) fn rights(root: bool, base: bool, assembled: bool) -> Finding {
    let name = "rights";
    match (root, base, assembled) {
        (true, ..) => Finding::ready(name, "root"),
        (_, true, _) => Finding::missing(
            name,
            "not root, which is needed to assemble the base of Spark images",
            "run as root once, or name an image with --image",
        ),
        (_, _, true) => Finding::limited(
            name,
            "not root: images of servers, FUSE clients, Python and unpublished nodes must be cached \
             already",
            "run as root once, or --strategies 0,1,3",
        ),
        _ => Finding::ready(name, "not root; this plan does not need it"),
    }
}

pub(super) fn control_groups() -> Finding {
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let found = if unified { "version 2" } else { "version 1: nodes are configured for it" };
    Finding::ready("control groups", found)
}

/// Strategy 2 mounts file systems by FUSE. The device exists when the module is loaded or built in.
pub(super) fn fuse() -> Finding {
    if Path::new("/dev/fuse").exists() {
        return Finding::ready("FUSE", "/dev/fuse");
    }
    Finding::limited("FUSE", "no /dev/fuse: strategy 2 is skipped", "as root: modprobe fuse")
}

/// Free space at a path or its nearest existing parent.
pub(super) fn disk(name: &str, path: &Path, wanted: u64) -> Finding {
    let place = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
    let Ok(stat) = rustix::fs::statvfs(place) else {
        return Finding::limited(name, "cannot be read", format!("check {}", place.display()));
    };
    let free = stat.f_bavail * stat.f_frsize;
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    let found = format!("{} free at {}", gib(free), place.display());
    let remedy = format!(
        "a cold run needs {}: free some space, or move the cache with XDG_CACHE_HOME",
        gib(wanted)
    );
    match free {
        free if free >= wanted => Finding::ready(name, found),
        free if free >= wanted / CACHED_SHARE => Finding::limited(name, found, remedy),
        _ => Finding::missing(name, found, remedy),
    }
}

pub(super) fn size() -> Result<[Finding; 2]> {
    let machine = Machine::here()?;
    let cores = machine.cpu.0 / 1000;
    let adapted = "the defaults are reduced; the guide's node has 3 CPUs and 8192 MB";
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
    use crate::doctor::finding::FindingState;

    #[test]
    fn who_is_not_root_is_missing_what_the_plan_needs_of_root_only() {
        assert_eq!(rights(false, true, true).state, FindingState::Missing);
        assert_eq!(rights(false, false, true).state, FindingState::Limited);
        assert_eq!(rights(false, false, false).state, FindingState::Ready);
        assert_eq!(rights(true, true, true).state, FindingState::Ready);
    }

    #[test]
    fn a_disk_too_small_is_said_with_what_is_wanted() {
        let place = Path::new("/nowhere/at/all");
        assert_eq!(disk("d", place, 0).state, FindingState::Ready);
        let small = disk("d", place, u64::MAX);
        assert_eq!(small.state, FindingState::Missing);
        assert!(small.found.ends_with("free at /") && small.remedy.is_some());
    }
}
