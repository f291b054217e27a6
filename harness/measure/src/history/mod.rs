//! The history of results: points in it at which a figure changed. It is shown and never blocks.
//!
//! A gate compares two sides of one command; a drift of many small steps passes it. So the results of
//! many commands are kept, one file each, and read as a series: the log ratio of each figure. A change
//! point counts if three of five detectors see it at the same place, as Mozilla does since 2026, because
//! one detector alone alarms too often on series like ours (docs/benchmarking.md).

mod change;
mod series;

pub use change::{Change, Detector, Window, changes};
pub use series::{HistoryError, Point, Record, Series, read};
