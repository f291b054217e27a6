//! What executors must read, and whether a task reported on exactly that.

use serde::{Deserialize, Serialize};

use super::place::Place;
use super::task::{FileRead, ReadTask};

/// What each executor must read, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedReads {
    /// Number of executors.
    pub executors: u32,
    /// Where they read.
    pub place: Place,
    /// The nonce in every row.
    pub nonce: String,
    /// The files, in the order in which they are read.
    pub files: Vec<WrittenFile>,
    /// The files of the measurement.
    pub big: Vec<WrittenFile>,
    /// The small files that executors share in the measurement, if there are any.
    pub small: Option<SmallFiles>,
    /// What the way of reading is declared to show; `None` if it is never read.
    pub declared: Option<Declared>,
}

/// Many small files, as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmallFiles {
    /// Their number.
    pub files: u64,
    /// Bytes of all.
    pub bytes: u64,
}

/// What each executor is declared to see of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// Hadoop's class, without its package.
    pub file_system: String,
    /// The mount of a local path, the scheme of another.
    pub on: String,
}

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// The URI by which executors read it.
    pub uri: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A task's reports on these files, in their order.
///
/// # Errors
/// In words, if the reports are not of exactly these files: what is not reported was not read.
pub(super) fn answers<'t>(
    task: &'t ReadTask,
    files: &'t [WrittenFile],
) -> Result<impl Iterator<Item = (&'t FileRead, &'t WrittenFile)>, String> {
    let (asked, reported) = (files.len(), task.reads.len());
    let mut pairs = task.reads.iter().zip(files);
    if let Some((read, file)) = pairs.find(|(read, file)| read.uri != file.uri) {
        return Err(format!("reported a read of {} instead of {}", read.uri, file.uri));
    }
    if asked != reported {
        let after = files.get(reported).map_or(String::new(), |file| format!(", not {}", file.uri));
        return Err(format!("reported {reported} reads of {asked} files{after}"));
    }
    Ok(task.reads.iter().zip(files))
}

/// Whether a task read all these files, and the bytes of each.
pub(super) fn read_right(task: &ReadTask, files: &[WrittenFile]) -> bool {
    answers(task, files)
        .is_ok_and(|mut pairs| pairs.all(|(read, file)| read.sha256.as_ref() == Some(&file.sha256)))
}
