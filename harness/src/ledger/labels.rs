//! Labels on everything that can carry one.

use std::collections::{BTreeMap, HashMap};

use super::Scope;

/// Docker label: run id.
pub const RUN: &str = "io.sparkproof.run";
/// Docker label: `run`, `user` or `cache`.
pub const SCOPE: &str = "io.sparkproof.scope";
/// Docker label: who (always `sparkproof`).
pub const OWNER: &str = "io.sparkproof.owner";
/// Docker label: seconds since 1970.
pub const CREATED_AT: &str = "io.sparkproof.created-at";
/// Kubernetes label: run id.
pub const KUBE_RUN: &str = "sparkproof.io/run";
/// Kubernetes label: who.
pub const KUBE_OWNER: &str = "sparkproof.io/owner";
/// Kubernetes label: seconds since 1970.
pub const KUBE_CREATED_AT: &str = "sparkproof.io/created-at";

fn now() -> String {
    jiff::Timestamp::now().as_second().to_string()
}

/// Labels of a Docker object.
pub fn of(run: &str, scope: Scope) -> HashMap<String, String> {
    let scope = match scope {
        Scope::Run => "run",
        Scope::User => "user",
    };
    [(RUN, run), (SCOPE, scope), (OWNER, "sparkproof"), (CREATED_AT, &now())]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// Labels of a Kubernetes object.
pub fn of_kubernetes(run: &str) -> BTreeMap<String, String> {
    [(KUBE_RUN, run), (KUBE_OWNER, "sparkproof"), (KUBE_CREATED_AT, &now())]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}
