//! What is known of an application that ran.

use serde::{Deserialize, Serialize};

/// The figures of an application, of its event log or Spark's REST API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplicationRun {
    /// The application's id.
    pub application: String,
    /// Bytes of an executor's heap (`spark.executor.memory`).
    pub heap: Option<u64>,
    /// `spark.task.cpus`.
    pub task_cpus: u32,
    /// The executors, also those that are gone.
    pub executors: Vec<ExecutorRun>,
    /// The stages, all attempts of one together.
    pub stages: Vec<StageRun>,
    /// Reads of files by Spark SQL.
    pub scans: Vec<Scan>,
}

/// An executor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutorRun {
    /// Its id.
    pub id: String,
    /// Its cores.
    pub cores: u32,
    /// Milliseconds from when it was added until it was removed, or the application's end.
    pub alive_ms: u64,
    /// Milliseconds of all its tasks.
    pub run_ms: u64,
    /// Milliseconds of garbage collection during these.
    pub gc_ms: u64,
    /// The most bytes of heap that were seen; `None` if it was not measured.
    pub peak_heap: Option<u64>,
    /// Bytes that its tasks read, of files and shuffles.
    pub read_bytes: u64,
}

/// A stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageRun {
    /// Its id.
    pub id: u64,
    /// Its name, e.g. `count at Main.scala:9`.
    pub name: String,
    /// Tasks that ended.
    pub tasks: u64,
    /// Tasks of these that failed; those that Spark killed are none.
    pub failed: u64,
    /// Milliseconds of the median task; `None` if it was not measured.
    pub median_ms: Option<u64>,
}

/// A read of files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scan {
    /// The node of the plan, e.g. `Scan parquet`.
    pub what: String,
    /// Number of files.
    pub files: u64,
    /// Bytes of these.
    pub bytes: u64,
}

/// A size as Spark's configuration has it (`JavaUtils.byteStringAsBytes`): without a unit it is in
/// MiB, as for `spark.executor.memory`.
pub fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let shift = match &text[digits..] {
        "b" => 0,
        "k" | "kb" => 10,
        "" | "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_spark_has_them() {
        let all = ["512m", "1G", "2048", "4gb", "1k", "x", "", "3.5g"].map(size);
        let mib = |count: u64| Some(count << 20);
        let expected = [mib(512), mib(1024), mib(2048), mib(4096), Some(1024), None, None, None];
        assert_eq!(all, expected);
    }
}
