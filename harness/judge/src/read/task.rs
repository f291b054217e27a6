//! What a task that reads files in an executor reports, by the probe.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::task::BarrierTask;

/// The result of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadTask {
    /// The task and its executor.
    #[serde(flatten)]
    pub task: BarrierTask,
    /// One result for each URI, in the requested order; empty for a stage that shares.
    #[serde(default)]
    pub reads: Vec<FileRead>,
    /// The totals of a stage that shares.
    pub share: Option<Share>,
}

/// A file, read to its end in an executor's JVM through Hadoop's `FileSystem`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileRead {
    /// The requested URI.
    pub uri: String,
    /// Scheme of the URI, or of `fs.defaultFS` if it has none.
    pub scheme: Option<String>,
    /// Class of the FileSystem, e.g. `org.apache.hadoop.fs.LocalFileSystem`.
    pub file_system: Option<String>,
    /// Bytes read, also by a failed read.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits, of a stage that hashes.
    pub sha256: Option<String>,
    /// Nanoseconds from opening to the first byte.
    pub open_nanos: u64,
    /// Nanoseconds of reading the rest.
    pub read_nanos: u64,
    /// The mount of a local path, also if there is no file.
    pub mount: Option<Mount>,
    /// Inode of a local file, as a signed number since Java has no unsigned ones: negative from
    /// 2^63 on, as with rclone (hashes of paths).
    pub inode: Option<i64>,
    /// Device number of a local file, `st_dev`.
    pub device: Option<u64>,
    /// Why it could not be read.
    pub error: Option<JavaFailure>,
}

/// A line of `/proc/self/mountinfo` in the executor (proc(5)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    /// File system type, e.g. `overlay`, `ext4`, `fuse.s3fs`.
    #[serde(rename = "type")]
    pub fs_type: String,
    /// Source, e.g. a device.
    pub source: String,
    /// Mount point.
    pub point: String,
    /// The mounted directory within the file system.
    pub root: String,
    /// `major:minor`.
    pub device: String,
    /// Options of the mount.
    pub options: String,
    /// Propagation, e.g. `shared:1 master:2`; empty for private mounts.
    pub propagation: String,
    /// Options of the file system.
    pub super_options: String,
}

/// Totals of a task's share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Number of files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Nanoseconds from opening to the first byte, summed.
    pub open_nanos: u64,
    /// Nanoseconds of reading the rest, summed.
    pub read_nanos: u64,
    /// Number of files that could not be read.
    pub failed: u64,
    /// The first three of their errors.
    pub errors: Vec<ShareFailure>,
}

/// A file of a share that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareFailure {
    /// The file.
    pub uri: String,
    /// Why.
    #[serde(flatten)]
    pub failure: JavaFailure,
}

/// An exception in a JVM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JavaFailure {
    /// Its class.
    pub class: String,
    /// Its message, which may be empty.
    pub message: String,
    /// `class: message` of its causes, outermost first.
    pub causes: Vec<String>,
}

impl fmt::Display for JavaFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, "; caused by {cause}"))
    }
}

impl JavaFailure {
    /// The exception and its causes, one line each.
    pub(super) fn in_lines(&self) -> String {
        let first = format!("{}: {}", self.class, self.message);
        std::iter::once(first).chain(self.causes.iter().cloned()).collect::<Vec<_>>().join("\n")
    }
}
