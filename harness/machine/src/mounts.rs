//! Mounts of this mount namespace.

use std::path::{Path, PathBuf};

use procfs::process::{MountInfo, Process};
use rustix::mount::{UnmountFlags, unmount};
use sparkproof_base::error::{ErrorContext, Result};

/// All mounts, oldest first; empty if they cannot be read.
pub fn mounts() -> Vec<MountInfo> {
    let mounts = Process::myself().and_then(|p| p.mountinfo());
    mounts.map(|m| m.into_iter().collect()).unwrap_or_default()
}

/// Unmounts everything below these directories, the newest mount first.
pub fn unmount_in(dirs: &[&Path]) -> Result<()> {
    let points: Vec<PathBuf> = mounts().into_iter().map(|m| m.mount_point).collect();
    for point in points.iter().rev().filter(|p| dirs.iter().any(|dir| p.starts_with(dir))) {
        unmount(point, UnmountFlags::DETACH)
            .or_environment(format!("unmounting {}", point.display()))?;
    }
    Ok(())
}
