//! The figures of one variant, for the comparison.

use serde::{Deserialize, Serialize};

/// The cost of making a variant's data readable, and the speed of reading it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReadMetrics {
    /// The variant, e.g. `3-hostpath`.
    pub variant: String,
    /// Seconds to make the data readable: copies, layers, mounts, claims, uploads.
    pub setup_seconds: f64,
    /// Bytes moved to nodes or pods beforehand.
    pub bytes_to_nodes: u64,
    /// Seconds of set-up that one more executor costs.
    pub seconds_per_executor: f64,
    /// Bytes that one more executor costs.
    pub bytes_per_executor: u64,
    /// Bytes per second of each executor while all read one big file at once through Hadoop's
    /// FileSystem, opening included, hashing excluded; by executor id.
    pub big_bytes_per_second: Vec<f64>,
    /// The same for 1,000 small files divided among the executors.
    pub small_bytes_per_second: Vec<f64>,
    /// Seconds in which the driver listed and planned the directory of many files.
    pub planning_seconds: f64,
    /// Requests of this variant in the server's log; none without a server.
    pub requests: Option<u64>,
}

/// The median; 0 without values.
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
