//! Reading: every executor reads the right bytes in exactly this way; one file a proof.

mod counters;
mod executors;
mod frame;
mod metrics;
mod refused;
mod server;
mod spread;
mod strict;
mod subject;

pub use counters::{Baseline, counters};
pub use executors::{executors, read_all};
pub use frame::frame;
pub use metrics::metrics;
pub use refused::refused;
pub use server::server;
pub use spread::{pinned, spread};
pub use strict::strict;
pub use subject::ReadCase;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::ReadMetrics;
use sparkproof_base::verdict::FirstFailure;
use sparkproof_judge::{Counters, ReadTable, Reads};
use sparkproof_testbed::LiveSession;

/// Runs all proofs of a variant, each a check; a red one does not stop the others. `read` is what
/// executors read, if they have, `baseline` what the reads must cost. Adds what was measured; returns
/// the table of executors and what was counted, or the first red.
pub async fn prove(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    read: Option<Reads>,
    baseline: Baseline,
    figures: &mut ReadMetrics,
) -> Result<(ReadTable, Option<Counters>)> {
    let mut first = FirstFailure::default();
    let table = first.note(executors(context, live, subject, read, figures).await)?;
    let frames = first.note(frame(context, live, subject, figures).await)?;
    // Without a complete read there is nothing to measure, and its check is red already.
    let mut measured = None;
    if let Some(frames) = frames {
        let counted = first.note(metrics(context, live, subject, &frames).await)?;
        first.note(strict(context, live, subject, &frames, counted.clone()).await)?;
        measured = counted.map(|counted| (frames, counted));
    }
    let mut log = Some(None);
    if let Some(kind) = subject.location.store {
        let driver = live.driver_address();
        log = first.note(server(context, driver, subject, kind, figures).await)?;
    }
    let mut seen = None;
    if let (Some((frames, counted)), Some(log)) = (measured, log) {
        let of_reads = Counters::of(&frames, &counted, log.as_ref());
        first.note(counters(context, subject, of_reads.clone(), baseline).await)?;
        seen = Some(of_reads);
    }
    let table = first.or(table)?.ok_or_else(|| Error::internal("a red check was not recorded"))?;
    Ok((table, seen))
}
