//! Tables: files that Spark reads as one, and the expected results.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use sparkproof_spark::session::Frame;

use super::rows::SCHEMA;

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `id,v,nonce` without a header.
    Csv,
    /// Several row groups, plain and uncompressed.
    Parquet,
    /// One JSON object a line.
    Json,
    /// The lines of the CSV as text.
    Text,
}

impl Format {
    /// Spark's name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Json => "json",
            Format::Text => "text",
        }
    }
}

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Path relative to the data's directory.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Number of rows.
    pub rows: u64,
}

/// A file or a directory that Spark reads as one table, and the expected results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// e.g. `csv-big`.
    pub name: &'static str,
    /// Format.
    pub format: Format,
    /// Path of a file or a directory, relative to the data's directory. It is not percent-encoded
    /// in URIs, since Hadoop's `Path` and Spark's readers expect that.
    pub path: &'static str,
    /// Its files, by path.
    pub files: Vec<DataFile>,
    /// Number of rows.
    pub rows: u64,
    /// Sum of `id`.
    pub sum_id: u64,
    /// Sum of `v`.
    pub sum_v: u64,
    /// Sum of `crc32(concat_ws(',', id, v, nonce))`.
    pub crc: u64,
}

impl Table {
    /// Its URI below that of the data's directory.
    pub fn uri(&self, base: &str) -> String {
        format!("{}/{}", base.trim_end_matches('/'), self.path)
    }

    /// The URIs of its files, in their order.
    pub fn file_uris(&self, base: &str) -> Vec<String> {
        let base = base.trim_end_matches('/');
        self.files.iter().map(|file| format!("{base}/{}", file.path)).collect()
    }

    /// A read of it as a DataFrame, with one task for every split (of one big file: `partitions`
    /// splits). `group` is the job group, for the metrics.
    pub fn frame(&self, base: &str, partitions: u32, group: &str) -> Frame {
        let split = self.bytes().div_ceil(u64::from(partitions.max(1))).max(1);
        let (schema, options) = match self.format {
            Format::Text => ("value STRING", None),
            Format::Parquet => (SCHEMA, None),
            // A truncated line is an error, not a row of nulls.
            Format::Csv | Format::Json => (SCHEMA, Some(("mode", "FAILFAST"))),
        };
        Frame {
            format: self.format.name().to_owned(),
            uris: vec![self.uri(base)],
            schema: schema.to_owned(),
            options: options
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into_iter()
                .collect(),
            max_partition_bytes: split,
            open_cost_bytes: split,
            group: group.to_owned(),
        }
    }

    /// The range of bytes that Spark's metrics may show for `file:` or `hdfs:` with so many
    /// partitions (measured, 3.5.9 and 4.3.0). Text: the exact bytes if no file is split, else up
    /// to two buffers of 64 KiB more for each cut. Parquet: as much more for each partition, for
    /// its footer, and less by the indexes, which are not read.
    pub fn input_bytes(&self, partitions: u32) -> RangeInclusive<u64> {
        const BUFFERS: u64 = 2 * (64 << 10);
        let (bytes, partitions) = (self.bytes(), u64::from(partitions));
        match (self.format, &self.files[..]) {
            (Format::Parquet, files) => {
                bytes - bytes / 20..=bytes + partitions.max(files.len() as u64) * BUFFERS
            }
            (_, [file]) if !file.path.ends_with(".gz") => {
                bytes..=bytes + partitions.saturating_sub(1) * BUFFERS
            }
            _ => bytes..=bytes,
        }
    }

    /// Bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }
}

impl DataFile {
    /// Its path as a key of a ConfigMap or Secret. Each byte that is not a letter, digit, `-` or
    /// `.` becomes `_` and two hexadecimal digits, so that keys are unique.
    pub fn key(&self) -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        let escaped = |b| if plain(b) { char::from(b).to_string() } else { format!("_{b:02x}") };
        self.path.bytes().map(escaped).collect()
    }
}
