//! The results of reading and listing files in executors and in the driver, by the probe.

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, Result};
use sparkproof_judge::{BarrierTask, FileRead, JavaFailure, ReadTask, Share};

/// Files that each task of a barrier stage reads in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadPart {
    /// The files, not percent-encoded.
    pub uris: Vec<String>,
    /// How they are read.
    pub how: Reading,
}

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
pub(super) struct ReadResult {
    /// Version of this schema.
    pub(super) schema: u32,
    /// One result for each task, by partition, also if reads failed.
    tasks: Vec<TaskResult>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct TaskResult {
    #[serde(flatten)]
    task: BarrierTask,
    parts: Vec<PartResult>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct PartResult {
    #[serde(default)]
    reads: Vec<FileRead>,
    share: Option<Share>,
}

impl ReadResult {
    /// What the tasks reported, by part.
    ///
    /// # Errors
    /// Internal: a task reported another number of parts.
    pub(super) fn by_part(self, parts: usize) -> Result<Vec<Vec<ReadTask>>> {
        let mut all = vec![Vec::new(); parts];
        for TaskResult { task, parts: reported } in self.tasks {
            if reported.len() != parts {
                let reported = reported.len();
                return Err(Error::internal(format!("{reported} parts read, expected {parts}")));
            }
            for (of_part, PartResult { reads, share }) in all.iter_mut().zip(reported) {
                of_part.push(ReadTask { task: task.clone(), reads, share });
            }
        }
        Ok(all)
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

    const RESULT: &str = r#"{"schema":3,"tasks":[
        {"startMillis":1,"partition":0,"executor":"1","host":"h","podName":"p","podIp":"10.0.0.1",
         "java":"17","uid":185,"user":"spark","endMillis":2,"parts":[{"reads":[
            {"uri":"file:/x","scheme":"file","fileSystem":"org.apache.hadoop.fs.LocalFileSystem",
             "sha256":"00","mount":{"type":"ext4","source":"/dev/vda","point":"/x","root":"/y",
             "device":"254:0","options":"ro","propagation":"master:1","superOptions":"rw"},
             "inode":-3599843886363560723,"device":65024,"bytes":5,"openNanos":1,"readNanos":2},
            {"uri":"s3a://b/x","error":{"class":"java.lang.NoClassDefFoundError","message":"m",
             "causes":["java.lang.ClassNotFoundException: c"]},
             "bytes":0,"openNanos":0,"readNanos":0}]},
            {"share":{"files":2,"bytes":6,"openNanos":1,"readNanos":2,"failed":0,"errors":[]}}]},
        {"startMillis":1,"partition":1,"executor":"2","host":"h","podName":null,"podIp":null,
         "java":"17","uid":185,"user":"spark","endMillis":2,"parts":[{"reads":[]},
            {"share":{"files":3,"bytes":9,"openNanos":1,"readNanos":2,"failed":1,
                  "errors":[{"class":"E","message":"m","causes":[],"uri":"file:/z"}]}}]}]}"#;

    #[test]
    fn results_are_read_as_the_probe_writes_them() {
        let result: ReadResult = serde_json::from_str(RESULT).expect("a result");
        let fewer = result.clone().by_part(1).expect_err("another number").to_string();
        assert!(fewer.contains("2 parts read, expected 1"), "{fewer}");
        let parts = result.by_part(2).expect("two parts");
        let [file, failed] = &parts[0][0].reads[..] else { panic!("two reads") };
        assert_eq!(file.mount.as_ref().map(|m| m.fs_type.as_str()), Some("ext4"));
        assert_eq!(file.inode, Some(-3_599_843_886_363_560_723));
        let error = failed.error.as_ref().expect("an error").to_string();
        assert_eq!(
            error,
            "java.lang.NoClassDefFoundError: m; caused by java.lang.ClassNotFoundException: c"
        );
        let share = parts[1][1].share.as_ref().expect("a share");
        assert_eq!((share.files, share.errors[0].uri.as_str()), (3, "file:/z"));
        assert_eq!((parts[1][1].task.executor.as_str(), parts[1][1].reads.len()), ("2", 0));
    }
}
