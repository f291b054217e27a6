//! The permissions that sparkproof itself uses on a user's cluster, besides those of Spark.

use k8s_openapi::api::rbac::v1::Role;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use sparkproof_catalog::SparkVersion;

use super::Rule;
use super::rules::{needed, policy, rule};

/// A feature of sparkproof that is skipped, with a message, if permissions for it are missing.
#[derive(Debug)]
pub struct OptionalPermission {
    /// Last part of its check's id.
    pub id: &'static str,
    /// What the feature gives, in one sentence: the title of its check.
    pub title: &'static str,
    /// The permissions that it needs.
    pub rules: &'static [Rule],
}

/// The permissions for a Lease.
const LEASE: [Rule; 4] = [
    rule("leases.coordination.k8s.io", "create"),
    rule("leases.coordination.k8s.io", "get"),
    rule("leases.coordination.k8s.io", "update"),
    rule("leases.coordination.k8s.io", "delete"),
];

/// All optional features.
pub const OPTIONAL_PERMISSIONS: [OptionalPermission; 4] = [
    OptionalPermission {
        id: "lease",
        title: "a Lease shows sweeps on other machines that the run is alive",
        rules: &LEASE,
    },
    OptionalPermission {
        id: "leftovers",
        title: "leftovers of a session other than pods are looked for",
        rules: &[
            rule("configmaps", "list"),
            rule("services", "list"),
            rule("persistentvolumeclaims", "list"),
        ],
    },
    OptionalPermission {
        id: "evidence",
        title: "logs and events of executors explain a failed session",
        rules: &[rule("pods/log", "get"), rule("events", "list")],
    },
    OptionalPermission {
        id: "nodes",
        title: "the report shows the nodes and their sizes",
        rules: &[rule("nodes", "list")],
    },
];

/// Commands in pods, and files into them. Over WebSocket, which needs `get`, and since Kubernetes
/// 1.35 also `create`.
pub const EXEC: [Rule; 2] = [rule("pods/exec", "create"), rule("pods/exec", "get")];

/// A ConfigMap of the run: created, verified by its label, deleted.
pub const CONFIG_MAP: [Rule; 3] =
    [rule("configmaps", "create"), rule("configmaps", "get"), rule("configmaps", "delete")];

/// Claims that Spark creates on demand (the driver's permission for that is `Strategy::verbs`):
/// read the StorageClass, delete leftovers, see the volumes go.
pub const CLAIMS: [Rule; 3] = [
    rule("storageclasses.storage.k8s.io", "list"),
    rule("persistentvolumes", "list"),
    rule("persistentvolumeclaims", "deletecollection"),
];

/// A server in a pod with its Secret and its Service, reached at a node's address; its log.
pub const STORE: [Rule; 7] = [
    rule("secrets", "create"),
    rule("secrets", "deletecollection"),
    rule("services", "create"),
    rule("pods", "create"),
    rule("pods", "get"),
    rule("pods/log", "get"),
    rule("nodes", "list"),
];

/// A driver in a pod, besides [`EXEC`]: create and delete it with its Service, follow its log, use
/// its REST API through the API server.
pub const DRIVER_POD: [Rule; 5] = [
    rule("services", "create"),
    rule("pods", "create"),
    rule("pods", "delete"),
    rule("pods/log", "get"),
    rule("pods/proxy", "get"),
];

/// Create and delete a namespace.
pub(super) const NAMESPACE: [Rule; 3] =
    [rule("namespaces", "create"), rule("namespaces", "get"), rule("namespaces", "delete")];

/// Tokens of an account.
pub(super) const TOKEN: Rule = rule("serviceaccounts/token", "create");

/// An account, its permissions and its tokens.
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

/// All permissions that are ever used, with this Spark version.
pub fn every(spark: &SparkVersion) -> Vec<Rule> {
    let uses = OPTIONAL_PERMISSIONS.iter().flat_map(|one| one.rules);
    // Listing the last two is optional: no session on a user's cluster creates them.
    let others = [
        rule("persistentvolumeclaims", "create"),
        rule("statefulsets.apps", "list"),
        rule("networkpolicies.networking.k8s.io", "list"),
    ];
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

/// The Role that is enough for everything that can be proven in a user's namespace, with any Spark
/// since 3.4. docs/existing-clusters.md shows it.
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
