//! The table of what each executor read.

use std::collections::BTreeSet;
use std::fmt;

use super::expected::{Declared, ExpectedReads, read_right};
use super::mount::MountKind;
use super::task::{FileRead, ReadTask};

/// The table, one row an executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTable(Vec<ReadRow>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct ReadRow {
    executor: String,
    pod: String,
    files: usize,
    bytes: u64,
    content: &'static str,
    file_system: String,
    on: String,
}

impl ReadTable {
    /// The table of a barrier stage, by executor.
    pub(super) fn new(tasks: &[ReadTask], expected: &ExpectedReads) -> Self {
        let mut rows: Vec<ReadRow> = tasks.iter().map(|task| row(task, expected)).collect();
        rows.sort_by_key(|row| (row.executor.len(), row.executor.clone()));
        ReadTable(rows)
    }

    /// The table without what differs between runs: executor ids become ranks, since a replaced
    /// executor leaves a gap; pod names and numbers of bytes, which depend on the suite, are left
    /// out.
    pub fn normalised(&self) -> String {
        let rows = (1..).zip(&self.0);
        rendered(rows.map(|(rank, row)| (rank, row.content, &*row.file_system, &*row.on)))
    }
}

impl Declared {
    /// The table of this number of executors, which all see the same.
    pub fn table(&self, executors: u32) -> String {
        rendered((1..=executors).map(|rank| (rank, "as sent", &*self.file_system, &*self.on)))
    }
}

fn rendered<'a>(rows: impl Iterator<Item = (u32, &'a str, &'a str, &'a str)>) -> String {
    let lines = rows
        .map(|(rank, content, class, on)| format!("{rank:<8}  {content:<7}  {class:<24}  {on}"));
    let head = format!("{:<8}  {:<7}  {:<24}  {}", "EXECUTOR", "CONTENT", "FILE SYSTEM", "ON");
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

/// What was seen, not what was expected: nothing here is taken from the declaration.
fn row(task: &ReadTask, expected: &ExpectedReads) -> ReadRow {
    let all = |of: &dyn Fn(&FileRead) -> Option<String>| {
        let seen: BTreeSet<String> = task.reads.iter().filter_map(of).collect();
        match seen.is_empty() {
            true => "nothing".to_owned(),
            false => seen.into_iter().collect::<Vec<_>>().join(", "),
        }
    };
    let failed = task.reads.iter().any(|read| read.error.is_some());
    ReadRow {
        executor: task.task.executor.clone(),
        pod: task.task.host.clone(),
        files: task.reads.iter().filter(|read| read.error.is_none()).count(),
        bytes: task.reads.iter().map(|read| read.bytes).sum(),
        content: match (failed, read_right(task, &expected.files)) {
            (true, _) => "failed",
            (false, true) => "as sent",
            (false, false) => "differs",
        },
        file_system: all(&|read| {
            read.file_system.as_deref().map(|class| expected.place.simple(class).to_owned())
        }),
        on: all(&|read| match &read.mount {
            Some(mount) => Some(MountKind::of(mount).to_string()),
            None => read.scheme.clone(),
        }),
    }
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
