//! Proof 1: every executor read every byte, by this way.

use std::collections::BTreeSet;

use super::subject::{Subject, in_lines};
use super::table::{ReadTable, same_class, simple};
use crate::checks::check::{Findings, check};
use crate::context::Context;
use crate::diagnose::{Diagnosis, content_differs, read_elsewhere};
use crate::error::{Error, Result};
use crate::measure::Figures;
use crate::proof::Live;
use crate::read::DataFile;
use crate::session::{FileRead, ReadTask, Reading};

/// One barrier stage with one task on each executor; each reads every file to its end in its JVM
/// through Hadoop's FileSystem. Bytes, hashes, the file system's class and the mount are as they
/// must be, and the table of them is as its snapshot.
pub async fn executors(
    context: &Context,
    live: &mut Live,
    subject: Subject<'_>,
    figures: &mut Figures,
) -> Result<ReadTable> {
    let executors = live.executors();
    let title = format!("{}: each of {executors} executors read every byte", subject.variant.title);
    check(context, &subject.check_id("executors"), &title, async |findings: &mut Findings| {
        let pods: BTreeSet<String> = live.executor_pods().keys().cloned().collect();
        let files: Vec<&DataFile> = subject.tables().flat_map(|table| &table.files).collect();
        let uris = subject.tables().flat_map(|table| table.file_uris(&subject.location.uri));
        let tasks = live.session().read(executors, uris.collect(), Reading::Hash).await?.tasks;
        let right = |task: &ReadTask| {
            task.reads
                .iter()
                .zip(&files)
                .all(|(read, file)| read.sha256.as_ref() == Some(&file.sha256))
        };
        let table = ReadTable::of(&tasks, subject.location, right);
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
        if let Some(diagnosis) = first_fault(&tasks, &files, subject) {
            let good = tasks.iter().filter(|task| right(task)).count();
            return Err(diagnosis.error(format!(
                "{good} of {executors} executors read the right bytes from {}",
                subject.location.uri
            )));
        }
        let seen = table.normalised();
        if let Some(expected) = ReadTable::expected(&subject.variant.id, executors)
            && expected != seen
        {
            findings.add("expected", &expected);
            return Err(Error::red(format!("the table differs from its snapshot:\n{seen}")).remedy(
                "if the new table is right, remove its snapshot, run the scenario again and review: \
                 cargo insta review",
            ));
        }
        measure(live, subject, figures).await?;
        Ok(table)
    })
    .await
}

/// The first executor that did not read what it must, and why.
fn first_fault(tasks: &[ReadTask], files: &[&DataFile], subject: Subject<'_>) -> Option<Diagnosis> {
    tasks.iter().find_map(|task| {
        let whose = format!("executor {} ({})", task.task.executor, task.task.host);
        task.reads.iter().zip(files).find_map(|(read, file)| fault(read, file, &whose, subject))
    })
}

fn fault(read: &FileRead, file: &DataFile, whose: &str, subject: Subject<'_>) -> Option<Diagnosis> {
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

/// Throughput: the big file once more, unhashed, by all at once; and the small ones, shared out.
async fn measure(live: &mut Live, subject: Subject<'_>, figures: &mut Figures) -> Result<()> {
    let executors = live.executors();
    let base = &subject.location.uri;
    let big = subject.data.get("csv-big")?.uri(base);
    let tasks = live.session().read(executors, vec![big], Reading::Plain).await?.tasks;
    figures.big_bytes_per_second = tasks
        .iter()
        .filter_map(|task| {
            let read = task.reads.first()?;
            rate(read.bytes, read.open_nanos + read.read_nanos)
        })
        .collect();
    let Ok(small) = subject.data.get(super::subject::SMALL) else { return Ok(()) };
    let uris = small.file_uris(base);
    let tasks = live.session().read(executors, uris, Reading::Share).await?.tasks;
    let shares: Vec<_> = tasks.iter().filter_map(|task| task.share.as_ref()).collect();
    if let Some(failed) = shares.iter().flat_map(|share| &share.errors).next() {
        let text = in_lines(&failed.failure);
        let diagnosis = subject.diagnose(&text, "an executor", &failed.uri);
        return Err(diagnosis.error("small files could not be read"));
    }
    figures.small_bytes_per_second =
        shares.iter().filter_map(|s| rate(s.bytes, s.open_nanos + s.read_nanos)).collect();
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn rate(bytes: u64, nanos: u64) -> Option<f64> {
    (nanos > 0).then(|| bytes as f64 / (nanos as f64 / 1e9))
}
