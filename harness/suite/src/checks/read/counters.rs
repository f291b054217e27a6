//! Proof 6: the reads cost as much work as their baseline says.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{judged, skip};
use sparkproof_judge::{Counters, ExpectedCounters};

use super::subject::ReadCase;

/// The baseline of a variant's counters, or why none applies.
pub type Baseline = std::result::Result<ExpectedCounters, String>;

/// Compares what the other proofs have counted with the baseline; reads nothing.
pub async fn counters(
    context: &Context,
    subject: ReadCase<'_>,
    counted: Counters,
    baseline: Baseline,
) -> Result<()> {
    let title = format!("{}: exactly as much work as its baseline", subject.variant.title);
    let id = format!("baseline.{}.counters", subject.variant.id);
    match baseline {
        Ok(expected) => {
            judged(context, (&id, &title), expected, async || Ok(counted)).await.map(drop)
        }
        Err(why) => {
            skip(context, &id, &title, &why);
            Ok(())
        }
    }
}
