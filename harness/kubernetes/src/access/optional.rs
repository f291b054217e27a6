//! What sparkproof itself asks a cluster of the user's for, beside what Spark does.

use k8s_openapi::api::rbac::v1::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Rule;
use super::rules::{needed, policy, rule};

use sparkproof_catalog::SparkVersion;

/// Something that sparkproof does where it may, and leaves out, saying so, where it may not.
#[derive(Debug)]
pub struct OptionalPermission {
    /// Last part of its check's id.
    pub id: &'static str,
    /// What is gained, in one sentence.
    pub title: &'static str,
    /// What it takes.
    pub rules: &'static [Rule],
}

/// By a Lease.
const LEASE: [Rule; 4] = [
    rule("leases.coordination.k8s.io", "create"),
    rule("leases.coordination.k8s.io", "get"),
    rule("leases.coordination.k8s.io", "update"),
    rule("leases.coordination.k8s.io", "delete"),
];

/// All of them.
pub const OPTIONAL_PERMISSIONS: [OptionalPermission; 4] = [
    OptionalPermission {
        id: "lease",
        title: "a Lease tells sweeps on other machines that the run lives",
        rules: &LEASE,
    },
    OptionalPermission {
        id: "leftovers",
        title: "what a session leaves beside its pods is looked for",
        rules: &[
            rule("configmaps", "list"),
            rule("services", "list"),
            rule("persistentvolumeclaims", "list"),
        ],
    },
    OptionalPermission {
        id: "evidence",
        title: "logs and events of executors explain a session that fails",
        rules: &[rule("pods/log", "get"), rule("events", "list")],
    },
    OptionalPermission {
        id: "nodes",
        title: "the nodes and their sizes are known",
        rules: &[rule("nodes", "list")],
    },
];

/// Commands and files into pods. By WebSocket, which asks for `get`; since Kubernetes 1.35 for
/// `create`, too.
pub const EXEC: [Rule; 2] = [rule("pods/exec", "create"), rule("pods/exec", "get")];

/// A ConfigMap of ours: made, verified to be ours, deleted.
pub const CONFIG_MAP: [Rule; 3] =
    [rule("configmaps", "create"), rule("configmaps", "get"), rule("configmaps", "delete")];

/// Claims that Spark makes on demand (the driver's right to make them is `Strategy::verbs`): the
/// class is looked up, what is left is deleted, and the end of the volumes is seen.
pub const CLAIMS: [Rule; 3] = [
    rule("storageclasses.storage.k8s.io", "list"),
    rule("persistentvolumes", "list"),
    rule("persistentvolumeclaims", "deletecollection"),
];

/// A server in a pod with its secret and its service, reached by a node's address; its log.
pub const STORE: [Rule; 7] = [
    rule("secrets", "create"),
    rule("secrets", "deletecollection"),
    rule("services", "create"),
    rule("pods", "create"),
    rule("pods", "get"),
    rule("pods/log", "get"),
    rule("nodes", "list"),
];

/// A driver in a pod: made with its Service, spoken to by [`EXEC`], its log followed, its REST API
/// asked through the API server.
pub const DRIVER_POD: [Rule; 5] = [
    rule("services", "create"),
    rule("pods", "create"),
    rule("pods", "delete"),
    rule("pods/log", "get"),
    rule("pods/proxy", "get"),
];

/// To make a namespace and to give it back.
pub(super) const NAMESPACE: [Rule; 3] =
    [rule("namespaces", "create"), rule("namespaces", "get"), rule("namespaces", "delete")];

/// Tokens of an account.
pub(super) const TOKEN: Rule = rule("serviceaccounts/token", "create");

/// An account, its rights and its tokens.
pub(super) const ACCOUNT: [Rule; 4] = [
    rule("serviceaccounts", "create"),
    rule("roles.rbac.authorization.k8s.io", "create"),
    rule("rolebindings.rbac.authorization.k8s.io", "create"),
    TOKEN,
];

/// The guide's cluster role binding.
pub(super) const GUIDE: [Rule; 3] = [
    rule("clusterrolebindings.rbac.authorization.k8s.io", "create"),
    rule("clusterrolebindings.rbac.authorization.k8s.io", "get"),
    rule("clusterrolebindings.rbac.authorization.k8s.io", "delete"),
];

/// Everything that is ever asked for, with this Spark.
pub fn every(spark: &SparkVersion) -> Vec<Rule> {
    let uses = OPTIONAL_PERMISSIONS.iter().flat_map(|one| one.rules);
    // StatefulSets are looked for where they may be listed: no session of a user's cluster makes them.
    let others = [rule("persistentvolumeclaims", "create"), rule("statefulsets.apps", "list")];
    let groups: [&[Rule]; 10] = [
        needed(spark),
        &EXEC,
        &CONFIG_MAP,
        &CLAIMS,
        &NAMESPACE,
        &ACCOUNT,
        &GUIDE,
        &STORE,
        &DRIVER_POD,
        &others,
    ];
    groups.into_iter().flatten().chain(uses).copied().collect()
}

/// The Role that lets a user prove all that can be proven in one namespace of a cluster that is not
/// ours, whatever Spark (3.4 or later): what docs/existing-clusters.md shows.
pub fn role(name: &str, namespace: &str) -> Role {
    let of_uses = OPTIONAL_PERMISSIONS.iter().flat_map(|one| one.rules);
    let groups: [&[Rule]; 3] = [needed(&SparkVersion::new(4, 0, 0)), &EXEC, &CONFIG_MAP];
    let rules = groups.into_iter().flatten().chain(of_uses).copied();
    Role {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(namespace.to_owned()),
            ..Default::default()
        },
        rules: Some(policy(rules.filter(|rule| !rule.is_cluster_wide()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../../docs/existing-clusters.md");

    #[test]
    fn the_page_shows_the_role_as_it_is() {
        let yaml = serde_saphyr::to_string(&role("sparkproof", "team")).expect("YAML");
        assert!(PAGE.contains(&format!("```yaml\n{yaml}")), "the page should show:\n{yaml}");
    }

    #[test]
    fn the_page_tells_what_each_right_is_for() {
        for rule in OPTIONAL_PERMISSIONS
            .iter()
            .flat_map(|one| one.rules)
            .chain(&EXEC)
            .chain(&CONFIG_MAP)
            .chain(&CLAIMS)
        {
            let cell = format!("`{rule}`");
            assert!(PAGE.contains(&cell), "{cell}");
        }
        for one in &OPTIONAL_PERMISSIONS {
            assert!(PAGE.contains(&format!("`access.{}`", one.id)), "{}", one.id);
        }
    }
}
