//! Common parts of sessions with decommissioning: settings, and what Spark says about executors.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::judged;
use sparkproof_base::wait::Waiting;
use sparkproof_judge::{ExpectedReason, SparkSays};
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use super::super::looks::last_look;
use super::super::min_version::too_old;

/// Seconds: a deleted pod has 30 s, and Spark checks for deleted pods every second.
const REMOVED_WITHIN: u64 = 60;

/// Requests that executors migrate their blocks before they end. Spark retries what is left at the
/// interval `again`, and lets an executor end when nothing is left.
pub fn decommissions<'a>(session: SessionBuilder<'a>, again: &str) -> SessionBuilder<'a> {
    let migrated = "spark.storage.decommission";
    session
        .conf("spark.decommission.enabled", "true")
        .conf(&format!("{migrated}.enabled"), "true")
        .conf(&format!("{migrated}.rddBlocks.enabled"), "true")
        .conf(&format!("{migrated}.shuffleBlocks.enabled"), "true")
        // The default of 30 s is all the time that a deleted pod has. Spark's suite sets it, too.
        .conf(&format!("{migrated}.replicationReattemptInterval"), again)
}

/// Why it cannot be proven: this Spark version is too old, or the namespace is the user's.
pub(super) fn cannot(
    proof: &ScenarioContext,
    since: (u64, u64),
    of_the_user: &str,
) -> Result<Option<String>> {
    let environment = &proof.environment;
    let given = environment.terms.namespace.is_some();
    let reason = || given.then(|| of_the_user.to_owned());
    Ok(too_old(&environment.image.version, since).or_else(reason))
}

/// What Spark must say about an executor that is gone.
pub(super) struct Word {
    /// Id of the check.
    pub(super) check: &'static str,
    pub(super) title: &'static str,
    /// The expected words, in lower case.
    pub(super) expected: &'static str,
    pub(super) remedy: &'static str,
}

/// Checks what Spark says about an executor that is gone or going.
pub(super) async fn said(
    context: &Context,
    live: &mut LiveSession,
    id: u32,
    word: &Word,
) -> Result<()> {
    let (words, remedy) = (word.expected.to_owned(), word.remedy.to_owned());
    let expected = ExpectedReason { words, remedy };
    judged(context, (word.check, word.title), expected, async || {
        let waiting = Waiting::up_to(REMOVED_WITHIN, format!("Spark to remove executor {id}"));
        let says = async || {
            let removed = live.session().removed().await?;
            Ok(SparkSays { executor: id, removed })
        };
        let missing = |seen: &SparkSays| {
            let others = seen.removed.len();
            (!seen.removed.contains_key(&id)).then(|| format!("{others} others are removed"))
        };
        last_look(context, waiting, says, missing).await
    })
    .await
    .map(drop)
}
