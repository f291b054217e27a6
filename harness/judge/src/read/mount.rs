//! What a local path lies on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::task::Mount;

/// The kind of mount of a local path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountKind {
    /// The container's own root.
    Root,
    /// A separate mount of the node's disk.
    Disk,
    /// A separate mount in memory.
    Memory,
    /// A FUSE mount of this type, e.g. `fuse.s3fs`.
    Fuse(String),
}

impl MountKind {
    /// The kind of a mount.
    pub fn of(mount: &Mount) -> Self {
        match mount.fs_type.as_str() {
            _ if mount.point == "/" => MountKind::Root,
            "tmpfs" => MountKind::Memory,
            fuse if fuse.starts_with("fuse") => MountKind::Fuse(fuse.to_owned()),
            _ => MountKind::Disk,
        }
    }
}

impl fmt::Display for MountKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MountKind::Root => "the container's own root",
            MountKind::Disk => "a separate mount of a disk",
            MountKind::Memory => "a separate tmpfs",
            MountKind::Fuse(kind) => kind,
        })
    }
}
