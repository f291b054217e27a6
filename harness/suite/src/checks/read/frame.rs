//! Proof 2: an ordinary DataFrame read gives the sums known beforehand.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::ReadMetrics;
use sparkproof_base::verdict::judged;
use sparkproof_judge::{ExpectedFrames, FrameAnswer, FrameRead, Frames, WrittenTable};
use sparkproof_spark::session::{DriverError, Frame};
use sparkproof_strategies::Table;
use sparkproof_testbed::LiveSession;

use super::subject::{ReadCase, request};

/// Reads each table once. Count and sums must be those of the generated rows, every file must have
/// its rows, and the plan's scheme must be the variant's.
pub async fn frame(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    figures: &mut ReadMetrics,
) -> Result<Frames> {
    let title = format!("{}: DataFrames give the sums known beforehand", subject.variant.title);
    let tables = subject.tables().map(written).collect();
    let expected = ExpectedFrames { place: subject.place(), tables };
    let frames = judged(context, (&subject.check_id("frame"), &title), expected, async || {
        let mut frames = Vec::new();
        for table in subject.tables() {
            let frame = request(subject, table, live.executors());
            let answer = answer(live, &frame).await?;
            let failed = matches!(answer, FrameAnswer::Failed(_));
            let (table, uri) = (table.name.to_owned(), frame.uris[0].clone());
            frames.push(FrameRead { table, uri, group: frame.group, answer });
            if failed {
                break;
            }
        }
        Ok(Frames(frames))
    })
    .await?;
    if let Some(many) = frames.result("csv-many") {
        figures.planning_seconds = many.planning_seconds;
    }
    Ok(frames)
}

/// The result of a read, or the exception that ended it.
///
/// # Errors
/// The driver gave no answer.
pub(super) async fn answer(live: &mut LiveSession, frame: &Frame) -> Result<FrameAnswer> {
    match live.session().frame(frame).await {
        Ok(result) => Ok(FrameAnswer::Read(result)),
        Err(error) => match DriverError::from_error(&error) {
            Some(driver) if !error.is_interruption() => Ok(FrameAnswer::Failed(driver.whole())),
            _ => Err(error),
        },
    }
}

fn written(table: &Table) -> WrittenTable {
    let with_rows = table.files.iter().filter(|file| file.rows > 0);
    WrittenTable {
        name: table.name.to_owned(),
        rows: table.rows,
        sum_id: table.sum_id,
        sum_v: table.sum_v,
        crc: table.crc,
        files: with_rows.map(|file| (file.path.clone(), file.rows)).collect(),
    }
}
