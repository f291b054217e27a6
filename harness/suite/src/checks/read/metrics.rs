//! Proof 3: Spark's metrics show that the executors read everything. The driver's row counts tasks
//! only: what the driver reads outside of tasks is in no metric.

use std::collections::BTreeMap;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check};
use sparkproof_spark::session::GroupMetrics;
use sparkproof_strategies::{Format, Table};
use sparkproof_testbed::LiveSession;

use super::subject::ReadCase;

/// Checks records and bytes per executor of each table's read, and the driver's row.
pub async fn metrics(
    context: &Context,
    live: &LiveSession,
    subject: ReadCase<'_>,
    groups: &BTreeMap<String, GroupMetrics>,
) -> Result<()> {
    let title = format!("{}: Spark's metrics show who read what", subject.variant.title);
    check(context, &subject.check_id("metrics"), &title, async |findings: &mut Findings| {
        for table in subject.tables() {
            let Some(group) = groups.get(table.name) else { continue };
            findings.add(table.name, summary(group));
            judge(table, group, subject.location.scheme(), live.executors())?;
        }
        Ok(())
    })
    .await
}

fn judge(table: &Table, group: &GroupMetrics, scheme: &str, executors: u32) -> Result<()> {
    let red = |what: String| Err(Error::red(format!("{}: {what}", table.name)));
    let (records, bytes) = (group.input_records(), group.input_bytes());
    if records != table.rows {
        return red(format!("executors read {records} records, expected {}", table.rows));
    }
    let size = table.bytes();
    let plain = matches!(table.format, Format::Csv | Format::Json | Format::Text)
        && !table.path.ends_with(".gz");
    let stated = match scheme {
        "file" | "hdfs" => table.input_bytes(executors),
        // Remote streams read ahead. Of Parquet the columns are read, which are nearly all of a
        // file.
        _ if !plain => size / 10 * 9..=u64::MAX,
        // hadoop-azure 2.7 adds the end of file, -1, to the bytes (measured, 3.0.1).
        "wasb" | "wasbs" => size - table.files.len() as u64..=u64::MAX,
        _ => size..=u64::MAX,
    };
    if !stated.contains(&bytes) {
        return red(format!("executors read {bytes} bytes, expected {stated:?} of {size}"));
    }
    let splittable = table.rows > u64::from(executors) && !table.path.ends_with(".gz");
    let reading = group.executors.values().filter(|e| e.input_records > 0).count();
    if splittable && reading != executors as usize {
        return red(format!("{reading} of {executors} executors read records"));
    }
    if group.driver_input_bytes() > 0 {
        return red(format!("the driver read {} bytes", group.driver_input_bytes()));
    }
    Ok(())
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
