//! Proof 5: nothing was retried or ignored, so a broken executor would have shown.

use std::collections::BTreeMap;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check};
use sparkproof_catalog::plan::conf::STRICT;
use sparkproof_spark::session::GroupMetrics;
use sparkproof_testbed::LiveSession;

use super::subject::ReadCase;

/// Checks that the strict settings are in force, and that no task failed or was killed.
pub async fn strict(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    groups: &BTreeMap<String, GroupMetrics>,
) -> Result<()> {
    let title =
        format!("{}: no retry, speculation or ignored file hid a failure", subject.variant.title);
    check(context, &subject.check_id("strict"), &title, async |findings: &mut Findings| {
        let keys: Vec<&str> = STRICT.iter().map(|(key, _)| *key).collect();
        let seen = live.session().conf(&keys).await?;
        let lines: Vec<String> = seen
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("(not set)")))
            .collect();
        findings.add("in force", lines.join("\n"));
        for (key, expected) in STRICT {
            let value = seen.get(key).and_then(|value| value.as_deref());
            if value != Some(expected) {
                return Err(Error::red(format!(
                    "{key} is {}, expected {expected}",
                    value.unwrap_or("not set")
                ))
                .remedy("do not set it: a retry would hide a broken executor"));
            }
        }
        let lost: u64 = groups.values().map(GroupMetrics::lost_tasks).sum();
        findings.add("failed or killed tasks", lost);
        if lost > 0 {
            return Err(Error::red(format!("{lost} tasks failed or were killed, expected none")));
        }
        Ok(())
    })
    .await
}
