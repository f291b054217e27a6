//! What this host offers; nothing here changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use caps::{CapSet, Capability};

/// The program of the Docker daemon.
pub const DOCKERD: &str = "dockerd";
/// Directories of daemons on Debian, which a user's `PATH` may lack.
const SBIN: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Kernel settings that belong to the whole host and that Docker (`net`), or a kubelet in a
/// privileged node container (`vm`, `kernel`: its "kernel defaults"), changes.
pub const TOUCHED_SYSCTLS: [&str; 12] = [
    "kernel.keys.root_maxbytes",
    "kernel.keys.root_maxkeys",
    "kernel.panic",
    "kernel.panic_on_oops",
    "net.bridge.bridge-nf-call-ip6tables",
    "net.bridge.bridge-nf-call-iptables",
    "net.ipv4.ip_forward",
    "net.ipv6.conf.all.forwarding",
    "net.ipv6.conf.default.forwarding",
    "net.netfilter.nf_conntrack_max",
    "vm.overcommit_memory",
    "vm.panic_on_oom",
];

/// A program on `PATH` or in the directories of daemons.
pub fn program(name: &str) -> Option<PathBuf> {
    which::which_in(name, Some(path()), "/").ok()
}

/// `PATH` with the directories of daemons.
pub fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    format!("{own}:{SBIN}").trim_start_matches(':').to_owned()
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The capabilities that processes on this host can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Names (`CAP_…`) in the bounding set.
    pub bounding: BTreeSet<String>,
    /// Names that the kernel knows and the bounding set lacks.
    pub missing: BTreeSet<String>,
    /// The lowest oom score adjustment (−1000 to 1000) that may be set.
    pub lowest_oom: i64,
}

impl Capabilities {
    /// Those of this process, which a daemon that it starts inherits. Unreadable values count as
    /// full.
    pub fn of_this_host() -> Self {
        let known = caps::runtime::thread_all_supported();
        let bounding = caps::read(None, CapSet::Bounding).unwrap_or_else(|_| known.clone());
        let effective = caps::read(None, CapSet::Effective).unwrap_or_else(|_| known.clone());
        let own = fs_err::read_to_string("/proc/self/oom_score_adj")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        // A process needs this capability to lower its score (proc(5)).
        let lowers = effective.contains(&Capability::CAP_SYS_RESOURCE);
        Capabilities {
            missing: known.difference(&bounding).map(ToString::to_string).collect(),
            bounding: bounding.iter().map(ToString::to_string).collect(),
            lowest_oom: if lowers { -1000 } else { own },
        }
    }

    /// Whether privileged containers need the shim: Docker asks for every capability the kernel
    /// knows, and for negative oom scores.
    pub fn need_shim(&self) -> bool {
        !self.missing.is_empty()
    }
}

/// The present values of [`TOUCHED_SYSCTLS`] that this kernel has.
pub fn sysctls() -> BTreeMap<String, String> {
    let read = |name: &str| {
        let value = std::fs::read_to_string(sysctl_path(name)).ok()?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    TOUCHED_SYSCTLS.into_iter().filter_map(read).collect()
}

/// The path of a setting.
pub(super) fn sysctl_path(name: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(name.replace('.', "/"))
}
