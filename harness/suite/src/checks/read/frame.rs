//! Proof 2: an ordinary DataFrame read gives the sums known beforehand.

use std::collections::BTreeMap;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::ReadMetrics;
use sparkproof_base::verdict::{Findings, check};
use sparkproof_spark::session::{DriverError, Frame, FrameResult, GroupMetrics};
use sparkproof_strategies::Table;
use sparkproof_testbed::LiveSession;

use super::subject::ReadCase;

/// Reads each table once. Count and sums must be those of the generated rows, every file must have
/// its rows, and the plan's scheme must be the variant's. Collects each read's metrics, by table.
pub async fn frame(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    figures: &mut ReadMetrics,
    groups: &mut BTreeMap<&'static str, GroupMetrics>,
) -> Result<()> {
    let title = format!("{}: DataFrames give the sums known beforehand", subject.variant.title);
    check(context, &subject.check_id("frame"), &title, async |findings: &mut Findings| {
        for table in subject.tables() {
            let frame = request(subject, table, live.executors());
            let result = live.session().frame(&frame).await;
            let result = result.map_err(|error| explained(error, subject, &frame.uris[0]))?;
            findings.add(table.name, summary(&result));
            compare(&result, table, subject)?;
            if table.name == "csv-many" {
                figures.planning_seconds = result.planning_seconds;
            }
            // Spark runs no job for empty files.
            if table.rows > 0 {
                groups.insert(table.name, live.session().metrics(&frame.group).await?);
            }
        }
        Ok(())
    })
    .await
}

/// Reads one table as a DataFrame, in a new job group, for its metrics.
pub(super) fn request(subject: ReadCase<'_>, table: &Table, executors: u32) -> Frame {
    let group = format!("{}-{}-{:08x}", subject.variant.id, table.name, rand::random::<u32>());
    table.frame(&subject.location.uri, executors, &group)
}

/// The error for an exception of the driver or a task, with its cause.
fn explained(error: Error, subject: ReadCase<'_>, uri: &str) -> Error {
    if error.is_interruption() {
        return error;
    }
    let Some(driver) = DriverError::from_error(&error) else { return error };
    let text = driver.whole();
    // A failed task's exception is reported as that of the job.
    let whose = if text.contains("Job aborted") { "an executor" } else { "the driver" };
    subject.place().diagnose(&text, whose, uri).error(format!("the DataFrame of {uri} failed"))
}

fn compare(result: &FrameResult, table: &Table, subject: ReadCase<'_>) -> Result<()> {
    let seen = (result.rows, result.sum_id, result.sum_v, result.crc);
    let expected = (table.rows, table.sum_id, table.sum_v, table.crc);
    if seen != expected {
        return Err(Error::red(format!(
            "{}: count, sum(id), sum(v), sum(crc32) are {seen:?}, expected {expected:?}",
            table.name
        ))
        .remedy("executors read other bytes than those that were written; Spark did not notice"));
    }
    let with_rows = table.files.iter().filter(|file| file.rows > 0).count();
    if result.files.len() != with_rows {
        return Err(Error::red(format!(
            "{}: rows came from {} files, expected {with_rows}",
            table.name,
            result.files.len()
        )));
    }
    let scheme = subject.location.scheme();
    if result.schemes.iter().any(|seen| seen != scheme) {
        return Err(Error::red(format!(
            "{}: the plan reads by {}, expected {scheme}",
            table.name,
            result.schemes.join(", ")
        )));
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
