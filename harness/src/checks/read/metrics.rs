//! Proof 3: Spark's own figures say that the executors read it all and the driver nothing.

use std::collections::BTreeMap;

use super::subject::Subject;
use crate::checks::check::{Findings, check};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::proof::Live;
use crate::read::{Format, Table};
use crate::session::GroupMetrics;

/// What a reader of lines reads beyond its split at most: a buffer (64 kB) that it had begun, and one
/// more (measured: 82 723 bytes a split of `big.csv`).
const BEYOND_SPLIT: u64 = 2 << 16;

/// Records and bytes per executor of each table's read, and the driver's row.
pub async fn metrics(
    context: &Context,
    live: &Live,
    subject: Subject<'_>,
    groups: &BTreeMap<&'static str, GroupMetrics>,
) -> Result<()> {
    let title = format!("{}: Spark's metrics show who read what", subject.variant.title);
    check(context, &subject.check_id("metrics"), &title, async |findings: &mut Findings| {
        for table in subject.tables() {
            let Some(group) = groups.get(table.name) else { continue };
            findings.add(table.name, told(group));
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
    let files = table.files.iter().filter(|file| file.bytes > 0).count() as u64;
    let plain = matches!(table.format, Format::Csv | Format::Json | Format::Text)
        && !table.path.ends_with(".gz");
    // Remote streams read ahead. Parquet's footers come on top of its columns, which are nearly all
    // of a file.
    let most = match (plain, scheme) {
        // The reader of a split goes on to the end of its last line, a buffer at a time.
        (true, "file" | "hdfs") => {
            size + BEYOND_SPLIT * (group.reading_tasks().saturating_sub(files))
        }
        _ => u64::MAX,
    };
    let least = if plain { size } else { size / 10 * 9 };
    if !(least..=most).contains(&bytes) {
        let bounds =
            if most == size { format!("exactly {size}") } else { format!("{least} or more") };
        return red(format!("executors read {bytes} bytes, expected {bounds}"));
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

fn told(group: &GroupMetrics) -> String {
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
