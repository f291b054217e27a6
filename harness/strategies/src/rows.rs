//! Rows with sums in closed form.

use std::fmt::Write;
use std::ops::Range;

/// The schema of every table, as Spark's DDL, so that the driver need not read files to infer it.
pub const SCHEMA: &str = "id BIGINT, v BIGINT, nonce STRING";

/// A row: `id` counts from 0 through all files of a table, `v` is 3 × id + 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataRow<'a> {
    pub(super) id: u64,
    pub(super) v: u64,
    /// The nonce of run, variant and table, so that no other data is right.
    pub(super) nonce: &'a str,
}

/// The rows with these ids.
pub(super) fn rows(ids: Range<u64>, nonce: &str) -> impl Iterator<Item = DataRow<'_>> {
    ids.map(move |id| DataRow { id, v: 3 * id + 1, nonce })
}

impl DataRow<'_> {
    /// `id,v,nonce`, as Spark's `concat_ws(',', id, v, nonce)`.
    pub(super) fn csv(&self) -> String {
        format!("{},{},{}", self.id, self.v, self.nonce)
    }

    /// As a JSON object.
    pub(super) fn json(&self) -> String {
        format!(r#"{{"id":{},"v":{},"nonce":"{}"}}"#, self.id, self.v, self.nonce)
    }

    /// The CRC-32 of Spark's `crc32(concat_ws(',', id, v, nonce))`.
    pub(super) fn crc(&self) -> u64 {
        u64::from(crc32fast::hash(self.csv().as_bytes()))
    }
}

/// One line a row.
pub(super) fn lines<'a>(
    rows: impl Iterator<Item = DataRow<'a>>,
    line: impl Fn(&DataRow<'a>) -> String,
) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{}", line(&row));
    }
    text.into_bytes()
}

/// Sum of the ids of n rows.
pub(super) fn sum_id(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

/// Sum of their `v`.
pub(super) fn sum_v(n: u64) -> u64 {
    3 * sum_id(n) + n
}
