//! What a session has cost so far, by the counters of its containers' control groups.

use std::collections::BTreeMap;

use serde::Deserialize;
use sparkproof_judge::BarrierTask;

/// What the probe reports.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CostResult {
    /// Version of this schema.
    pub(super) schema: u32,
    tasks: Vec<TaskCost>,
    driver_cpu_nanos: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct TaskCost {
    #[serde(flatten)]
    task: BarrierTask,
    group: GroupCost,
}

/// The counters of an executor's control group, since its container was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupCost {
    /// Version of the kernel's control groups: 1 or 2.
    pub version: u32,
    /// Nanoseconds of CPU time of all its processes.
    pub cpu_nanos: u64,
    /// The most memory that it had, in bytes; a kernel of version 2 before 5.19 does not say it.
    pub peak_bytes: Option<u64>,
}

/// What a session has cost so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostSoFar {
    /// By executor id.
    pub executors: BTreeMap<String, GroupCost>,
    /// Nanoseconds of CPU time of the driver's JVM.
    pub driver_cpu_nanos: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct WorkloadResult {
    pub(super) result: i64,
}

impl CostResult {
    pub(super) fn so_far(self) -> CostSoFar {
        let tasks = self.tasks.into_iter();
        CostSoFar {
            executors: tasks.map(|of| (of.task.executor, of.group)).collect(),
            driver_cpu_nanos: self.driver_cpu_nanos,
        }
    }
}

impl CostSoFar {
    /// CPU seconds of executors and of the driver since `before`. `None` if they are not the same
    /// executors.
    pub fn since(&self, before: &CostSoFar) -> Option<(f64, f64)> {
        if !self.executors.keys().eq(before.executors.keys()) {
            return None;
        }
        let pairs = self.executors.iter().zip(before.executors.values());
        let nanos: u64 = pairs.map(|((_, now), then)| now.cpu_nanos - then.cpu_nanos).sum();
        let driver = self.driver_cpu_nanos - before.driver_cpu_nanos;
        Some((nanos as f64 / 1e9, driver as f64 / 1e9))
    }

    /// The most memory that an executor's container had, in bytes.
    pub fn peak_bytes(&self) -> Option<u64> {
        self.executors.values().filter_map(|group| group.peak_bytes).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(executor: &str, cpu: u64, driver: u64) -> CostSoFar {
        let text = format!(
            r#"{{"schema":3,"driverCpuNanos":{driver},"tasks":[{{"startMillis":1,"partition":0,
            "executor":"{executor}","host":"h","podName":null,"podIp":null,"java":"17","uid":185,
            "user":"spark","endMillis":2,
            "group":{{"version":1,"cpuNanos":{cpu},"peakBytes":700}}}}]}}"#
        );
        serde_json::from_str::<CostResult>(&text).expect("a result").so_far()
    }

    #[test]
    fn what_was_spent_between_two_looks_is_of_the_same_executors() {
        let (before, after) = (cost("1", 1_000_000_000, 5), cost("1", 3_500_000_000, 500_000_005));
        assert_eq!(after.since(&before), Some((2.5, 0.5)));
        assert_eq!(after.peak_bytes(), Some(700));
        assert_eq!(cost("2", 9, 9).since(&before), None);
    }
}
