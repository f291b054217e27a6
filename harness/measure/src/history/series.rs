//! A directory of results as series.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The result of one command, one file of the directory (`*.json`). Further fields are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The commit that was measured (side B).
    pub commit: String,
    /// When.
    pub date: Timestamp,
    /// Machines of one class can be compared, e.g. `2 cores, x86-64`.
    pub machine: String,
    /// Of each figure, the log ratio of B to A, A being the same reference in all results.
    pub log_ratios: BTreeMap<String, f64>,
    /// How many pairs the ratios are of.
    pub pairs: usize,
}

/// One value of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The commit.
    pub commit: String,
    /// When it was measured.
    pub date: Timestamp,
    /// The log ratio.
    pub value: f64,
}

/// The values of one figure on one class of machine, by date.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The class of machine.
    pub machine: String,
    /// The figure.
    pub figure: String,
    /// Ascending by date.
    pub points: Vec<Point>,
}

/// A history that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The directory or a file in it.
    #[error("reading {path}: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that is no result.
    #[error("{path} is not a result of `sparkproof bench`: {error}")]
    NoResult {
        /// Which.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
}

/// Reads all results of a directory, as one series for each class of machine and figure.
///
/// # Errors
/// The directory or a file in it cannot be read, or is no result: none is left out silently.
pub fn read(dir: &Path) -> Result<Vec<Series>, HistoryError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| HistoryError::Read { path, error }
    };
    let mut records = vec![];
    for entry in std::fs::read_dir(dir).map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
            let record: Record = serde_json::from_str(&text)
                .map_err(|error| HistoryError::NoResult { path: path.clone(), error })?;
            records.push(record);
        }
    }
    Ok(series(records))
}

fn series(mut records: Vec<Record>) -> Vec<Series> {
    records.sort_by(|a, b| (a.date, &a.commit).cmp(&(b.date, &b.commit)));
    let mut series: BTreeMap<(String, String), Vec<Point>> = BTreeMap::new();
    for Record { commit, date, machine, log_ratios, .. } in records {
        for (figure, value) in log_ratios {
            let points = series.entry((machine.clone(), figure)).or_default();
            points.push(Point { commit: commit.clone(), date, value });
        }
    }
    let named = |((machine, figure), points)| Series { machine, figure, points };
    series.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(date: &str, commit: &str, machine: &str, value: f64) -> String {
        let log_ratios = BTreeMap::from([("CPU".to_owned(), value)]);
        let (commit, machine) = (commit.to_owned(), machine.to_owned());
        let date = date.parse().expect("a time");
        let record = Record { commit, date, machine, log_ratios, pairs: 24 };
        serde_json::to_string(&record).expect("JSON")
    }

    #[test]
    fn results_become_series_by_date_machine_and_figure() {
        let dir = tempfile::tempdir().expect("directory");
        let put = |name: &str, text: String| std::fs::write(dir.path().join(name), text);
        put("a.json", record("2026-12-02T00:00:00Z", "second", "small", 0.2)).expect("written");
        put("b.json", record("2026-12-01T00:00:00Z", "first", "small", 0.1)).expect("written");
        put("c.json", record("2026-12-01T00:00:00Z", "first", "large", 0.3)).expect("written");
        put("notes.txt", "no result".to_owned()).expect("written");
        let read = read(dir.path()).expect("readable");
        let shown: Vec<_> = read
            .iter()
            .map(|s| {
                let commits: Vec<_> = s.points.iter().map(|p| p.commit.as_str()).collect();
                format!("{} {} {}", s.machine, s.figure, commits.join(" "))
            })
            .collect();
        assert_eq!(shown, ["large CPU first", "small CPU first second"]);
    }

    #[test]
    fn a_file_that_is_no_result_is_an_error() {
        let dir = tempfile::tempdir().expect("directory");
        std::fs::write(dir.path().join("x.json"), "{}").expect("written");
        let error = read(dir.path()).expect_err("no result");
        assert!(error.to_string().contains("x.json"), "{error}");
    }
}
