//! The permissions that a client-mode driver uses, and no others.

use std::fmt;

use k8s_openapi::api::rbac::v1::PolicyRule;

use sparkproof_catalog::SparkVersion;

/// One verb on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The resource in kubectl's form: `pods`, `pods/exec`, `leases.coordination.k8s.io`.
    pub resource: &'static str,
    /// The verb, e.g. `create`.
    pub verb: &'static str,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)
    }
}

pub(super) const fn rule(resource: &'static str, verb: &'static str) -> Rule {
    Rule { resource, verb }
}

/// Resources that are not namespaced.
const CLUSTER_WIDE: [&str; 5] = [
    "namespaces",
    "nodes",
    "persistentvolumes",
    "storageclasses.storage.k8s.io",
    "clusterrolebindings.rbac.authorization.k8s.io",
];

impl Rule {
    /// API group (empty for core), resource and subresource.
    pub(super) fn parts(self) -> (&'static str, &'static str, Option<&'static str>) {
        let (named, sub) = match self.resource.split_once('/') {
            Some((named, sub)) => (named, Some(sub)),
            None => (self.resource, None),
        };
        let (resource, group) = named.split_once('.').unwrap_or((named, ""));
        (group, resource, sub)
    }

    /// Whether only a ClusterRole can grant it.
    pub(super) fn is_cluster_wide(self) -> bool {
        CLUSTER_WIDE.contains(&self.resource)
    }
}

/// Since fabric8 6 (Spark 3.4, fabric8io/kubernetes-client#4068) `stop()` deletes collections;
/// each step is wrapped in `tryLogNonFatalError`, so with a missing verb the job succeeds and
/// leaves objects behind (`KubernetesClusterSchedulerBackend.stop`). A failed executor's pod is
/// deleted by name (`ExecutorPodsLifecycleManager.removeExecutorFromK8s`): a healthy session never
/// uses that verb.
const BY_COLLECTION: [Rule; 9] = [
    rule("pods", "create"),
    rule("pods", "list"),
    rule("pods", "watch"),
    rule("pods", "delete"),
    rule("pods", "deletecollection"),
    rule("configmaps", "create"),
    rule("configmaps", "deletecollection"),
    rule("services", "deletecollection"),
    rule("persistentvolumeclaims", "deletecollection"),
];

/// Spark 4 also gets a failed executor's pod (observed with 4.3.0; 3.5.9 does not).
const SINCE_4: [Rule; 10] = {
    let mut rules = [rule("pods", "get"); 10];
    let mut index = 0;
    while index < BY_COLLECTION.len() {
        rules[index] = BY_COLLECTION[index];
        index += 1;
    }
    rules
};

/// Before that it lists and deletes one by one, and has no step for claims (observed with 3.3.3).
const ONE_BY_ONE: [Rule; 9] = [
    rule("pods", "create"),
    rule("pods", "list"),
    rule("pods", "watch"),
    rule("pods", "delete"),
    rule("configmaps", "create"),
    rule("configmaps", "list"),
    rule("configmaps", "delete"),
    rule("services", "list"),
    rule("services", "delete"),
];

/// 3.0 uses pods only (observed with 3.0.1).
const PODS: [Rule; 4] =
    [rule("pods", "create"), rule("pods", "list"), rule("pods", "watch"), rule("pods", "delete")];

/// The permissions that this Spark version needs in its namespace, with the driver outside the
/// cluster.
pub fn needed(spark: &SparkVersion) -> &'static [Rule] {
    match spark.minor() {
        (4.., _) => &SINCE_4,
        (3, 4..) => &BY_COLLECTION,
        (..3, _) | (3, 0) => &PODS,
        _ => &ONE_BY_ONE,
    }
}

/// What a driver in a pod needs besides [`needed`]: it gets its own pod, the owner of its
/// executors.
pub const IN_POD: Rule = rule("pods", "get");

/// What `spark-submit` in cluster mode needs besides [`needed`]: the driver is in a pod, and the
/// submission applies the driver's Service and ConfigMap, twice: the second time with their owner
/// (`KubernetesClientApplication.run`). Since 4.2 a NetworkPolicy, too (`NetworkPolicyFeatureStep`,
/// SPARK-55653; observed with 4.3.0).
pub fn submission(spark: &SparkVersion) -> Vec<Rule> {
    let of_all = [
        IN_POD,
        rule("services", "create"),
        rule("services", "patch"),
        rule("configmaps", "patch"),
    ];
    let policy = [
        rule("networkpolicies.networking.k8s.io", "create"),
        rule("networkpolicies.networking.k8s.io", "patch"),
    ];
    let has_policy = spark.minor() >= (4, 2);
    let all = of_all.into_iter().chain(policy.into_iter().filter(|_| has_policy));
    let known = needed(spark);
    all.filter(|rule| !known.contains(rule)).collect()
}

/// What a driver needs besides [`needed`] if it labels the executors that it decommissions
/// (`spark.kubernetes.executor.decommissionLabel`,
/// `KubernetesClusterSchedulerBackend.labelDecommissioningExecs`). Without a label, dynamic
/// allocation needs nothing more (measured, 3.5.9 and 4.3.0).
pub const DECOMMISSION_LABEL: Rule = rule("pods", "patch");

/// What a driver needs besides [`needed`] and [`submission`] if a StatefulSet creates its
/// executors' pods (`StatefulSetPodsAllocator`): it creates and deletes the set, and labels each
/// pod with the id of its executor (`KubernetesDriverEndpoint.generateExecID`). Kubernetes'
/// controller creates the pods and their claims, with its own permissions.
pub const STATEFUL_SET: [Rule; 3] = [
    rule("statefulsets.apps", "create"),
    rule("statefulsets.apps", "delete"),
    rule("pods", "patch"),
];

/// The rules of a Role, one for each resource.
pub fn policy(rules: impl IntoIterator<Item = Rule>) -> Vec<PolicyRule> {
    let mut by_resource = std::collections::BTreeMap::<(&str, String), Vec<String>>::new();
    for rule in rules {
        let (group, resource, sub) = rule.parts();
        let resource = sub.map_or(resource.to_owned(), |sub| format!("{resource}/{sub}"));
        let verbs = by_resource.entry((group, resource)).or_default();
        if !verbs.iter().any(|verb| verb == rule.verb) {
            verbs.push(rule.verb.to_owned());
        }
    }
    by_resource
        .into_iter()
        .map(|((group, resource), verbs)| PolicyRule {
            api_groups: Some(vec![group.to_owned()]),
            resources: Some(vec![resource]),
            verbs,
            ..Default::default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_holds_each_verb_once() {
        let policy = policy(needed(&SparkVersion::new(3, 5, 9)).iter().copied());
        let pods = policy.iter().find(|p| p.resources == Some(vec!["pods".to_owned()]));
        assert_eq!(
            pods.expect("pods").verbs,
            ["create", "list", "watch", "delete", "deletecollection"]
        );
        assert_eq!(policy.len(), 4);
    }

    #[test]
    fn groups_and_subresources_are_told_apart() {
        assert_eq!(rule("pods/exec", "get").parts(), ("", "pods", Some("exec")));
        let lease = rule("leases.coordination.k8s.io", "get");
        assert_eq!(lease.parts(), ("coordination.k8s.io", "leases", None));
        let policy = policy([rule("pods/exec", "get"), rule("pods/exec", "get"), lease]);
        assert_eq!(policy[0].resources, Some(vec!["pods/exec".to_owned()]));
        assert_eq!((policy[0].verbs.len(), policy.len()), (1, 2));
        assert!(rule("nodes", "list").is_cluster_wide() && !lease.is_cluster_wide());
    }

    #[test]
    fn older_sparks_delete_one_by_one() {
        assert!(needed(&SparkVersion::new(3, 3, 3)).contains(&rule("pods", "delete")));
        assert!(!needed(&SparkVersion::new(3, 3, 3)).contains(&rule("pods", "deletecollection")));
        assert!(needed(&SparkVersion::new(4, 1, 0)).contains(&rule("pods", "deletecollection")));
        assert!(needed(&SparkVersion::new(4, 1, 0)).contains(&rule("pods", "get")));
        assert!(!needed(&SparkVersion::new(3, 5, 9)).contains(&rule("pods", "get")));
        assert!(needed(&SparkVersion::new(3, 0, 1)).iter().all(|rule| rule.resource == "pods"));
    }

    #[test]
    fn newer_sparks_submit_a_policy() {
        let policies = |(major, minor)| {
            let rules = submission(&SparkVersion::new(major, minor, 0)).into_iter();
            rules.filter(|rule| rule.resource.starts_with("networkpolicies.")).count()
        };
        assert_eq!([(3, 5), (4, 1), (4, 2), (4, 3)].map(policies), [0, 0, 2, 2]);
    }
}
