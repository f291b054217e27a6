//! What sessions that decommission have in common: what is asked for, and what Spark says.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use super::super::min_version::too_old;

/// Kubernetes gives a deleted pod 30 s, and Spark looks at the pods that are gone every second.
const REMOVED_WITHIN: u64 = 60;

/// Asks that executors which are taken away hand their blocks over. Spark looks for what is left
/// every so often, `again`, and lets an executor end when nothing is.
pub fn decommissions<'a>(session: SessionBuilder<'a>, again: &str) -> SessionBuilder<'a> {
    let migrated = "spark.storage.decommission";
    session
        .conf("spark.decommission.enabled", "true")
        .conf(&format!("{migrated}.enabled"), "true")
        .conf(&format!("{migrated}.rddBlocks.enabled"), "true")
        .conf(&format!("{migrated}.shuffleBlocks.enabled"), "true")
        // 30 s unless asked for: all that a deleted pod has. Spark's own suite sets it, too.
        .conf(&format!("{migrated}.replicationReattemptInterval"), again)
}

/// Why it cannot be proven: this Spark is too old, or the namespace is the user's.
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

/// What Spark is to say of an executor that is gone.
pub(super) struct Word {
    /// Id of the check.
    pub(super) check: &'static str,
    pub(super) title: &'static str,
    /// In lower case.
    pub(super) expected: &'static str,
    pub(super) remedy: &'static str,
}

/// Spark's own word of an executor that is gone, or goes now.
pub(super) async fn said(
    context: &Context,
    live: &mut LiveSession,
    id: u32,
    word: &Word,
) -> Result<()> {
    check(context, word.check, word.title, async |findings: &mut Findings| {
        let waiting = Waiting::up_to(REMOVED_WITHIN, format!("Spark to remove executor {id}"));
        let removed = wait(context, waiting, Source::Backoff, async || {
            match live.session().removed().await {
                Ok(mut removed) => match removed.remove(&id) {
                    Some(why) => Progress::Met(why),
                    None => Progress::NotYet(format!("removed: {removed:?}")),
                },
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await?;
        findings.add("reason", &removed);
        match removed.to_lowercase().contains(word.expected) {
            true => Ok(()),
            false => Err(Error::red(format!(
                "executor {id} is gone, and Spark says: {removed}; expected: {}",
                word.expected
            ))
            .remedy(word.remedy)),
        }
    })
    .await
}
