//! Proof 2: an ordinary DataFrame read gives the sums known beforehand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::place::{Place, diagnosed};
use crate::control::{Control, Says};

/// The result of reading a DataFrame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameFile {
    /// Its URI, decoded.
    pub uri: String,
    /// Number of its rows.
    pub rows: u64,
}

/// The reads of a variant's tables as DataFrames, in their order; after one that failed there is
/// none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frames(pub Vec<FrameRead>);

/// One table, read once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameRead {
    /// Name of the table.
    pub table: String,
    /// The URI that was read.
    pub uri: String,
    /// The job group of the read, for its metrics.
    pub group: String,
    /// What came of it.
    pub answer: FrameAnswer,
}

/// What a read of a DataFrame gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameAnswer {
    /// Its rows, summed.
    Read(FrameResult),
    /// The exception of the driver or of a task: classes, messages and where it was thrown.
    Failed(String),
}

/// What the reads must give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedFrames {
    /// Where Spark reads.
    pub place: Place,
    /// The tables, in the order in which they are read.
    pub tables: Vec<WrittenTable>,
}

/// A table as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenTable {
    /// Its name.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// Sum of `id`.
    pub sum_id: u64,
    /// Sum of `v`.
    pub sum_v: u64,
    /// Sum of `crc32(concat_ws(',', id, v, nonce))`.
    pub crc: u64,
    /// Rows of each file, by its path below the root; empty files are left out.
    pub files: BTreeMap<String, u64>,
}

impl Frames {
    /// The job groups of the reads that gave rows, by table: Spark runs no job for empty files.
    pub fn groups(&self) -> BTreeMap<String, String> {
        let with_rows =
            |read: &&FrameRead| matches!(&read.answer, FrameAnswer::Read(r) if r.rows > 0);
        let reads = self.0.iter().filter(with_rows);
        reads.map(|read| (read.table.clone(), read.group.clone())).collect()
    }

    /// Whether Spark itself spoke to the server: a mounted file system has a client of its own.
    pub(super) fn by_spark(&self) -> bool {
        self.0.iter().all(|read| !read.uri.starts_with("file:"))
    }

    /// The result of a table's read.
    pub fn result(&self, table: &str) -> Option<&FrameResult> {
        self.0.iter().find_map(|read| match &read.answer {
            FrameAnswer::Read(result) if read.table == table => Some(result),
            _ => None,
        })
    }
}

impl Observation for Frames {
    type Expected = ExpectedFrames;
    const KIND: &'static str = "read.frame";

    fn judge(&self, expected: &ExpectedFrames) -> Judged {
        let judged = match self.fault(expected) {
            Ok(()) => Judged::green(),
            Err(red) => red,
        };
        self.0.iter().fold(judged, |judged, read| match &read.answer {
            FrameAnswer::Read(result) => judged.with(&read.table, summary(result)),
            FrameAnswer::Failed(_) => judged,
        })
    }
}

impl Frames {
    fn fault(&self, expected: &ExpectedFrames) -> Result<(), Judged> {
        let place = &expected.place;
        for (at, table) in expected.tables.iter().enumerate() {
            match self.0.get(at) {
                Some(read) if read.table == table.name => match &read.answer {
                    FrameAnswer::Failed(text) => return Err(failed(text, &read.uri, place)),
                    FrameAnswer::Read(result) => compare(result, table, place.scheme())?,
                },
                _ => return Err(unread(&format!("{} was not read as a DataFrame", table.name))),
            }
        }
        let (tables, read) = (expected.tables.len(), self.0.len());
        match tables > 0 && tables == read {
            true => Ok(()),
            false => Err(unread(&format!("{read} DataFrames were read of {tables} tables"))),
        }
    }
}

/// The read failed in the driver or in a task, whose exception is reported as that of the job.
fn failed(text: &str, uri: &str, place: &Place) -> Judged {
    let whose = if text.contains("Job aborted") { "an executor" } else { "the driver" };
    diagnosed(&format!("the DataFrame of {uri} failed"), &place.diagnose(text, whose, uri))
}

fn unread(what: &str) -> Judged {
    Judged::red(what, "a defect of this build: report it")
}

fn compare(result: &FrameResult, table: &WrittenTable, scheme: &str) -> Result<(), Judged> {
    let name = &table.name;
    let seen = (result.rows, result.sum_id, result.sum_v, result.crc);
    let expected = (table.rows, table.sum_id, table.sum_v, table.crc);
    if seen != expected {
        return Err(Judged::red(
            format!(
                "{name}: count, sum(id), sum(v), sum(crc32) are {seen:?}, expected {expected:?}"
            ),
            "executors read other bytes than those that were written; Spark did not notice",
        ));
    }
    let remedy = "find out what else lies there, or which files Spark left out";
    if result.files.len() != table.files.len() {
        let (seen, expected) = (result.files.len(), table.files.len());
        let what = format!("{name}: rows came from {seen} files, expected {expected}");
        return Err(Judged::red(what, remedy));
    }
    for (path, rows) in &table.files {
        // The authority of a URI is written in more than one way.
        let end = format!("/{path}");
        let seen = result.files.iter().find(|file| file.uri.ends_with(&end)).map_or(0, |f| f.rows);
        if seen != *rows {
            let what = format!("{name}: {seen} rows came from {path}, expected {rows}");
            return Err(Judged::red(what, remedy));
        }
    }
    if result.schemes != [scheme] {
        let seen = match result.schemes.is_empty() {
            true => "no scheme".to_owned(),
            false => result.schemes.join(", "),
        };
        let what = format!("{name}: the plan reads by {seen}, expected {scheme}");
        return Err(Judged::red(what, "check the session's configuration of this scheme"));
    }
    Ok(())
}

fn summary(result: &FrameResult) -> String {
    format!(
        "{} rows of {} files, sum(id) {}, sum(v) {}, sum(crc32) {}, planned in {:.2} s, {:.2} s",
        result.rows,
        result.files.len(),
        result.sum_id,
        result.sum_v,
        result.crc,
        result.planning_seconds,
        result.total_seconds
    )
}

/// The controls of `read.*.frame`.
pub(crate) fn controls() -> Vec<Control> {
    let table = |name: &str, files: &[(&str, u64)]| WrittenTable {
        name: name.to_owned(),
        rows: files.iter().map(|(_, rows)| rows).sum(),
        sum_id: 780,
        sum_v: 12,
        crc: 98_765,
        files: files.iter().map(|(path, rows)| ((*path).to_owned(), *rows)).collect(),
    };
    let expected = ExpectedFrames {
        place: Place {
            uri: "file:///var/tmp/data".to_owned(),
            file_system: "LocalFileSystem".to_owned(),
            mount: None,
            volume: None,
        },
        tables: vec![
            table("csv-big", &[("big.csv", 40)]),
            table("csv-many", &[("many.csv/part-00.csv", 20), ("many.csv/part-01.csv", 20)]),
            WrittenTable { sum_id: 0, sum_v: 0, crc: 0, ..table("csv-empty", &[]) },
        ],
    };
    let read = |table: &WrittenTable| {
        let file = |(path, rows): (&String, &u64)| FrameFile {
            uri: format!("file:///var/tmp/data/{path}"),
            rows: *rows,
        };
        FrameRead {
            table: table.name.clone(),
            uri: format!("file:///var/tmp/data/{}", table.name),
            group: format!("0-copy-{}-00c0ffee", table.name),
            answer: FrameAnswer::Read(FrameResult {
                rows: table.rows,
                sum_id: table.sum_id,
                sum_v: table.sum_v,
                crc: table.crc,
                files: table.files.iter().map(file).collect(),
                planned_files: 2,
                schemes: vec!["file".to_owned()],
                planning_seconds: 0.1,
                total_seconds: 0.4,
            }),
        }
    };
    let seen = Frames(expected.tables.iter().map(read).collect());
    let red = |name, words, change: &dyn Fn(&mut Vec<FrameRead>)| {
        let mut seen = seen.clone();
        change(&mut seen.0);
        Control::seen(name, &expected, &seen, Says::Red(words))
    };
    // The read of the table of two files.
    let many = |name, words, change: &dyn Fn(&mut FrameResult)| {
        red(name, words, &|seen| {
            if let FrameAnswer::Read(result) = &mut seen[1].answer {
                change(result);
            }
        })
    };
    let fails = |name, words, text: &str| {
        red(name, words, &|seen| {
            seen.truncate(1);
            seen[0].answer = FrameAnswer::Failed(text.to_owned());
        })
    };
    let sums = "csv-many: count, sum(id), sum(v), sum(crc32) are";
    vec![
        Control::seen("sums as written", &expected, &seen, Says::Green),
        many("one row less", sums, &|result| result.rows -= 1),
        many("another sum of ids", sums, &|result| result.sum_id += 1),
        many("another sum of values", sums, &|result| result.sum_v += 1),
        many("other bytes in as many rows", sums, &|result| result.crc += 1),
        many("no rows", sums, &|result| {
            (result.rows, result.sum_id, result.sum_v, result.crc) = (0, 0, 0, 0);
            result.files.clear();
        }),
        many("one file less", "rows came from 1 files, expected 2", &|result| {
            drop(result.files.pop());
        }),
        many("one file more", "rows came from 3 files, expected 2", &|result| {
            result.files.push(result.files[0].clone());
        }),
        many("another file", "0 rows came from many.csv/part-01.csv", &|result| {
            "file:///var/tmp/data/many.csv/part-09.csv".clone_into(&mut result.files[1].uri);
        }),
        many("rows of one file in another", "19 rows came from many.csv/part-00.csv", &|result| {
            result.files[0].rows -= 1;
            result.files[1].rows += 1;
        }),
        many("another scheme", "the plan reads by s3a, expected file", &|result| {
            result.schemes = vec!["s3a".to_owned()];
        }),
        many("one more scheme", "the plan reads by file, s3a, expected", &|result| {
            result.schemes.push("s3a".to_owned());
        }),
        many("no scheme", "the plan reads by no scheme", &|result| result.schemes.clear()),
        red("a table was left out", "csv-many was not read", &|seen| drop(seen.remove(1))),
        red("the last table was left out", "csv-empty was not read", &|seen| drop(seen.pop())),
        red("no table was read", "csv-big was not read", &Vec::clear),
        red("one table more", "4 DataFrames were read of 3 tables", &|seen| {
            seen.push(seen[0].clone());
        }),
        fails(
            "missing at the driver",
            "the DataFrame of file:///var/tmp/data/csv-big failed: driver-lacks-file",
            "AnalysisException: [PATH_NOT_FOUND] Path does not exist: file:/var/tmp/data/big.csv",
        ),
        fails(
            "missing on an executor",
            "failed: file-missing: the file is not there: an executor read",
            "SparkException: Job aborted due to stage failure: java.io.FileNotFoundException: x",
        ),
        Control::seen(
            "no table was expected",
            &ExpectedFrames { tables: Vec::new(), ..expected.clone() },
            &Frames(Vec::new()),
            Says::Red("0 DataFrames were read of 0 tables"),
        ),
        Control::unseen::<Frames>(&expected, "the driver ended with status 1"),
    ]
}
