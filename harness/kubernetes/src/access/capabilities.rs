//! How a cluster may be used: the namespace, the driver's identity, and the permissions of the
//! kubeconfig's user there. Asked before anything is created, never assumed.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::plan::RbacChoice;
use sparkproof_judge::UserPermissions;

use super::can_i::denied;
use super::optional::{ACCOUNT, DRIVER_POD, EXEC, GUIDE, NAMESPACE, TOKEN, every};
use super::rules::{needed, rule};
use super::{OPTIONAL_PERMISSIONS, Rule};
use crate::cluster::Cluster;

/// How a cluster may be used. The default is for clusters that sparkproof made: everything is
/// permitted, in namespaces that sparkproof creates.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ClusterCapabilities {
    /// An existing namespace of the user, which stays; `None`: a new one for each session.
    pub namespace: Option<String>,
    /// The driver's identity.
    pub identity: Identity,
    /// Whether other machines use the cluster, too: then a Lease shows that a run is alive.
    pub shared: bool,
    /// Permissions that the kubeconfig's user lacks, as `verb resource`.
    pub(super) denied: BTreeSet<String>,
    /// Permissions that the API server said it has.
    #[serde(default)]
    pub(super) granted: BTreeSet<String>,
}

/// The identity with which a driver authenticates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// The account under which executors run, with tokens that are requested for it.
    #[default]
    Account,
    /// The kubeconfig's user, with the reason.
    User {
        /// The reason, in words.
        reason: String,
    },
}

/// What a plan wants from a user's cluster.
#[derive(Debug, Clone, Copy)]
pub struct AccessQuery<'a> {
    /// An existing namespace, if the user names one.
    pub namespace: Option<&'a str>,
    /// An existing account in it, if the user names one.
    pub account: Option<&'a str>,
    /// What is granted to the account in a namespace that sparkproof creates.
    pub rbac: RbacChoice,
    /// Spark's version, which decides the verbs.
    pub spark_version: &'a SparkVersion,
    /// Whether drivers run in pods.
    pub driver_in_pod: bool,
}

impl ClusterCapabilities {
    /// Asks the API server; creates nothing.
    ///
    /// # Errors
    /// Bad input: the namespace does not exist. Environment: the kubeconfig's user lacks verbs that
    /// every session needs; all of them are named.
    pub async fn ask(
        context: &Context,
        cluster: &Cluster,
        wanted: AccessQuery<'_>,
    ) -> Result<ClusterCapabilities> {
        let namespace = match wanted.namespace {
            Some(name) => {
                exists(context, cluster, name).await?;
                name.to_owned()
            }
            None => format!("spark-{}", context.run.id()),
        };
        let rules = every(wanted.spark_version);
        let denied = denied(context, &cluster.client, &namespace, &rules).await?;
        let denied: BTreeSet<String> =
            denied.into_iter().map(|missing| missing.rule.to_string()).collect();
        let asked: BTreeSet<String> = rules.iter().map(ToString::to_string).collect();
        let granted = asked.difference(&denied).cloned().collect();
        Ok(ClusterCapabilities { granted, ..ClusterCapabilities::from_denied(denied, wanted)? })
    }

    fn from_denied(
        denied: BTreeSet<String>,
        wanted: AccessQuery<'_>,
    ) -> Result<ClusterCapabilities> {
        let given = wanted.namespace.map(str::to_owned);
        let mut terms = ClusterCapabilities {
            namespace: given,
            identity: Identity::Account,
            shared: true,
            denied,
            granted: BTreeSet::new(),
        };
        let as_user = |reason: String| Identity::User { reason };
        let mut required: Vec<Rule> = Vec::new();
        terms.identity = match (wanted.namespace, wanted.account) {
            (Some(_), None) => as_user("no --service-account is named".to_owned()),
            (Some(_), Some(_)) => terms.lack(&[TOKEN]).map_or(Identity::Account, as_user),
            (None, _) => {
                required.extend(NAMESPACE);
                if wanted.rbac == RbacChoice::Guide {
                    required.extend(ACCOUNT.iter().chain(&GUIDE));
                }
                terms.lack(&ACCOUNT).map_or(Identity::Account, as_user)
            }
        };
        match terms.identity {
            Identity::User { .. } => required.extend(needed(wanted.spark_version)),
            // The account's own permissions are reviewed later, as the account; sparkproof watches
            // its pods.
            Identity::Account => required.extend([rule("pods", "list"), rule("pods", "watch")]),
        }
        if wanted.driver_in_pod {
            required.extend(DRIVER_POD.iter().chain(&EXEC));
        }
        match terms.missing(&required).as_slice() {
            [] => Ok(terms),
            missing => {
                let place = match &terms.namespace {
                    Some(name) => format!("in namespace {name}"),
                    None => "on this cluster".to_owned(),
                };
                let error = Error::environment(format!(
                    "the kubeconfig's user may not, {place}: {}",
                    missing.join(", ")
                ));
                Err(error.remedy(match wanted.namespace {
                    Some(_) => {
                        "apply the Role of docs/existing-clusters.md in that namespace (and for \
                         --driver pod what docs/drivers.md names)"
                    }
                    None => {
                        "--namespace NAME uses one that exists and needs only a Role there \
                             (docs/existing-clusters.md)"
                    }
                }))
            }
        }
    }

    /// What the API server said about the kubeconfig's user.
    pub fn permissions(&self) -> UserPermissions {
        UserPermissions { granted: self.granted.clone(), denied: self.denied.clone() }
    }

    /// Which of these the kubeconfig's user lacks, in one sentence; `None` if it lacks none.
    pub fn lack(&self, rules: &[Rule]) -> Option<String> {
        let missing = self.missing(rules);
        (!missing.is_empty())
            .then(|| format!("the kubeconfig's user may not {}", missing.join(", ")))
    }

    fn missing(&self, rules: &[Rule]) -> Vec<String> {
        let all = rules.iter().map(ToString::to_string);
        let mut missing: Vec<String> = all.filter(|rule| self.denied.contains(rule)).collect();
        missing.dedup();
        missing
    }

    /// Whether the kubeconfig's user has this permission.
    pub fn may(&self, resource: &'static str, verb: &'static str) -> bool {
        self.lack(&[rule(resource, verb)]).is_none()
    }

    /// Kinds of leftovers that cannot be listed.
    pub fn unseen(&self) -> Vec<String> {
        let kinds = [
            "configmaps",
            "services",
            "persistentvolumeclaims",
            "statefulsets.apps",
            "networkpolicies.networking.k8s.io",
        ];
        kinds.into_iter().filter(|kind| !self.may(kind, "list")).map(str::to_owned).collect()
    }

    /// Whether a Lease shows that a run is alive here.
    pub fn leased(&self) -> bool {
        let lease = OPTIONAL_PERMISSIONS.iter().find(|one| one.id == "lease");
        self.shared && lease.is_some_and(|one| self.lack(one.rules).is_none())
    }
}

/// Refuses a namespace that does not exist. If it may not be read, its Role decides: a namespace
/// that does not exist grants nothing.
async fn exists(context: &Context, cluster: &Cluster, name: &str) -> Result<()> {
    let api: Api<Namespace> = Api::all(cluster.client.clone());
    let found = context.cancel.guard(async { Ok(api.get_opt(name).await) }).await?;
    match found {
        Ok(Some(_)) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(()),
        Ok(None) => {
            Err(Error::input(format!("--namespace {name}: the cluster has no such namespace"))
                .remedy(
                    "name an existing one: sparkproof does not create the namespace that you name",
                ))
        }
        Err(error) => {
            Err(Error::environment(format!("reading namespace {name}")).with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    use sparkproof_base::Exit;

    static SPARK: LazyLock<SparkVersion> = LazyLock::new(|| SparkVersion::new(3, 5, 9));

    fn in_team() -> AccessQuery<'static> {
        AccessQuery {
            namespace: Some("team"),
            account: None,
            rbac: RbacChoice::Minimal,
            spark_version: &SPARK,
            driver_in_pod: false,
        }
    }

    fn terms(denied: &[&str], wanted: AccessQuery<'_>) -> Result<ClusterCapabilities> {
        ClusterCapabilities::from_denied(
            denied.iter().map(|rule| (*rule).to_owned()).collect(),
            wanted,
        )
    }

    #[test]
    fn each_verb_that_spark_needs_is_asked_for_and_named() {
        for rule in needed(&SparkVersion::new(3, 5, 9)) {
            let error = terms(&[&rule.to_string()], in_team()).expect_err("refused");
            assert_eq!(error.exit, Exit::Environment);
            assert!(error.to_string().ends_with(&format!("in namespace team: {rule}")), "{error}");
        }
    }

    #[test]
    fn what_only_sparkproof_wants_may_be_missing() {
        let terms = terms(&["create pods/exec", "update leases.coordination.k8s.io"], in_team());
        let terms = terms.expect("enough");
        let lacks = terms.lack(&EXEC).expect("missing");
        assert_eq!(lacks, "the kubeconfig's user may not create pods/exec");
        assert!(!terms.leased() && terms.may("pods", "list"));
    }

    #[test]
    fn a_driver_in_a_pod_takes_more() {
        let in_pod = AccessQuery { driver_in_pod: true, ..in_team() };
        for rule in DRIVER_POD.iter().chain(&EXEC).map(ToString::to_string) {
            let error = terms(&[&rule], in_pod).expect_err("refused").to_string();
            assert!(error.ends_with(&format!("in namespace team: {rule}")), "{error}");
            let cell = format!("`{rule}`");
            assert!(include_str!("../../../../docs/drivers.md").contains(&cell), "{cell}");
        }
    }

    #[test]
    fn without_tokens_the_driver_is_the_user() {
        let user = terms(&[], in_team()).expect("enough").identity;
        assert_eq!(user, Identity::User { reason: "no --service-account is named".into() });
        let named = AccessQuery { account: Some("spark"), ..in_team() };
        assert_eq!(terms(&[], named).expect("enough").identity, Identity::Account);
        // With an account the user needs none of Spark's verbs.
        assert!(terms(&["create pods"], named).is_ok());
        let no_token = terms(&["create serviceaccounts/token"], named).expect("enough");
        assert!(matches!(no_token.identity, Identity::User { reason } if reason.contains("token")));
    }

    #[test]
    fn a_namespace_of_ours_needs_the_right_to_make_one() {
        let own = AccessQuery { namespace: None, ..in_team() };
        assert_eq!(terms(&[], own).expect("enough").identity, Identity::Account);
        let error = terms(&["create namespaces", "create pods"], own).expect_err("refused");
        assert!(error.to_string().ends_with("on this cluster: create namespaces"), "{error}");
        assert!(error.remedy.expect("a remedy").starts_with("--namespace"));
        let no_role = terms(&["create roles.rbac.authorization.k8s.io"], own).expect("enough");
        assert!(matches!(no_role.identity, Identity::User { .. }));
        let guide = AccessQuery { rbac: RbacChoice::Guide, ..own };
        assert!(terms(&["create roles.rbac.authorization.k8s.io"], guide).is_err());
    }
}
