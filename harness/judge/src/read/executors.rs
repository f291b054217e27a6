//! Proof 1: every executor read every byte, in this way and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sparkproof_base::events::Looked;
use sparkproof_base::verdict::{Diagnosis, Judged, Observation};

use super::expected::{ExpectedReads, SmallFiles, WrittenFile, answers, read_right};
use super::place::diagnosed;
use super::table::ReadTable;
use super::task::{FileRead, ReadTask, Share};
use super::volume::VolumeSource;
use crate::diagnosis::{content_differs, read_elsewhere};

/// What the executors of a session reported of their reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reads {
    /// Names of the executors' pods.
    pub pods: BTreeSet<String>,
    /// The volume in which the files lie in each pod, by the pod's name; not of a pod that has them
    /// elsewhere.
    pub volumes: BTreeMap<String, VolumeSource>,
    /// The tasks of a barrier stage, each of which reads and hashes every file.
    pub tasks: Vec<ReadTask>,
    /// The measurement, or why there is none.
    pub measured: Looked<Measured>,
}

/// Reads for throughput, without hashing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The tasks of a barrier stage, each of which reads the big file.
    pub big: Vec<ReadTask>,
    /// The tasks of a barrier stage that share the small files; none if there are no such files.
    pub small: Vec<ReadTask>,
}

impl Observation for Reads {
    type Expected = ExpectedReads;
    const KIND: &'static str = "read.executors";

    fn judge(&self, expected: &ExpectedReads) -> Judged {
        let judged = match self.fault(expected) {
            Ok(()) => Judged::green(),
            Err(red) => red,
        };
        judged
            .with("executors", self.table(expected))
            .with("root of the files", &expected.place.uri)
            .with("nonce in every row", &expected.nonce)
    }
}

impl Reads {
    /// What each executor read.
    pub fn table(&self, expected: &ExpectedReads) -> ReadTable {
        ReadTable::new(&self.tasks, expected)
    }

    /// Whether every file could be read, so that a measurement makes sense.
    pub fn nothing_failed(&self) -> bool {
        self.tasks.iter().all(|task| task.reads.iter().all(|read| read.error.is_none()))
    }

    /// Bytes per second of each task of the big file.
    pub fn big_rates(&self) -> Vec<f64> {
        let reads = self.measured().flat_map(|m| &m.big).flat_map(|task| &task.reads);
        reads.filter_map(|read| rate(read.bytes, read.open_nanos + read.read_nanos)).collect()
    }

    /// Bytes per second of each task of the small files.
    pub fn small_rates(&self) -> Vec<f64> {
        let tasks = self.measured().flat_map(|m| &m.small);
        let shares = tasks.filter_map(|task| task.share.as_ref());
        shares.filter_map(|s| rate(s.bytes, s.open_nanos + s.read_nanos)).collect()
    }

    fn measured(&self) -> impl Iterator<Item = &Measured> {
        match &self.measured {
            Looked::Seen(measured) => Some(measured),
            Looked::Unseen(_) => None,
        }
        .into_iter()
    }

    fn fault(&self, expected: &ExpectedReads) -> Result<(), Judged> {
        self.on_each_executor(&self.tasks, expected)?;
        self.every_byte(expected)?;
        self.in_volumes(expected)?;
        let seen = self.table(expected).normalised();
        let declared = expected.declared.as_ref().map(|d| d.table(expected.executors));
        if declared.as_ref() != Some(&seen) {
            let declared = declared.unwrap_or_else(|| "no table is declared".to_owned());
            return Err(Judged::red(
                format!("the table differs from the declared one:\n{seen}"),
                "if the new table is right, declare it in harness/catalog/versions/strategies.toml \
                 (`reads`) and review its snapshot: cargo insta review",
            )
            .with("expected", declared));
        }
        let Measured { big, small } = match &self.measured {
            Looked::Seen(measured) => measured,
            Looked::Unseen(why) => {
                return Err(short(&format!(
                    "every byte was read, but the measurement failed: {why}"
                )));
            }
        };
        self.on_each_executor(big, expected)?;
        big_file(big, &expected.big)?;
        match &expected.small {
            None => Ok(()),
            Some(files) => {
                self.on_each_executor(small, expected)?;
                small_files(small, files, expected)
            }
        }
    }

    /// One task ran on each executor, and on nothing else.
    fn on_each_executor(&self, tasks: &[ReadTask], expected: &ExpectedReads) -> Result<(), Judged> {
        let executors = expected.executors as usize;
        let ids: BTreeSet<&str> = tasks.iter().map(|t| t.task.executor.as_str()).collect();
        let hosts: BTreeSet<&str> = tasks.iter().map(|t| t.task.host.as_str()).collect();
        let pods: BTreeSet<&str> = self.pods.iter().map(String::as_str).collect();
        let each = tasks.len() == executors && ids.len() == executors && executors > 0;
        if each && !ids.contains("driver") && hosts == pods {
            return Ok(());
        }
        let on = tasks.iter().map(|t| format!("{} ({})", t.task.host, t.task.executor));
        let on = match tasks.is_empty() {
            true => "nothing".to_owned(),
            false => on.collect::<Vec<_>>().join(", "),
        };
        let pods: Vec<&str> = pods.into_iter().collect();
        Err(Judged::red(
            format!("{executors} executors expected to read, tasks ran on {on}"),
            "check that the session has exactly these executors, and none is lost while it reads",
        )
        .with("executor pods", pods.join("\n")))
    }

    /// The files lie in a volume of the expected kind in each pod, if in one.
    fn in_volumes(&self, expected: &ExpectedReads) -> Result<(), Judged> {
        let Some(volume) = expected.place.volume else { return Ok(()) };
        let (n, uri) = (expected.executors, &expected.place.uri);
        let elsewhere = |whose: &str, seen: &str, wanted: &str| {
            let what = format!("{n} of {n} executors read the right bytes from {uri}");
            diagnosed(&what, &read_elsewhere(whose, uri, seen, wanted))
        };
        let words = |kind: &str| format!("a volume of the kind {kind}");
        for pod in &self.pods {
            let kind = self.volumes.get(pod).map(|volume| volume.kind.as_str());
            if kind != Some(volume.kind()) {
                let seen = kind.map_or("no volume".to_owned(), words);
                return Err(elsewhere(pod, &seen, &words(volume.kind())));
            }
        }
        let volumes: Vec<&VolumeSource> = self.volumes.values().collect();
        match volume.shared_wrongly(&volumes) {
            None => Ok(()),
            Some(what) => Err(elsewhere("each executor", &what, "claims as declared")),
        }
    }

    /// The first executor that did not read correctly, and why.
    fn every_byte(&self, expected: &ExpectedReads) -> Result<(), Judged> {
        for task in &self.tasks {
            let whose = format!("executor {} ({})", task.task.executor, task.task.host);
            let mut pairs = answers(task, &expected.files)
                .map_err(|words| defect(&format!("{whose} {words}")))?;
            let fault = pairs.find_map(|(read, file)| fault(read, file, &whose, expected));
            if let Some(fault) = fault {
                let good = self.tasks.iter().filter(|t| read_right(t, &expected.files)).count();
                let (n, uri) = (expected.executors, &expected.place.uri);
                let what = format!("{good} of {n} executors read the right bytes from {uri}");
                return Err(diagnosed(&what, &fault));
            }
        }
        match expected.files.is_empty() {
            true => Err(defect("no file was given to the executors")),
            false => Ok(()),
        }
    }
}

fn fault(
    read: &FileRead,
    file: &WrittenFile,
    whose: &str,
    expected: &ExpectedReads,
) -> Option<Diagnosis> {
    if let Some(failure) = &read.error {
        return Some(expected.place.diagnose_on(&failure.in_lines(), whose, read));
    }
    let sha = read.sha256.as_deref().unwrap_or("none");
    if read.bytes != file.bytes || sha != file.sha256 {
        let seen = format!("{} bytes with sha256 {sha}", read.bytes);
        let expected = format!("{} bytes with sha256 {}", file.bytes, file.sha256);
        return Some(content_differs(whose, &read.uri, &seen, &expected));
    }
    expected.place.elsewhere(read, whose)
}

/// Each task read each big file to its end.
fn big_file(tasks: &[ReadTask], files: &[WrittenFile]) -> Result<(), Judged> {
    for task in tasks {
        let whose = format!("executor {}", task.task.executor);
        let pairs = answers(task, files).map_err(|words| defect(&format!("{whose} {words}")))?;
        for (read, file) in pairs {
            if read.error.is_some() || read.bytes != file.bytes {
                let failed =
                    read.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
                return Err(short(&format!(
                    "{whose} read {} of {} bytes of {} in the measurement{failed}",
                    read.bytes, file.bytes, read.uri
                )));
            }
        }
    }
    Ok(())
}

/// The shares of all tasks add up to the small files.
fn small_files(
    tasks: &[ReadTask],
    written: &SmallFiles,
    expected: &ExpectedReads,
) -> Result<(), Judged> {
    let shares: Vec<&Share> = tasks.iter().filter_map(|task| task.share.as_ref()).collect();
    if let Some(failed) = shares.iter().flat_map(|share| &share.errors).next() {
        let text = failed.failure.in_lines();
        let diagnosis = expected.place.diagnose(&text, "an executor", &failed.uri);
        return Err(diagnosed("small files could not be read", &diagnosis));
    }
    let of = |figure: fn(&Share) -> u64| shares.iter().map(|share| figure(share)).sum::<u64>();
    let (files, bytes, failed) = (of(|s| s.files), of(|s| s.bytes), of(|s| s.failed));
    if (files, bytes, failed) == (written.files, written.bytes, 0) {
        return Ok(());
    }
    Err(short(&format!(
        "executors read {files} of {} small files and {bytes} of {} bytes, {failed} failed",
        written.files, written.bytes
    )))
}

/// Red, because the probe did not do what it was asked for.
fn defect(what: &str) -> Judged {
    Judged::red(what, "a defect of the probe in this build: report it")
}

/// Red, because files that were whole a moment before were not in the measurement.
fn short(what: &str) -> Judged {
    Judged::red(what, "find out what changed the files, or broke the executor, while it read")
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(bytes: u64, nanos: u64) -> Option<f64> {
    (nanos > 0).then(|| bytes as f64 / (nanos as f64 / 1e9))
}
