//! Recognises the API server's message about a missing permission.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

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
