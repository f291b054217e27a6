//! Proof 6: the reads cost as much work as their baseline says, counted exactly.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::frame::{FrameAnswer, Frames};
use super::group::GroupMetrics;
use super::metrics::InputMetrics;
use super::server::ServerLog;
use crate::control::{Control, Says};

/// The version of what is counted, and under which names. Baselines of another one are not compared.
pub const COUNTERS_SCHEMA: u32 = 1;

/// What the names of counters of a store's log begin with.
pub const REQUESTS: &str = "requests ";

/// Number of changed counters in the reason; the evidence has all.
const SHOWN: usize = 6;

/// Requests by which sparkproof itself writes the files, in the words of each server's log.
const WRITES: [&str; 5] = ["PUT", "PutObject", "create", "mkdirs", "HDFS_WRITE"];

/// What a variant's reads cost, in numbers that are equal in each run on each machine: of each table
/// its files, jobs, stages, tasks and rows, and the bytes of a file system; of a store the requests
/// of Spark by verb. A name is `table counter` or `requests verb`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters(pub BTreeMap<String, u64>);

/// The counters that a baseline has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedCounters {
    /// The version of its counters.
    pub schema: u32,
    /// Where it is from, in words.
    pub baseline: String,
    /// Its counters by name.
    pub counters: BTreeMap<String, u64>,
}

impl Counters {
    /// The counters of a variant's reads. The requests of a mount's client are not counted: what it
    /// reads ahead depends on time.
    pub fn of(frames: &Frames, metrics: &InputMetrics, log: Option<&ServerLog>) -> Self {
        let log = log.filter(|_| frames.by_spark());
        let mut counters = BTreeMap::new();
        let mut count = |table: &str, what: &str, value: u64| {
            counters.insert(format!("{table} {what}"), value);
        };
        for read in &frames.0 {
            let FrameAnswer::Read(result) = &read.answer else { continue };
            count(&read.table, "files", result.planned_files);
            let Some(group) = metrics.0.get(&read.table) else { continue };
            count(&read.table, "jobs", group.jobs as u64);
            count(&read.table, "stages", group.stages);
            count(&read.table, "tasks", sum(group, |e| e.tasks));
            count(&read.table, "tasks that read", sum(group, |e| e.reading_tasks));
            count(&read.table, "rows", group.input_records());
            count(&read.table, "shuffled rows", sum(group, |e| e.shuffle_records));
            // What the nonce compresses to differs between runs; and how much of a store's answer a
            // client has read before it ends a request depends on time (seen: 1 % less by s3a).
            if !read.uri.ends_with(".gz") && log.is_none() {
                count(&read.table, "bytes", group.input_bytes());
            }
        }
        let requests = log.into_iter().flat_map(|log| &log.0);
        for request in requests.filter(|r| !WRITES.contains(&r.method.as_str())) {
            *counters.entry(format!("{REQUESTS}{}", request.method)).or_default() += 1;
        }
        Counters(counters)
    }

    /// The counters of work that reads no files.
    pub fn of_group(group: &GroupMetrics) -> Self {
        let counted = [
            ("jobs", group.jobs as u64),
            ("stages", group.stages),
            ("tasks", sum(group, |e| e.tasks)),
            ("shuffled rows", sum(group, |e| e.shuffle_records)),
        ];
        Counters(counted.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// The counters that differ, each with both values.
    pub fn changed(&self, baseline: &BTreeMap<String, u64>) -> Vec<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(baseline.keys()).collect();
        let value = |of: Option<&u64>| of.map_or("none".to_owned(), u64::to_string);
        let both = names.into_iter().map(|name| (name, self.0.get(name), baseline.get(name)));
        both.filter(|(_, seen, baseline)| seen != baseline)
            .map(|(name, seen, baseline)| {
                format!("{name} {}, baseline {}", value(seen), value(baseline))
            })
            .collect()
    }
}

fn sum(group: &GroupMetrics, of: impl Fn(&super::group::ExecutorMetrics) -> u64) -> u64 {
    group.executors.values().map(of).sum()
}

impl Observation for Counters {
    type Expected = ExpectedCounters;
    const KIND: &'static str = "baseline.counters";

    fn judge(&self, expected: &ExpectedCounters) -> Judged {
        let changed = self.changed(&expected.counters);
        let judged = if expected.schema != COUNTERS_SCHEMA {
            let (theirs, ours) = (expected.schema, COUNTERS_SCHEMA);
            Judged::red(
                format!(
                    "the baseline has counters of schema {theirs}, this version counts by schema {ours}"
                ),
                "write the baseline anew by this version: sparkproof bench bless",
            )
        } else if expected.counters.is_empty() {
            Judged::red("the baseline has no counters", "write it anew: sparkproof bench bless")
        } else if changed.is_empty() {
            Judged::green()
        } else {
            let more = match changed.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!("; {more} more"),
            };
            let shown = &changed[..changed.len().min(SHOWN)];
            Judged::red(
                format!("{} counters changed: {}{more}", changed.len(), shown.join("; ")),
                "find out what is read more or less often than before; if it is meant, write the \
                 baseline anew by `sparkproof bench bless` and review the difference",
            )
        };
        let judged = judged.with("baseline", &expected.baseline).with("counters", self.0.len());
        if changed.is_empty() { judged } else { judged.with("changed", changed.join("\n")) }
    }
}

/// The controls of `baseline.*.counters`.
pub(crate) fn controls() -> Vec<Control> {
    let pairs = [
        ("csv-many files", 12),
        ("csv-many tasks", 13),
        ("csv-many rows", 36_000),
        ("csv-many bytes", 1_571_855),
        ("requests GetObject", 105),
    ];
    let counters: BTreeMap<String, u64> = pairs.map(|(name, n)| (name.to_owned(), n)).into();
    let expected = ExpectedCounters {
        schema: COUNTERS_SCHEMA,
        baseline: "4-s3.json".to_owned(),
        counters: counters.clone(),
    };
    let seen = |change: &dyn Fn(&mut BTreeMap<String, u64>)| {
        let mut seen = counters.clone();
        change(&mut seen);
        Counters(seen)
    };
    let add = |name: &'static str, by: i64| {
        seen(&|counters| {
            counters.entry(name.to_owned()).and_modify(|n| *n = n.saturating_add_signed(by));
        })
    };
    let red = |name, seen: Counters, words| Control::seen(name, &expected, &seen, Says::Red(words));
    let same = seen(&|_| {});
    vec![
        Control::seen("all as in the baseline", &expected, &same, Says::Green),
        red(
            "one file more",
            add("csv-many files", 1),
            "1 counters changed: csv-many files 13, baseline 12",
        ),
        red(
            "one request fewer",
            add("requests GetObject", -1),
            "requests GetObject 104, baseline 105",
        ),
        red("one task more", add("csv-many tasks", 1), "csv-many tasks 14, baseline 13"),
        red(
            "one file and its task more",
            seen(&|c| c.extend(["files", "tasks"].map(|of| (format!("csv-many {of}"), 14)))),
            "2 counters changed: csv-many files 14, baseline 12; csv-many tasks 14, baseline 13",
        ),
        red(
            "a counter is missing",
            seen(&|c| c.retain(|name, _| name != "csv-many rows")),
            "csv-many rows none, baseline 36000",
        ),
        red(
            "a counter that the baseline lacks",
            seen(&|c| c.extend([("requests HeadObject".to_owned(), 1)])),
            "requests HeadObject 1, baseline none",
        ),
        red("no counters", seen(&BTreeMap::clear), "5 counters changed"),
        Control::seen(
            "a baseline of another schema",
            &ExpectedCounters { schema: COUNTERS_SCHEMA + 1, ..expected.clone() },
            &same,
            Says::Red("counters of schema 2, this version counts by schema 1"),
        ),
        Control::seen(
            "a baseline without counters",
            &ExpectedCounters { counters: BTreeMap::new(), ..expected.clone() },
            &Counters::default(),
            Says::Red("the baseline has no counters"),
        ),
        Control::unseen::<Counters>(&expected, "waited 30 s for the metrics of job group g"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::frame::{FrameRead, FrameResult};
    use crate::read::metrics::metrics_of;
    use crate::read::server::ServerRequest;

    fn read(table: &str, uri: &str, files: u64) -> FrameRead {
        FrameRead {
            table: table.to_owned(),
            uri: uri.to_owned(),
            group: "g".to_owned(),
            answer: FrameAnswer::Read(FrameResult {
                rows: 40,
                sum_id: 0,
                sum_v: 0,
                crc: 0,
                files: Vec::new(),
                planned_files: files,
                schemes: Vec::new(),
                planning_seconds: 0.1,
                total_seconds: 0.2,
            }),
        }
    }

    fn request(method: &str) -> ServerRequest {
        ServerRequest {
            method: method.to_owned(),
            path: String::new(),
            bytes: None,
            client: String::new(),
            status: "200".to_owned(),
            read: true,
        }
    }

    #[test]
    fn what_is_counted_is_what_does_not_depend_on_time() {
        let frames = Frames(vec![
            read("csv-many", "s3a://data/many.csv", 12),
            read("csv-gzip", "s3a://data/rows.csv.gz", 1),
            read("csv-empty", "s3a://data/empty.csv", 1),
        ]);
        let of = |table: &str| (table.to_owned(), metrics_of(20, 500));
        let metrics = InputMetrics(["csv-many", "csv-gzip"].map(of).into());
        let log = ServerLog(["GetObject", "PutObject", "GetObject"].map(request).into());
        let Counters(counted) = Counters::of(&frames, &metrics, Some(&log));
        let lines: Vec<String> = counted.iter().map(|(name, n)| format!("{name} {n}")).collect();
        assert_eq!(
            lines,
            [
                "csv-empty files 1",
                "csv-gzip files 1",
                "csv-gzip jobs 1",
                "csv-gzip rows 40",
                "csv-gzip shuffled rows 2",
                "csv-gzip stages 2",
                "csv-gzip tasks 4",
                "csv-gzip tasks that read 2",
                "csv-many files 12",
                "csv-many jobs 1",
                "csv-many rows 40",
                "csv-many shuffled rows 2",
                "csv-many stages 2",
                "csv-many tasks 4",
                "csv-many tasks that read 2",
                "requests GetObject 2",
            ]
        );
        let mounted = Frames(vec![read("csv-many", "file:///mnt/many.csv", 12)]);
        let Counters(counted) = Counters::of(&mounted, &metrics, Some(&log));
        assert_eq!(counted.get("requests GetObject"), None);
        assert_eq!(counted.get("csv-many bytes"), Some(&1000));
    }
}
