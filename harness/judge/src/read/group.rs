//! Spark's metrics of a job group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A job group's tasks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMetrics {
    /// Number of jobs.
    pub jobs: usize,
    /// Number of failed jobs.
    pub failed_jobs: usize,
    /// Number of stages that ran, each attempt; those of runs before there were baselines have none.
    #[serde(default)]
    pub stages: u64,
    /// Tasks of the group by executor id, without executors that ran none.
    pub executors: BTreeMap<String, ExecutorMetrics>,
    /// Totals of the whole application by executor id, `driver` included.
    pub totals: BTreeMap<String, ExecutorTotals>,
}

/// One executor's tasks of a group, failed attempts included.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorMetrics {
    /// Number of tasks, however they ended.
    pub tasks: u64,
    /// Number of tasks that read input.
    pub reading_tasks: u64,
    /// Bytes read from input.
    pub input_bytes: u64,
    /// Records read from input.
    pub input_records: u64,
    /// Tasks that failed.
    pub failed: u64,
    /// Tasks that were killed.
    pub killed: u64,
    /// Records that tasks wrote for a shuffle.
    #[serde(default)]
    pub shuffle_records: u64,
    /// Milliseconds of running.
    pub run_millis: u64,
    /// Nanoseconds of CPU time.
    pub cpu_nanos: u64,
}

/// The totals of an executor in Spark's list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutorTotals {
    /// Bytes read from input.
    pub total_input_bytes: u64,
    /// Tasks.
    pub total_tasks: u64,
    /// Those that failed.
    pub failed_tasks: u64,
    /// False for an executor that is gone.
    pub is_active: bool,
}

impl GroupMetrics {
    /// Bytes that all executors read.
    pub fn input_bytes(&self) -> u64 {
        self.executors.values().map(|e| e.input_bytes).sum()
    }

    /// Records that all executors read.
    pub fn input_records(&self) -> u64 {
        self.executors.values().map(|e| e.input_records).sum()
    }

    /// Tasks that failed or were killed.
    pub fn lost_tasks(&self) -> u64 {
        self.executors.values().map(|e| e.failed + e.killed).sum()
    }

    /// Bytes that the driver read as input of tasks: 0 unless it ran tasks.
    pub fn driver_input_bytes(&self) -> u64 {
        self.totals.get("driver").map_or(0, |d| d.total_input_bytes)
    }
}
