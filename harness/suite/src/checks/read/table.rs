//! The table of what each executor read, and its reviewed snapshots.

use std::fmt;

use sparkproof_catalog::Variant;
use sparkproof_spark::session::ReadTask;
use sparkproof_strategies::Location;

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
    /// The table of a barrier read, by executor; `right` says whether a task read the right bytes.
    pub(super) fn new(
        tasks: &[ReadTask],
        location: &Location,
        right: impl Fn(&ReadTask) -> bool,
    ) -> Self {
        let mut rows: Vec<ReadRow> =
            tasks.iter().map(|task| row(task, location, right(task))).collect();
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

    /// The declared table of a variant for this number of executors, which all see the same; `None`
    /// if the variant is never read.
    pub(super) fn expected(variant: &Variant, executors: u32) -> Option<String> {
        let seen = variant.reads.as_ref()?;
        Some(rendered((1..=executors).map(|rank| (rank, "as sent", &*seen.file_system, &*seen.on))))
    }
}

fn rendered<'a>(rows: impl Iterator<Item = (u32, &'a str, &'a str, &'a str)>) -> String {
    let lines = rows
        .map(|(rank, content, class, on)| format!("{rank:<8}  {content:<7}  {class:<24}  {on}"));
    let head = format!("{:<8}  {:<7}  {:<24}  {}", "EXECUTOR", "CONTENT", "FILE SYSTEM", "ON");
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

fn row(task: &ReadTask, location: &Location, right: bool) -> ReadRow {
    let failed = task.reads.iter().any(|read| read.error.is_some());
    let file_system = task.reads.iter().find_map(|read| read.file_system.as_deref());
    let mount = task.reads.iter().find_map(|read| read.mount.as_ref());
    ReadRow {
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

/// Whether a class is the expected one. Hive's jar also has a `ProxyLocalFileSystem` for `file:`;
/// which of the two a JVM uses depends on `ServiceLoader`'s order.
pub(super) fn same_class(class: &str, expected: &str) -> bool {
    class == expected || class.strip_prefix("Proxy") == Some(expected)
}

/// The name of a class without its package.
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

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_catalog::{Expected, variants};

    /// What is declared is what was reviewed: each variant that is read has its snapshot, which the
    /// scenarios compare with what they see.
    #[test]
    fn the_declared_tables_are_the_reviewed_snapshots() {
        for variant in variants() {
            let read = |spark: &sparkproof_catalog::spark::SparkRelease| {
                let expected = variant.expected(&spark.version, 1).expect("declared");
                matches!(expected, Expected::Green | Expected::Pinned)
            };
            let is_proven = variant.unprovable(false).is_none()
                && sparkproof_catalog::spark::known().iter().any(read);
            let table = ReadTable::expected(variant, 3);
            assert!(
                table.is_some() || !is_proven,
                "{} is read and declares no `reads`",
                variant.id
            );
            let Some(table) = table.filter(|_| is_proven) else { continue };
            let file = format!("read_{}", variant.id);
            let snapshots = concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots");
            insta::with_settings!({
                snapshot_path => snapshots,
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(file, table);
            });
        }
    }
}
