//! An ordinary read: a DataFrame.

use std::collections::BTreeMap;

use serde::Serialize;

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
