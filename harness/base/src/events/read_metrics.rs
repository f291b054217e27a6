//! The comparison's figures of one variant.

use serde::{Deserialize, Serialize};

/// What it took to make a variant's data readable, and how it was read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReadMetrics {
    /// The variant, e.g. `3-hostpath`.
    pub variant: String,
    /// Seconds to make the data readable: copies, layers, mounts, claims, uploads.
    pub setup_seconds: f64,
    /// Bytes moved to nodes or pods for it.
    pub bytes_to_nodes: u64,
    /// Seconds of set-up that one more executor costs.
    pub seconds_per_executor: f64,
    /// Bytes that one more executor costs.
    pub bytes_per_executor: u64,
    /// Bytes a second of each executor when all read one big file at once, raw, through Hadoop's
    /// FileSystem, unhashed; by executor id.
    pub big_bytes_per_second: Vec<f64>,
    /// The same for 1,000 small files shared out over the executors, opening included.
    pub small_bytes_per_second: Vec<f64>,
    /// Seconds the driver took to list and plan the directory of many files.
    pub planning_seconds: f64,
    /// Requests of this variant in the server's log; none without a server.
    pub requests: Option<u64>,
}

/// The middle value; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).abs() < f64::EPSILON);
    }
}
