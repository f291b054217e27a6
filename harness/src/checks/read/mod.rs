//! Reading: every executor reads the right bytes by exactly this way; one file a proof.

mod executors;
mod frame;
mod metrics;
mod refused;
mod server;
mod spread;
mod strict;
mod subject;
mod table;

use std::collections::BTreeMap;

pub use executors::executors;
pub use frame::frame;
pub use metrics::metrics;
pub use refused::refused;
pub use server::server;
pub use spread::{pinned, spread};
pub use strict::strict;
pub use subject::Subject;
pub use table::ReadTable;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::measure::Figures;
use crate::proof::Live;
use crate::session::GroupMetrics;

/// All proofs of a variant, each a check of its own; a red one does not end the others. Fills in
/// what was measured on the way; returns the table of executors, or the first red.
pub async fn prove(
    context: &Context,
    live: &mut Live,
    subject: Subject<'_>,
    figures: &mut Figures,
) -> Result<ReadTable> {
    let mut first: Option<Error> = None;
    let mut table = None;
    let mut note = |result: Result<()>| match result {
        Err(error) if error.is_interruption() => Err(error),
        Err(error) => {
            first = first.take().or(Some(error));
            Ok(())
        }
        Ok(()) => Ok(()),
    };
    note(executors(context, live, subject, figures).await.map(|seen| table = Some(seen)))?;
    let mut groups = BTreeMap::<&'static str, GroupMetrics>::new();
    let read = frame(context, live, subject, figures, &mut groups).await;
    let whole = read.is_ok();
    note(read)?;
    // Without a whole read there is nothing to be measured, and the failed one said why.
    if whole {
        note(metrics(context, live, subject, &groups).await)?;
        note(strict(context, live, subject, &groups).await)?;
    }
    if let Some(kind) = subject.location.store {
        note(server(context, live, subject, kind, figures).await)?;
    }
    match (first, table) {
        (None, Some(table)) => Ok(table),
        (Some(error), _) => Err(error),
        (None, None) => Err(Error::internal("executors were not asked")),
    }
}
