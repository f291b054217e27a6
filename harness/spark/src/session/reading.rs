//! The results of reading and listing files in executors and in the driver, by the probe.

use std::fmt;

use serde::{Deserialize, Serialize};
use sparkproof_judge::BarrierTask;

/// How a barrier stage reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// Each task reads every file and hashes it. Not for throughput: `read_nanos` excludes hashing,
    /// but a store may send ahead meanwhile.
    Hash,
    /// Each task reads every file without hashing, for throughput.
    Plain,
    /// Task i of n reads the files whose index modulo n is i, without hashing, for many small
    /// files.
    Share,
}

/// The result of a barrier stage that reads.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReadResult {
    /// Version of this schema.
    pub schema: u32,
    /// One result for each task, by partition, also if reads failed.
    pub tasks: Vec<ReadTask>,
}

/// The result of one task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReadTask {
    /// The task and its executor.
    #[serde(flatten)]
    pub task: BarrierTask,
    /// One result for each URI, in the requested order; empty for [`Reading::Share`].
    #[serde(default)]
    pub reads: Vec<FileRead>,
    /// The totals of [`Reading::Share`].
    pub share: Option<Share>,
}

/// A file, read to its end in an executor's JVM through Hadoop's `FileSystem`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
    /// SHA-256 in hexadecimal digits, for [`Reading::Hash`].
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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

/// The files below a URI, as listed in the driver's JVM.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Listing {
    /// Version of this schema.
    pub schema: u32,
    /// The files, also those found before an error.
    pub files: Vec<Listed>,
    /// Duration in nanoseconds.
    pub nanos: u64,
    /// Why it could not be listed.
    pub error: Option<JavaFailure>,
}

/// A listed file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Listed {
    /// The path of its URI, decoded.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = r#"{"schema":2,"tasks":[
        {"startMillis":1,"partition":0,"executor":"1","host":"h","podName":"p","podIp":"10.0.0.1",
         "java":"17","uid":185,"user":"spark","endMillis":2,"reads":[
            {"uri":"file:/x","scheme":"file","fileSystem":"org.apache.hadoop.fs.LocalFileSystem",
             "sha256":"00","mount":{"type":"ext4","source":"/dev/vda","point":"/x","root":"/y",
             "device":"254:0","options":"ro","propagation":"master:1","superOptions":"rw"},
             "inode":-3599843886363560723,"device":65024,"bytes":5,"openNanos":1,"readNanos":2},
            {"uri":"s3a://b/x","error":{"class":"java.lang.NoClassDefFoundError","message":"m",
             "causes":["java.lang.ClassNotFoundException: c"]},
             "bytes":0,"openNanos":0,"readNanos":0}]},
        {"startMillis":1,"partition":1,"executor":"2","host":"h","podName":null,"podIp":null,
         "java":"17","uid":185,"user":"spark","endMillis":2,
         "share":{"files":3,"bytes":9,"openNanos":1,"readNanos":2,"failed":1,
                  "errors":[{"class":"E","message":"m","causes":[],"uri":"file:/z"}]}}]}"#;

    #[test]
    fn results_are_read_as_the_probe_writes_them() {
        let result: ReadResult = serde_json::from_str(RESULT).expect("a result");
        let [file, failed] = &result.tasks[0].reads[..] else { panic!("two reads") };
        assert_eq!(file.mount.as_ref().map(|m| m.fs_type.as_str()), Some("ext4"));
        assert_eq!(file.inode, Some(-3_599_843_886_363_560_723));
        let error = failed.error.as_ref().expect("an error").to_string();
        assert_eq!(
            error,
            "java.lang.NoClassDefFoundError: m; caused by java.lang.ClassNotFoundException: c"
        );
        let share = result.tasks[1].share.as_ref().expect("a share");
        assert_eq!((share.files, share.errors[0].uri.as_str()), (3, "file:/z"));
        assert_eq!(result.tasks[1].task.executor, "2");
    }
}
