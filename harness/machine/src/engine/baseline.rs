//! The state of the host before sparkproof's Docker daemon started, and how it is restored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::boot_id;

use super::host::{sysctl_path, sysctls};
use super::rules::{self, Rules, is_bridge, is_veth, rules};
use crate::exec::{Tool, processes};

/// Paths that cannot be configured and that a daemon creates: its identity, its plugin directory,
/// the sockets of containerd's shims.
const FIXED_PLACES: [&str; 4] =
    ["/etc/docker/key.json", "/etc/docker", "/run/docker", "/run/containerd"];

/// All state of the host that a Docker daemon changes, before it did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Baseline {
    boot: String,
    rules: Rules,
    sysctls: BTreeMap<String, String>,
    links: Vec<String>,
    places: Vec<PathBuf>,
}

impl Baseline {
    /// Records the state of the host, unless an earlier start in this boot did: then that is the
    /// state to restore. If another daemon of sparkproof (with other directories) runs already, its
    /// record is used.
    pub(super) async fn ensure(context: &Context, file: &Path) -> Result<()> {
        if Self::read(file).is_some() {
            return Ok(());
        }
        let sibling = other_daemons()
            .iter()
            .find_map(|config| Self::read(&config.as_ref()?.with_file_name(file.file_name()?)));
        let baseline = match sibling {
            Some(baseline) => baseline,
            None => Baseline {
                boot: boot_id(),
                rules: rules(context).await?,
                sysctls: sysctls(),
                links: links(),
                places: FIXED_PLACES
                    .map(PathBuf::from)
                    .into_iter()
                    .filter(|p| p.exists())
                    .collect(),
            },
        };
        let text = serde_json::to_vec(&baseline).or_internal("writing the host's state")?;
        private_file(file, &text)
    }

    /// The record of this boot.
    fn read(file: &Path) -> Option<Self> {
        let baseline: Self = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        (baseline.boot == boot_id()).then_some(baseline)
    }

    /// Restores the host. `bridges` are those of the stopped daemon's networks. While another
    /// daemon runs in this network namespace, state that daemons share is kept for it.
    pub(super) async fn give_back(
        context: &Context,
        file: &Path,
        bridges: &[String],
    ) -> Result<()> {
        let Some(before) = Self::read(file) else { return Ok(()) };
        let alone = other_daemons().is_empty();
        // `docker0`, a bridge that existed before, is kept.
        let bridges: Vec<String> =
            bridges.iter().filter(|bridge| !before.links.contains(bridge)).cloned().collect();
        for link in links().iter().filter(|link| !before.links.contains(link)) {
            if bridges.contains(link) || (alone && (is_bridge(link) || is_veth(link))) {
                let deleted = Tool::new("ip").args(["link", "delete", link]).run(context).await;
                // A container's link also goes with its network namespace, so it may be gone
                // already.
                if links().contains(link) {
                    deleted?;
                }
            }
        }
        rules::give_back(context, &before.rules, &bridges, alone).await?;
        if alone {
            for (name, value) in &before.sysctls {
                if sysctls().get(name).is_some_and(|now| now != value) {
                    fs_err::write(sysctl_path(name), value).or_environment("restoring a sysctl")?;
                }
            }
            for place in FIXED_PLACES.map(PathBuf::from) {
                if !before.places.contains(&place) {
                    remove(&place)?;
                }
            }
        }
        fs_err::remove_file(file).or_environment("removing the host's written state")
    }
}

/// Removes a file, or a directory that holds only what daemons leave: sockets and directories.
fn remove(place: &Path) -> Result<()> {
    if place.is_file() {
        return fs_err::remove_file(place).or_environment("removing Docker's key");
    }
    for entry in
        walkdir::WalkDir::new(place).contents_first(true).into_iter().filter_map(Result::ok)
    {
        use std::os::unix::fs::FileTypeExt;
        let gone = match entry.file_type() {
            kind if kind.is_dir() => fs_err::remove_dir(entry.path()),
            kind if kind.is_socket() => fs_err::remove_file(entry.path()),
            _ => continue,
        };
        // A directory with other content is kept.
        if let Err(e) = gone
            && e.kind() != std::io::ErrorKind::DirectoryNotEmpty
        {
            return Err(e).or_environment("removing what Docker left");
        }
    }
    Ok(())
}

/// The links of this network namespace (`/sys/class/net` shows those of the namespace that mounted
/// it).
pub(super) fn links() -> Vec<String> {
    procfs::net::dev_status().map(|links| links.into_keys().collect()).unwrap_or_default()
}

/// The configuration file, if the command line names one, of every Docker daemon in this network
/// namespace. Called while sparkproof's daemon does not run.
pub(super) fn other_daemons() -> Vec<Option<PathBuf>> {
    let namespace = |pid: &str| fs_err::read_link(format!("/proc/{pid}/ns/net")).ok();
    let own = namespace("self");
    let daemons = processes(|p| {
        p.stat().is_ok_and(|stat| stat.comm == super::DOCKERD)
            && namespace(&p.pid().to_string()) == own
    });
    let config = |words: Vec<String>| {
        let flag = words.iter().position(|w| w == "--config-file")?;
        words.get(flag + 1).map(PathBuf::from)
    };
    daemons.iter().map(|p| config(p.cmdline().ok()?)).collect()
}
