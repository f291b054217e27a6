//! A namespace on a shared cluster, with a user who has only the Role of docs/existing-clusters.md.

use std::collections::BTreeSet;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ListParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};
use sparkproof::access::{Credentials, Rule, policy, role};
use sparkproof::ledger::{OwnedResource, labels};
use sparkproof::testbed::ScenarioContext;
use sparkproof::wait::{Progress, Source, Waiting, wait};
use sparkproof::{Error, Result, RunId};

/// The service account of the user.
pub const USER: &str = "tester";

/// A namespace, which the scenario owns, with a user who has a Role.
pub struct Team<'a> {
    p: &'a ScenarioContext,
    /// Its name.
    pub namespace: String,
    /// The user's credentials.
    pub credentials: Credentials,
}

impl<'a> Team<'a> {
    /// Creates it, and waits for the objects that Kubernetes creates in it.
    pub async fn new(p: &'a ScenarioContext) -> Result<Team<'a>> {
        let cluster = &p.environment.cluster;
        let namespace = format!("team-{}", p.context.run.id());
        p.context.run.record(OwnedResource::Namespace {
            kubeconfig: cluster.kubeconfig.clone(),
            context: cluster.context.clone(),
            name: namespace.clone(),
        })?;
        let client = || p.client().clone();
        let labels = labels::kube(p.context.run.id(), labels::Lifetime::Run);
        make::<Namespace>(
            &Api::all(client()),
            json!({ "metadata": { "name": namespace, "labels": labels } }),
        )
        .await?;
        make::<ServiceAccount>(
            &Api::namespaced(client(), &namespace),
            json!({ "metadata": { "name": USER } }),
        )
        .await?;
        make::<Role>(
            &Api::namespaced(client(), &namespace),
            serde_json::to_value(role(USER, &namespace)).unwrap_or_default(),
        )
        .await?;
        let group = "rbac.authorization.k8s.io";
        make::<RoleBinding>(
            &Api::namespaced(client(), &namespace),
            json!({
                "metadata": { "name": USER },
                "roleRef": { "apiGroup": group, "kind": "Role", "name": USER },
                "subjects": [{ "kind": "ServiceAccount", "name": USER, "namespace": namespace }],
            }),
        )
        .await?;
        let credentials = Credentials::issue(&p.context, cluster, &namespace, USER).await?;
        let team = Team { p, namespace, credentials };
        team.furnished().await?;
        Ok(team)
    }

    /// Waits for the objects that Kubernetes creates in a new namespace.
    async fn furnished(&self) -> Result<()> {
        let waiting = Waiting::up_to(60, "the default account and the root CA");
        // Polled: two kinds have no common watch.
        wait(&self.p.context, waiting, Source::Backoff, async || match self.holds().await {
            Ok(held) => {
                let there = |name: &&str| held.contains(*name);
                match ["ServiceAccount default", "ConfigMap kube-root-ca.crt"].iter().all(there) {
                    true => Progress::Met(()),
                    false => Progress::NotYet(format!("{held:?}")),
                }
            }
            Err(error) => Progress::NotYet(error.to_string()),
        })
        .await
    }

    /// The user's kubeconfig.
    pub fn kubeconfig(&self) -> String {
        self.credentials.kubeconfig().to_string_lossy().into_owned()
    }

    /// Removes one verb from the Role.
    pub async fn may_not(&self, rule: Rule) -> Result<()> {
        let mut less = role(USER, &self.namespace);
        for policy in less.rules.iter_mut().flatten() {
            if policy.resources.iter().flatten().any(|resource| resource == rule.resource) {
                policy.verbs.retain(|verb| verb != rule.verb);
            }
        }
        self.may(&less).await
    }

    /// Adds verbs to the Role.
    pub async fn may_also(&self, rules: impl IntoIterator<Item = Rule>) -> Result<()> {
        let mut more = role(USER, &self.namespace);
        more.rules.get_or_insert_default().extend(policy(rules));
        self.may(&more).await
    }

    async fn may(&self, role: &Role) -> Result<()> {
        let api: Api<Role> = Api::namespaced(self.p.client().clone(), &self.namespace);
        let replaced = api.replace(USER, &PostParams::default(), role).await;
        replaced.map(drop).map_err(|e| Error::environment("changing the Role").with_source(e))
    }

    /// The objects in the namespace.
    pub async fn holds(&self) -> Result<BTreeSet<String>> {
        let mut all = self.names::<Pod>().await?;
        all.extend(self.names::<ConfigMap>().await?);
        all.extend(self.names::<Service>().await?);
        all.extend(self.names::<PersistentVolumeClaim>().await?);
        all.extend(self.names::<Secret>().await?);
        all.extend(self.names::<ServiceAccount>().await?);
        all.extend(self.names::<Role>().await?);
        all.extend(self.names::<RoleBinding>().await?);
        all.extend(self.names::<Lease>().await?);
        Ok(all)
    }

    async fn names<K>(&self) -> Result<BTreeSet<String>>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + serde::de::DeserializeOwned,
        K::DynamicType: Default,
    {
        let api: Api<K> = Api::namespaced(self.p.client().clone(), &self.namespace);
        let all = api.list(&ListParams::default()).await;
        let all = all.map_err(|e| Error::environment("listing").with_source(e))?;
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        Ok(all.iter().map(|object| format!("{kind} {}", object.name_any())).collect())
    }

    /// Creates a Lease and a ConfigMap like those of a run of another machine.
    pub async fn left_behind(&self, run: &RunId, renewed: jiff::Timestamp) -> Result<()> {
        let labels = labels::kube(run, labels::Lifetime::Run);
        let metadata = json!({ "name": format!("sparkproof-{run}"), "labels": labels });
        let leases = self.leases();
        let spec = json!({ "holderIdentity": "another", "leaseDurationSeconds": 60,
                           "renewTime": format!("{renewed:.6}") });
        make(&leases, json!({ "metadata": metadata, "spec": spec })).await?;
        let maps: Api<ConfigMap> = Api::namespaced(self.p.client().clone(), &self.namespace);
        make(&maps, json!({ "metadata": metadata, "data": { "a": "b" } })).await
    }

    /// The Leases in the namespace.
    pub fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.p.client().clone(), &self.namespace)
    }
}

async fn make<K>(api: &Api<K>, object: Value) -> Result<()>
where
    K: Resource + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    let object =
        serde_json::from_value(object).map_err(|e| Error::internal("an object").with_source(e))?;
    let made = api.create(&PostParams::default(), &object).await;
    made.map(drop).map_err(|e| Error::environment("making an object").with_source(e))
}
