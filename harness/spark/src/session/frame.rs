//! The ordinary way to read: a DataFrame, and what came out of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A DataFrame to be read once. It has, or its text has as `id,v,nonce`, these three columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// Spark's name of the format: `csv`, `parquet`, `json` or `text`.
    pub format: String,
    /// Files and directories, not percent-encoded.
    pub uris: Vec<String>,
    /// The schema as DDL: with it, nothing is inferred.
    pub schema: String,
    /// The reader's options.
    pub options: BTreeMap<String, String>,
    /// `spark.sql.files.maxPartitionBytes`, for this read.
    pub max_partition_bytes: u64,
    /// `spark.sql.files.openCostInBytes`, for this read: as high as the former, every split is a
    /// partition of its own; low, small files share partitions.
    pub open_cost_bytes: u64,
    /// The job group, by which [`super::Session::metrics`] finds the jobs: another one each time.
    pub group: String,
}

/// What a DataFrame gave.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FrameResult {
    /// Rows.
    pub rows: u64,
    /// Sum of `id`.
    pub sum_id: u64,
    /// Sum of `v`.
    pub sum_v: u64,
    /// Sum of `crc32(concat_ws(',', id, v, nonce))`, of a text's lines.
    pub crc: u64,
    /// Files that rows came from (`input_file_name()`), by URI.
    pub files: Vec<FrameFile>,
    /// Files in the plan: the driver's listing.
    pub planned_files: u64,
    /// Schemes of the plan's files.
    pub schemes: Vec<String>,
    /// Seconds of listing and planning, up to the first job.
    pub planning_seconds: f64,
    /// Seconds from the beginning to the result.
    pub total_seconds: f64,
}

/// A file that rows came from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FrameFile {
    /// Its URI, decoded.
    pub uri: String,
    /// Its rows.
    pub rows: u64,
}
