//! The table of what each executor read, and its reviewed snapshots.

use std::fmt;

use include_dir::{Dir, include_dir};

use crate::read::Location;
use crate::session::ReadTask;

/// Reviewed snapshots (insta files, shared with the scenarios): `read_<variant>.snap`.
static SNAPSHOTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../snapshots");

/// One row an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTable(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    executor: String,
    pod: String,
    files: usize,
    bytes: u64,
    content: &'static str,
    file_system: String,
    on: String,
}

impl ReadTable {
    /// Of a barrier read, by executor; `right` says whether a task read what was put there.
    pub(super) fn of(
        tasks: &[ReadTask],
        location: &Location,
        right: impl Fn(&ReadTask) -> bool,
    ) -> Self {
        let mut rows: Vec<Row> =
            tasks.iter().map(|task| row(task, location, right(task))).collect();
        rows.sort_by_key(|row| (row.executor.len(), row.executor.clone()));
        ReadTable(rows)
    }

    /// Without what differs between runs: executors' ids, of which one that was replaced leaves a
    /// gap, become ranks; pods' names and the number of bytes, which depends on the suite, go.
    pub fn normalised(&self) -> String {
        let lines = (1..).zip(&self.0).map(|(rank, row)| {
            format!("{rank:<8}  {:<7}  {:<24}  {}", row.content, row.file_system, row.on)
        });
        std::iter::once(format!(
            "{:<8}  {:<7}  {:<24}  {}",
            "EXECUTOR", "CONTENT", "FILE SYSTEM", "ON"
        ))
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
    }

    /// The reviewed snapshot of a variant, for this number of executors: all of them see the same.
    pub(super) fn expected(variant: &str, executors: u32) -> Option<String> {
        let file = SNAPSHOTS.get_file(format!("read_{variant}.snap"))?;
        let body = file.contents_utf8()?.splitn(3, "---\n").nth(2)?.trim_end();
        let mut lines = body.lines();
        let (head, first) = (lines.next()?, lines.next()?);
        let rows = (1..=executors).map(|id| format!("{:<8}{}", id, first.get(8..).unwrap_or("")));
        Some(std::iter::once(head.to_owned()).chain(rows).collect::<Vec<_>>().join("\n"))
    }
}

fn row(task: &ReadTask, location: &Location, right: bool) -> Row {
    let failed = task.reads.iter().any(|read| read.error.is_some());
    let file_system = task.reads.iter().find_map(|read| read.file_system.as_deref());
    let mount = task.reads.iter().find_map(|read| read.mount.as_ref());
    Row {
        executor: task.task.executor.clone(),
        pod: task.task.host.clone(),
        files: task.reads.iter().filter(|read| read.error.is_none()).count(),
        bytes: task.reads.iter().map(|read| read.bytes).sum(),
        content: match (failed, right) {
            (true, _) => "failed",
            (false, true) => "as sent",
            (false, false) => "differs",
        },
        file_system: match file_system.map_or("none", simple) {
            class if same_class(class, location.file_system) => location.file_system.to_owned(),
            other => other.to_owned(),
        },
        on: match (&location.mount, mount) {
            (Some(expected), Some(seen)) => match expected.check(&seen.fs_type, &seen.point) {
                Ok(()) => expected.to_string(),
                Err(_) => format!("{} at {}", seen.fs_type, seen.point),
            },
            (Some(_), None) => "nothing".to_owned(),
            (None, _) => location.scheme().to_owned(),
        },
    }
}

/// Whether a class is the expected one. Hive's jar brings a `ProxyLocalFileSystem` for `file:`, too;
/// which of the two a JVM takes is chance (`ServiceLoader`'s order).
pub(super) fn same_class(class: &str, expected: &str) -> bool {
    class == expected || class.strip_prefix("Proxy") == Some(expected)
}

/// A class's name without its package.
pub(super) fn simple(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

impl fmt::Display for ReadTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EXECUTOR  POD  FILES  BYTES  CONTENT  FILE SYSTEM  ON")?;
        self.0.iter().try_for_each(|row| {
            write!(
                f,
                "\n{:<8}  {}  {}  {}  {}  {}  {}",
                row.executor, row.pod, row.files, row.bytes, row.content, row.file_system, row.on
            )
        })
    }
}
