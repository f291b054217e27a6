//! Proof 3: Spark's metrics show that the executors read everything.

use std::collections::BTreeMap;

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::judged;
use sparkproof_judge::{CountedTable, ExpectedMetrics, Frames, GroupMetrics, InputMetrics};
use sparkproof_strategies::{Format, Table};
use sparkproof_testbed::LiveSession;

use super::subject::ReadCase;

/// Checks records and bytes per executor of each table's read, and the driver's row.
pub async fn metrics(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    frames: &Frames,
) -> Result<InputMetrics> {
    let title = format!("{}: Spark's metrics show who read what", subject.variant.title);
    let executors = live.executors();
    // Spark runs no job for empty files.
    let tables = subject.tables().filter(|table| table.rows > 0);
    let expected = ExpectedMetrics {
        executors,
        scheme: subject.location.scheme().to_owned(),
        tables: tables.map(|table| counted(table, executors)).collect(),
    };
    let id = subject.check_id("metrics");
    let look = async || Ok(InputMetrics(of_frames(live, frames).await?));
    judged(context, (&id, &title), expected, look).await
}

/// Spark's metrics of each read, by table.
pub(super) async fn of_frames(
    live: &mut LiveSession,
    frames: &Frames,
) -> Result<BTreeMap<String, GroupMetrics>> {
    let (tables, groups): (Vec<_>, Vec<_>) = frames.groups().into_iter().unzip();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let metrics = live.session().metrics(&groups).await?;
    Ok(tables.into_iter().zip(metrics).collect())
}

fn counted(table: &Table, executors: u32) -> CountedTable {
    let text = matches!(table.format, Format::Csv | Format::Json | Format::Text);
    let compressed = table.path.ends_with(".gz");
    CountedTable {
        name: table.name.to_owned(),
        rows: table.rows,
        files: table.files.len() as u64,
        bytes: table.bytes(),
        plain: text && !compressed,
        splits: !compressed,
        counted: table.input_bytes(executors).into_inner(),
    }
}
