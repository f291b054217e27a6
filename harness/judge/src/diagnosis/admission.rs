//! What the API server refuses: permissions, quotas, limits, security, policies, names.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use super::evidence::Evidence;
use super::finding::{Ends, Finding, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[missing_verb];
pub(super) const LAST: &[SessionRule] = &[other_verb];

/// A missing permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingVerb {
    /// The verb, e.g. `deletecollection`.
    pub verb: String,
    /// The resource, e.g. `pods`.
    pub resource: String,
    /// The user, e.g. `system:serviceaccount:spark:spark`.
    pub user: String,
}

impl fmt::Display for MissingVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may not {} {}", self.user, self.verb, self.resource)
    }
}

static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"User "([^"]+)" cannot (\w+) resource "([^"]+)""#).expect("a valid expression")
});

/// Every missing permission in a text (a driver's log), once each.
pub fn missing_verbs(text: &str) -> Vec<MissingVerb> {
    let found: BTreeSet<MissingVerb> = FORBIDDEN
        .captures_iter(text)
        .map(|c| MissingVerb {
            user: c[1].to_owned(),
            verb: c[2].to_owned(),
            resource: c[3].to_owned(),
        })
        .collect();
    found.into_iter().collect()
}

/// Verbs without which no session starts. Others (`list`, `get`, `delete`) explain a failure only
/// if nothing else does.
fn missing_verb(evidence: &Evidence) -> Option<Finding> {
    let needed = |m: &MissingVerb| {
        matches!(
            (m.verb.as_str(), m.resource.as_str()),
            (
                "create",
                "pods" | "configmaps" | "persistentvolumeclaims" | "services" | "statefulsets"
            ) | ("watch", "pods")
                // spark-submit applies its objects.
                | ("patch", _)
        )
    };
    forbidden(missing(evidence).into_iter().filter(needed).collect())
}

fn other_verb(evidence: &Evidence) -> Option<Finding> {
    forbidden(missing(evidence))
}

fn missing(evidence: &Evidence) -> Vec<MissingVerb> {
    let texts = [&evidence.driver.log, &evidence.driver.reason];
    let mut missing: Vec<_> = texts.iter().flat_map(|text| missing_verbs(text)).collect();
    missing.extend(evidence.refusals.iter().flat_map(|refusal| missing_verbs(&refusal.message)));
    // The message for a refused watch (WebSocket) names neither user nor resource.
    let refused = ["Received 403 on websocket", "but was '403 Forbidden'"];
    if texts.iter().any(|t| refused.iter().any(|r| t.contains(r))) {
        missing.push(MissingVerb {
            verb: "watch".into(),
            resource: "pods".into(),
            user: "the driver's account".into(),
        });
    }
    missing
}

fn forbidden(missing: Vec<MissingVerb>) -> Option<Finding> {
    let first = missing.first()?;
    // A driver that may not create pods asks again and again.
    let final_ = |m: &MissingVerb| {
        m.verb == "create" && matches!(&*m.resource, "pods" | "persistentvolumeclaims")
    };
    let ends = if missing.iter().any(final_) { Ends::AtOnce } else { Ends::AtDeadline };
    let remedy = format!("allow {} on {} in the session's namespace", first.verb, first.resource);
    let mut finding = Finding::new(Cause::MissingVerb, first.to_string(), remedy).ends(ends);
    for one in &missing {
        finding = finding.because("API server", one.to_string());
    }
    Some(finding)
}
