//! An ordinary read: a DataFrame, and its result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A DataFrame to be read once, with the columns `id`, `v` and `nonce`, or with lines `id,v,nonce`.
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
    /// `spark.sql.files.openCostInBytes`, for this read: if it is as high as the former, every
    /// split is a separate partition; if it is low, small files share partitions.
    pub open_cost_bytes: u64,
    /// The job group, by which [`super::Session::metrics`] finds the jobs; a new one for each read.
    pub group: String,
}

/// The result of reading a DataFrame.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FrameResult {
    /// Number of rows.
    pub rows: u64,
    /// Sum of `id`.
    pub sum_id: u64,
    /// Sum of `v`.
    pub sum_v: u64,
    /// Sum of `crc32(concat_ws(',', id, v, nonce))`; for text of its lines.
    pub crc: u64,
    /// Files that rows came from (`input_file_name()`), by URI.
    pub files: Vec<FrameFile>,
    /// Files in the plan: the driver's listing.
    pub planned_files: u64,
    /// Schemes of the plan's files.
    pub schemes: Vec<String>,
    /// Seconds of listing and planning, up to the first job.
    pub planning_seconds: f64,
    /// Seconds from the request to the result.
    pub total_seconds: f64,
}

/// A file that rows came from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FrameFile {
    /// Its URI, decoded.
    pub uri: String,
    /// Number of its rows.
    pub rows: u64,
}
