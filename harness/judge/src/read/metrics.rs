//! Proof 3: Spark's metrics show that the executors read everything. The driver's row counts tasks
//! only: what the driver reads outside of tasks is in no metric.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::group::{ExecutorMetrics, ExecutorTotals, GroupMetrics};
use crate::control::{Control, Says};

/// Spark's metrics of each table's read, by table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputMetrics(pub BTreeMap<String, GroupMetrics>);

/// What the metrics must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedMetrics {
    /// Number of executors.
    pub executors: u32,
    /// The scheme by which Spark reads, e.g. `s3a`.
    pub scheme: String,
    /// The tables that have rows.
    pub tables: Vec<CountedTable>,
}

/// A table, for what Spark counts of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedTable {
    /// Its name.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// Number of files.
    pub files: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Whether its files are text that is not compressed, read from the first byte to the last.
    pub plain: bool,
    /// Whether its files can be split among executors.
    pub splits: bool,
    /// The least and the most bytes that Spark counts of it over `file:` and `hdfs:`.
    pub counted: (u64, u64),
}

impl Observation for InputMetrics {
    type Expected = ExpectedMetrics;
    const KIND: &'static str = "read.metrics";

    fn judge(&self, expected: &ExpectedMetrics) -> Judged {
        let judged = match self.fault(expected) {
            None => Judged::green(),
            Some(what) => Judged::red(
                what,
                "find out who read it: the metrics of the read are in the evidence; another version \
                 of Spark or of a client may count differently",
            ),
        };
        self.0.iter().fold(judged, |judged, (table, group)| judged.with(table, summary(group)))
    }
}

impl InputMetrics {
    fn fault(&self, expected: &ExpectedMetrics) -> Option<String> {
        if expected.tables.is_empty() {
            return Some("no table with rows was read".to_owned());
        }
        expected.tables.iter().find_map(|table| {
            let what = match self.0.get(&table.name) {
                None => Some("there are no metrics of its read".to_owned()),
                Some(group) => of_table(group, table, expected),
            };
            what.map(|what| format!("{}: {what}", table.name))
        })
    }
}

fn of_table(
    group: &GroupMetrics,
    table: &CountedTable,
    expected: &ExpectedMetrics,
) -> Option<String> {
    let executors = expected.executors;
    let (records, bytes) = (group.input_records(), group.input_bytes());
    if records != table.rows {
        return Some(format!("executors read {records} records, expected {}", table.rows));
    }
    let size = table.bytes;
    let (least, most) = match expected.scheme.as_str() {
        "file" | "hdfs" => (table.counted.0, Some(table.counted.1)),
        // Remote streams read ahead. Of Parquet the columns are read, which are nearly all of a
        // file.
        _ if !table.plain => (size / 10 * 9, None),
        // hadoop-azure 2.7 adds the end of file, -1, to the bytes (measured, 3.0.1).
        "wasb" | "wasbs" => (size.saturating_sub(table.files), None),
        _ => (size, None),
    };
    if bytes < least || most.is_some_and(|most| bytes > most) {
        let range = match most {
            None => format!("at least {least}"),
            Some(most) if most == least => least.to_string(),
            Some(most) => format!("{least} to {most}"),
        };
        return Some(format!("executors read {bytes} bytes, expected {range}; it has {size}"));
    }
    let reading = group.executors.values().filter(|e| e.input_records > 0).count();
    if table.splits && table.rows > u64::from(executors) && reading != executors as usize {
        return Some(format!("{reading} of {executors} executors read records"));
    }
    if let Some(of_driver) = group.executors.get("driver") {
        return Some(format!("the driver ran {} tasks", of_driver.tasks));
    }
    match group.totals.get("driver") {
        None => Some("Spark's list of executors does not show the driver".to_owned()),
        Some(driver) if driver.total_input_bytes > 0 => {
            Some(format!("the driver read {} bytes", driver.total_input_bytes))
        }
        Some(_) => None,
    }
}

fn summary(group: &GroupMetrics) -> String {
    group
        .executors
        .iter()
        .map(|(id, e)| {
            format!(
                "executor {id}: {} bytes, {} records, {} tasks",
                e.input_bytes, e.input_records, e.tasks
            )
        })
        .chain([format!("driver: {} bytes", group.driver_input_bytes())])
        .collect::<Vec<_>>()
        .join("\n")
}

/// The metrics of a read of so many records and bytes by each executor, as Spark shows them.
pub(super) fn metrics_of(records: u64, bytes: u64) -> GroupMetrics {
    let executor = ExecutorMetrics {
        tasks: 2,
        reading_tasks: 1,
        input_bytes: bytes,
        input_records: records,
        failed: 0,
        killed: 0,
        shuffle_records: 1,
        run_millis: 40,
        cpu_nanos: 9_000_000,
    };
    let total = |total_input_bytes| ExecutorTotals {
        total_input_bytes,
        total_tasks: 9,
        failed_tasks: 0,
        is_active: true,
    };
    GroupMetrics {
        jobs: 1,
        failed_jobs: 0,
        stages: 2,
        executors: ["1", "2"].map(|id| (id.to_owned(), executor.clone())).into(),
        totals: [("1", total(9 * bytes)), ("2", total(9 * bytes)), ("driver", total(0))]
            .map(|(id, total)| (id.to_owned(), total))
            .into(),
    }
}

/// The controls of `read.*.metrics`.
pub(crate) fn controls() -> Vec<Control> {
    let table = |name: &str, plain, counted| CountedTable {
        name: name.to_owned(),
        rows: 40,
        files: 2,
        bytes: 1000,
        plain,
        splits: true,
        counted,
    };
    let by = |scheme: &str| ExpectedMetrics {
        executors: 2,
        scheme: scheme.to_owned(),
        tables: vec![
            table("csv-many", true, (1000, 1000)),
            table("parquet-big", false, (950, 5000)),
        ],
    };
    let both = |csv, parquet| {
        InputMetrics(BTreeMap::from([
            ("csv-many".to_owned(), metrics_of(20, csv)),
            ("parquet-big".to_owned(), metrics_of(20, parquet)),
        ]))
    };
    let local = by("file");
    let counted = |name, scheme, csv, parquet, says| {
        Control::seen(name, &by(scheme), &both(csv, parquet), says)
    };
    let red = |name, words, change: &dyn Fn(&mut BTreeMap<String, GroupMetrics>)| {
        let mut seen = both(500, 490);
        change(&mut seen.0);
        Control::seen(name, &local, &seen, Says::Red(words))
    };
    // One executor's row of the first table.
    let one = |name, words, change: &dyn Fn(&mut ExecutorMetrics)| {
        red(name, words, &|seen| {
            seen.values_mut().take(1).for_each(|group| {
                group.executors.values_mut().take(1).for_each(change);
            });
        })
    };
    let driver = |name, words, change: &dyn Fn(&mut GroupMetrics)| {
        red(name, words, &|seen| seen.values_mut().take(1).for_each(change))
    };
    let mut compressed = local.clone();
    compressed.tables[0].splits = false;
    let mut by_one = both(500, 490);
    for group in by_one.0.values_mut().take(1) {
        group.executors =
            BTreeMap::from([("1".to_owned(), metrics_of(40, 1000).executors["1"].clone())]);
    }
    vec![
        counted("all bytes of local files", "file", 500, 490, Says::Green),
        counted("all bytes over HDFS", "hdfs", 500, 490, Says::Green),
        counted("read ahead from a store", "s3a", 700, 460, Says::Green),
        counted("one byte less for each file over WASB", "wasbs", 499, 490, Says::Green),
        Control::seen("one compressed file, one executor", &compressed, &by_one, Says::Green),
        counted(
            "two bytes less of local files",
            "file",
            499,
            490,
            Says::Red("csv-many: executors read 998 bytes, expected 1000; it has 1000"),
        ),
        counted(
            "two bytes more of local files",
            "file",
            501,
            490,
            Says::Red("executors read 1002 bytes, expected 1000"),
        ),
        counted(
            "most of Parquet in no metric",
            "file",
            500,
            5,
            Says::Red("parquet-big: executors read 10 bytes, expected 950 to 5000"),
        ),
        counted("Parquet read ten times", "hdfs", 500, 5000, Says::Red("expected 950 to 5000")),
        counted(
            "two bytes less from a store",
            "s3a",
            499,
            490,
            Says::Red("executors read 998 bytes, expected at least 1000"),
        ),
        counted("four bytes less over WASB", "wasb", 498, 490, Says::Red("expected at least 998")),
        counted(
            "a tenth of Parquet from a store",
            "s3a",
            500,
            50,
            Says::Red("executors read 100 bytes, expected at least 900"),
        ),
        counted("no bytes", "s3a", 0, 0, Says::Red("executors read 0 bytes")),
        one("one record less", "executors read 39 records, expected 40", &|e| e.input_records -= 1),
        one("one record more", "executors read 41 records, expected 40", &|e| e.input_records += 1),
        Control::seen(
            "one executor read all",
            &local,
            &by_one,
            Says::Red("csv-many: 1 of 2 executors read records"),
        ),
        driver("the driver read", "the driver read 7 bytes", &|group| {
            group.totals.values_mut().for_each(|total| total.total_input_bytes = 7);
        }),
        driver("the driver ran tasks", "the driver ran 2 tasks", &|group| {
            let of_driver = ExecutorMetrics { tasks: 2, ..ExecutorMetrics::default() };
            group.executors.insert("driver".to_owned(), of_driver);
        }),
        driver("the driver is not listed", "does not show the driver", &|group| {
            group.totals.remove("driver");
        }),
        red("no metrics of one table", "parquet-big: there are no metrics", &|seen| {
            seen.remove("parquet-big");
        }),
        red("no metrics", "csv-many: there are no metrics", &BTreeMap::clear),
        Control::seen(
            "no table with rows",
            &ExpectedMetrics { tables: Vec::new(), ..local.clone() },
            &InputMetrics(BTreeMap::new()),
            Says::Red("no table with rows was read"),
        ),
        Control::unseen::<InputMetrics>(&local, "waited 30 s for the metrics of job group g"),
    ]
}
