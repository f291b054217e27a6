//! Proof 5: nothing was retried or ignored, so a broken executor would have shown.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::judged;
use sparkproof_catalog::plan::conf::STRICT;
use sparkproof_judge::{ExpectedStrictness, Frames, InputMetrics, Strictness};
use sparkproof_testbed::LiveSession;

use super::metrics::of_frames;
use super::subject::ReadCase;

/// Checks that the strict settings are in force, and that no task failed or was killed. `counted`
/// are Spark's metrics of the reads, if they were looked at: those of jobs that ended do not change.
pub async fn strict(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    frames: &Frames,
    counted: Option<InputMetrics>,
) -> Result<()> {
    let title =
        format!("{}: no retry, speculation or ignored file hid a failure", subject.variant.title);
    let tables = subject.tables().filter(|table| table.rows > 0);
    let expected = ExpectedStrictness {
        conf: STRICT.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        tables: tables.map(|table| table.name.to_owned()).collect(),
    };
    judged(context, (&subject.check_id("strict"), &title), expected, async || {
        let conf = live.session().conf(&STRICT.map(|(key, _)| key)).await?;
        let reads = match counted {
            Some(InputMetrics(reads)) => reads,
            None => of_frames(live, frames).await?,
        };
        Ok(Strictness { conf, reads })
    })
    .await
    .map(drop)
}
