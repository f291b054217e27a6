//! What a task reports about the executor that it ran on, by the probe.

use serde::{Deserialize, Serialize};

/// A barrier task's report about its executor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BarrierTask {
    /// Partition number.
    pub partition: u32,
    /// Executor id, e.g. `1`; `driver` in local mode.
    pub executor: String,
    /// Host name: a pod's name, cut to 63 characters.
    pub host: String,
    /// Pod name from the executor's environment (Spark 3.3 and later).
    pub pod_name: Option<String>,
    /// Pod address from the executor's environment.
    pub pod_ip: Option<String>,
    /// Java version.
    pub java: String,
    /// User id of the process.
    pub uid: u32,
    /// User name of the process.
    pub user: String,
    /// Start of the task in milliseconds since 1970, by the executor's clock.
    pub start_millis: u64,
    /// End of the task, in the same form.
    pub end_millis: u64,
}
