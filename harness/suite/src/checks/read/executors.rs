//! Proof 1: every executor read every byte, in this way.

use std::collections::BTreeSet;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::ReadMetrics;
use sparkproof_base::verdict::{Diagnosis, Findings, check};
use sparkproof_spark::diagnose::{content_differs, read_elsewhere};
use sparkproof_spark::session::{FileRead, ReadTask, Reading, Share};
use sparkproof_strategies::{DataFile, Table};
use sparkproof_testbed::LiveSession;

use super::subject::{ReadCase, in_lines};
use super::table::{ReadTable, same_class, simple};

/// A barrier stage runs one task on each executor, which reads every file to its end through
/// Hadoop's FileSystem. Bytes, hashes, the FileSystem's class and the mount must be as expected,
/// and their table as in its snapshot.
pub async fn executors(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    figures: &mut ReadMetrics,
) -> Result<ReadTable> {
    let executors = live.executors();
    let title = format!("{}: each of {executors} executors read every byte", subject.variant.title);
    check(context, &subject.check_id("executors"), &title, async |findings: &mut Findings| {
        let pods: BTreeSet<String> = live.executor_pods().keys().cloned().collect();
        let asked = Asked::new(subject.tables(), &subject.location.uri);
        let tasks = live.session().read(executors, asked.uris(), Reading::Hash).await?.tasks;
        let right = |task: &ReadTask| {
            asked.answers(task).is_ok_and(|mut answers| {
                answers.all(|(read, file)| read.sha256.as_ref() == Some(&file.sha256))
            })
        };
        let table = ReadTable::new(&tasks, subject.location, right);
        findings.add("executors", &table);
        findings.add("root of the files", &subject.location.uri);
        findings.add("nonce in every row", &subject.data.nonce);

        let ids: BTreeSet<&str> = tasks.iter().map(|t| t.task.executor.as_str()).collect();
        let hosts: BTreeSet<String> = tasks.iter().map(|t| t.task.host.clone()).collect();
        if ids.len() != executors as usize || ids.contains("driver") || hosts != pods {
            return Err(Error::red(format!(
                "{executors} executors expected to read, tasks ran on {hosts:?}"
            )));
        }
        if let Some(fault) = first_fault(&tasks, &asked, subject)? {
            let good = tasks.iter().filter(|task| right(task)).count();
            return Err(fault.error(format!(
                "{good} of {executors} executors read the right bytes from {}",
                subject.location.uri
            )));
        }
        let (seen, expected) = (table.normalised(), ReadTable::expected(subject.variant, executors));
        if expected.as_ref() != Some(&seen) {
            let expected = expected.unwrap_or_else(|| "no table is declared".to_owned());
            findings.add("expected", &expected);
            return Err(Error::red(format!("the table differs from the declared one:\n{seen}")).remedy(
                "if the new table is right, declare it in harness/catalog/versions/strategies.toml (`reads`) \
                 and review its snapshot: cargo insta review",
            ));
        }
        measure(live, subject, figures).await?;
        Ok(table)
    })
    .await
}

/// The files that executors must read, with their URIs, in this order.
struct Asked<'a>(Vec<(String, &'a DataFile)>);

impl<'a> Asked<'a> {
    fn new(tables: impl Iterator<Item = &'a Table>, base: &str) -> Self {
        let of = |table: &'a Table| table.file_uris(base).into_iter().zip(&table.files);
        Asked(tables.flat_map(of).collect())
    }

    fn uris(&self) -> Vec<String> {
        self.0.iter().map(|(uri, _)| uri.clone()).collect()
    }

    /// A task's reports on these files. An error in words if the reports are not of exactly these
    /// files: what is not reported was not read.
    fn answers<'t>(
        &'t self,
        task: &'t ReadTask,
    ) -> Result<impl Iterator<Item = (&'t FileRead, &'t DataFile)>, String> {
        let (asked, reported) = (self.0.len(), task.reads.len());
        let mut pairs = task.reads.iter().zip(&self.0);
        if let Some((read, (uri, _))) = pairs.find(|(read, (uri, _))| read.uri != *uri) {
            return Err(format!("reported a read of {} instead of {uri}", read.uri));
        }
        if asked != reported {
            let after =
                self.0.get(reported).map_or(String::new(), |(uri, _)| format!(", not {uri}"));
            return Err(format!("reported {reported} reads of {asked} files{after}"));
        }
        Ok(task.reads.iter().zip(&self.0).map(|(read, (_, file))| (read, *file)))
    }
}

/// The first executor that did not read correctly, and why.
///
/// # Errors
/// Red: an executor did not report exactly the files that it was given.
fn first_fault(
    tasks: &[ReadTask],
    asked: &Asked<'_>,
    subject: ReadCase<'_>,
) -> Result<Option<Diagnosis>> {
    for task in tasks {
        let whose = format!("executor {} ({})", task.task.executor, task.task.host);
        let mut answers = asked.answers(task).map_err(|words| {
            Error::red(format!("{whose} {words}"))
                .remedy("a defect of the probe in this build: report it")
        })?;
        if let Some(fault) = answers.find_map(|(read, file)| fault(read, file, &whose, subject)) {
            return Ok(Some(fault));
        }
    }
    Ok(None)
}

fn fault(
    read: &FileRead,
    file: &DataFile,
    whose: &str,
    subject: ReadCase<'_>,
) -> Option<Diagnosis> {
    if let Some(failure) = &read.error {
        return Some(subject.diagnose_on(&in_lines(failure), whose, read));
    }
    let sha = read.sha256.as_deref().unwrap_or("none");
    if read.bytes != file.bytes || sha != file.sha256 {
        let seen = format!("{} bytes with sha256 {sha}", read.bytes);
        let expected = format!("{} bytes with sha256 {}", file.bytes, file.sha256);
        return Some(content_differs(whose, &read.uri, &seen, &expected));
    }
    let class = read.file_system.as_deref().map_or("none", simple);
    if !same_class(class, subject.location.file_system) {
        return Some(read_elsewhere(whose, &read.uri, class, subject.location.file_system));
    }
    let expected = subject.location.mount?;
    let (kind, point) = match &read.mount {
        Some(mount) => (mount.fs_type.as_str(), mount.point.as_str()),
        None => ("nothing", "nowhere"),
    };
    let wrong = expected.check(kind, point).err()?;
    Some(read_elsewhere(whose, &read.uri, &wrong.to_string(), &expected.to_string()))
}

/// Measures throughput: all executors read the big file at once, without hashing; then they share
/// the small files. Checks that everything was read.
async fn measure(
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    figures: &mut ReadMetrics,
) -> Result<()> {
    let executors = live.executors();
    let base = &subject.location.uri;
    let big = Asked::new(std::iter::once(subject.data.get("csv-big")?), base);
    let tasks = live.session().read(executors, big.uris(), Reading::Plain).await?.tasks;
    figures.big_bytes_per_second = plain_rates(&tasks, &big)?;
    let Ok(small) = subject.data.get(super::subject::SMALL) else { return Ok(()) };
    let tasks = live.session().read(executors, small.file_uris(base), Reading::Share).await?.tasks;
    let shares: Vec<&Share> = tasks.iter().filter_map(|task| task.share.as_ref()).collect();
    if let Some(failed) = shares.iter().flat_map(|share| &share.errors).next() {
        let text = in_lines(&failed.failure);
        let diagnosis = subject.diagnose(&text, "an executor", &failed.uri);
        return Err(diagnosis.error("small files could not be read"));
    }
    figures.small_bytes_per_second = share_rates(&shares, small)?;
    Ok(())
}

/// Bytes per second of each task that read each file to its end.
fn plain_rates(tasks: &[ReadTask], asked: &Asked<'_>) -> Result<Vec<f64>> {
    let mut rates = Vec::new();
    for task in tasks {
        let whose = format!("executor {}", task.task.executor);
        let answers =
            asked.answers(task).map_err(|words| Error::red(format!("{whose} {words}")))?;
        for (read, file) in answers {
            if read.error.is_some() || read.bytes != file.bytes {
                let failed =
                    read.error.as_ref().map_or(String::new(), |error| format!(": {error}"));
                return Err(Error::red(format!(
                    "{whose} read {} of {} bytes of {} in the measurement{failed}",
                    read.bytes, file.bytes, read.uri
                )));
            }
            rates.extend(rate(read.bytes, read.open_nanos + read.read_nanos));
        }
    }
    Ok(rates)
}

/// Bytes per second of each task that read its share of a table's files; the shares add up to the
/// table.
fn share_rates(shares: &[&Share], table: &Table) -> Result<Vec<f64>> {
    let of = |figure: fn(&Share) -> u64| shares.iter().map(|share| figure(share)).sum::<u64>();
    let (files, bytes, failed) = (of(|s| s.files), of(|s| s.bytes), of(|s| s.failed));
    let expected = table.files.len() as u64;
    if (files, bytes, failed) != (expected, table.bytes(), 0) {
        return Err(Error::red(format!(
            "executors read {files} of {expected} small files and {bytes} of {} bytes, {failed} failed",
            table.bytes()
        )));
    }
    Ok(shares.iter().filter_map(|s| rate(s.bytes, s.open_nanos + s.read_nanos)).collect())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(bytes: u64, nanos: u64) -> Option<f64> {
    (nanos > 0).then(|| bytes as f64 / (nanos as f64 / 1e9))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use sparkproof_strategies::Format;

    fn file(path: &str, bytes: u64) -> DataFile {
        DataFile { path: path.to_owned(), bytes, sha256: format!("{bytes:02x}"), rows: 1 }
    }

    fn table(files: Vec<DataFile>) -> Table {
        Table {
            name: "csv-many",
            format: Format::Csv,
            path: "many",
            files,
            rows: 2,
            sum_id: 0,
            sum_v: 0,
            crc: 0,
        }
    }

    /// A task that reads these URIs of so many bytes each, as the probe reports it.
    fn task(reads: &[(&str, u64)]) -> ReadTask {
        let read = |(uri, bytes): &(&str, u64)| {
            json!({ "uri": uri, "fileSystem": "org.apache.hadoop.fs.LocalFileSystem",
                    "bytes": bytes, "sha256": format!("{bytes:02x}"), "openNanos": 1,
                    "readNanos": 1 })
        };
        let reads: Vec<_> = reads.iter().map(read).collect();
        let task = json!({ "startMillis": 1, "partition": 0, "executor": "2", "host": "x-exec-2",
            "podName": null, "podIp": null, "java": "17", "uid": 185, "user": "spark",
            "endMillis": 2, "reads": reads });
        serde_json::from_value(task).expect("a task")
    }

    /// The error of a task that was given `file:/d/a` and `file:/d/b`.
    fn fault_of(reads: &[(&str, u64)]) -> Option<String> {
        let table = table(vec![file("a", 5), file("b", 7)]);
        let asked = Asked::new(std::iter::once(&table), "file:/d");
        let location = sparkproof_strategies::Location {
            uri: "file:/d".to_owned(),
            file_system: "LocalFileSystem",
            mount: None,
            driver_path: None,
            store: None,
        };
        let (stores, data) = (sparkproof_stores::Stores::default(), dataset());
        let variant = sparkproof_catalog::Variant::get(sparkproof_catalog::VariantId::Copy);
        let subject = ReadCase { variant, location: &location, data: &data, stores: &stores };
        match first_fault(&[task(reads)], &asked, subject) {
            Ok(None) => None,
            Ok(Some(diagnosis)) => Some(diagnosis.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    fn dataset() -> sparkproof_strategies::Dataset {
        sparkproof_strategies::Dataset { nonce: String::new(), dir: "/".into(), tables: Vec::new() }
    }

    #[test]
    fn an_executor_that_reports_fewer_reads_than_files_is_red() {
        let none = fault_of(&[]).expect("red");
        let words = "reported 0 reads of 2 files, not file:/d/a";
        assert!(none.contains("executor 2 (x-exec-2)") && none.contains(words), "{none}");
        let first = fault_of(&[("file:/d/a", 5)]).expect("red");
        assert!(first.contains("reported 1 reads of 2 files, not file:/d/b"), "{first}");
    }

    #[test]
    fn reads_of_other_files_than_asked_for_are_red() {
        let other = fault_of(&[("file:/d/a", 5), ("file:/d/a", 5)]).expect("red");
        assert!(other.contains("a read of file:/d/a instead of file:/d/b"), "{other}");
        let more = fault_of(&[("file:/d/a", 5), ("file:/d/b", 7), ("file:/d/c", 1)]).expect("red");
        assert!(more.contains("reported 3 reads of 2 files"), "{more}");
    }

    #[test]
    fn all_that_was_asked_for_is_judged_file_by_file() {
        assert_eq!(fault_of(&[("file:/d/a", 5), ("file:/d/b", 7)]), None);
        let differs = fault_of(&[("file:/d/a", 5), ("file:/d/b", 6)]).expect("red");
        assert!(differs.contains("content-differs"), "{differs}");
    }

    #[test]
    fn throughput_is_of_what_was_asked_for() {
        let table = table(vec![file("a", 5)]);
        let asked = Asked::new(std::iter::once(&table), "file:/d");
        assert_eq!(plain_rates(&[task(&[("file:/d/a", 5)])], &asked).expect("read").len(), 1);
        for reads in [&[][..], &[("file:/d/a", 4)][..]] {
            assert!(plain_rates(&[task(reads)], &asked).is_err(), "{reads:?}");
        }
        let share = |files, bytes| Share {
            files,
            bytes,
            open_nanos: 1,
            read_nanos: 1,
            failed: 0,
            errors: Vec::new(),
        };
        assert_eq!(share_rates(&[&share(1, 5), &share(0, 0)], &table).expect("read").len(), 2);
        for (files, bytes) in [(0, 0), (1, 4)] {
            let error = share_rates(&[&share(files, bytes)], &table).expect_err("less");
            assert!(error.to_string().contains("of 1 small files"), "{error}");
        }
    }
}
