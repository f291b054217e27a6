//! Processes and control groups that sparkproof's Docker daemon can leave, found by its
//! directories.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use procfs::process::Process;
use sparkproof_base::error::{ErrorContext, Result};

use crate::exec::processes;
use crate::mounts::mounts;

/// Whether a process is `program` (or a helper, e.g. `containerd-shim-runc-v2`) with a path in one
/// of these directories on its command line.
fn works_in(process: &Process, program: &str, dirs: &[&Path]) -> bool {
    let Ok(words) = process.cmdline() else { return false };
    let Some(name) = words.first().and_then(|w| Path::new(w).file_name()) else { return false };
    let is_program = name.as_bytes().starts_with(program.as_bytes());
    is_program
        && words[1..].iter().any(|word| {
            // Also as `--flag=/path`.
            let path = word.split_once('=').map_or(word.as_str(), |(_, path)| path);
            dirs.iter().any(|dir| Path::new(path).starts_with(dir))
        })
}

/// The `dockerd` processes whose files are in a directory.
pub(super) fn daemons(dir: &Path) -> Vec<Process> {
    processes(|p| works_in(p, super::DOCKERD, &[dir]))
}

/// All other processes of such a daemon: containerd, its shims, runc, unpackers, and the processes
/// in its containers.
pub(super) fn helpers(dirs: &[&Path], group: &str) -> Vec<Process> {
    let contained = contained(group);
    processes(|p| {
        contained.contains(&p.pid())
            || ["containerd", "runc", "docker-"].iter().any(|program| works_in(p, program, dirs))
    })
}

/// Where control groups are mounted, one directory a hierarchy.
fn hierarchies() -> Vec<PathBuf> {
    let groups = mounts().into_iter().filter(|m| m.fs_type.starts_with("cgroup"));
    groups.map(|m| m.mount_point).collect()
}

/// The control groups of this name in every hierarchy, innermost first.
fn groups(name: &str) -> Vec<PathBuf> {
    hierarchies()
        .iter()
        .map(|h| h.join(name.trim_start_matches('/')))
        .filter(|group| group.is_dir())
        .flat_map(|group| walkdir::WalkDir::new(group).contents_first(true))
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .collect()
}

fn contained(group: &str) -> Vec<i32> {
    let read = |dir: PathBuf| std::fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    let texts = groups(group).into_iter().map(read);
    texts.flat_map(|text| text.lines().filter_map(|l| l.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Removes the control groups once no process is in them.
pub(super) fn remove_groups(name: &str) -> Result<()> {
    for group in groups(name) {
        match fs_err::remove_dir(&group) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).or_environment("removing a control group");
            }
            _ => {}
        }
    }
    Ok(())
}
