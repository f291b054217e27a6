//! Creates namespace, service account and binding, labelled and in the ledger.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rules::policy;
use super::{Credentials, Rule, needed};
use crate::cluster::Cluster;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ledger::{Owned, labels};
use crate::plan::RbacChoice;

/// The guide's name of its cluster role binding (`kubectl create clusterrolebinding spark-role`).
const GUIDE_BINDING: &str = "spark-role";
/// Names of ours in the namespace.
const ROLE: &str = "spark-driver";

/// What to grant.
#[derive(Debug, Clone)]
pub struct AccessRequest {
    /// Namespace to create.
    pub namespace: String,
    /// Service account to create in it.
    pub service_account: String,
    /// Least privilege or as the guide.
    pub rbac: RbacChoice,
    /// Spark's version: decides the verbs.
    pub spark_version: String,
    /// A verb to leave out, for the scenarios that pin what happens without it.
    pub without: Option<Rule>,
    /// Verbs beside those that every session needs.
    pub beside: Vec<Rule>,
}

/// Who the driver and the executors are, and where.
#[derive(Debug)]
pub struct Access {
    /// Namespace of the session.
    pub namespace: String,
    /// The account executors run under, and as which the driver authenticates.
    pub service_account: String,
    /// Kubeconfig of the driver process: this account's short-lived token (0600, state directory).
    pub driver_kubeconfig: PathBuf,
    /// In words, for the report, e.g. `role of 9 verbs`.
    pub granted: String,
    /// What was created, to be given back.
    pub owned: Vec<Owned>,
    /// Renews the token as long as this lives.
    pub credentials: Credentials,
}

/// Creates everything; the namespace must not exist yet (class bad input if it does).
pub async fn grant(context: &Context, cluster: &Cluster, request: AccessRequest) -> Result<Access> {
    let work = async {
        let mut owned = Vec::new();
        let client = &cluster.client;
        let namespace = request.namespace.as_str();
        let entry = Owned::Namespace {
            kubeconfig: cluster.kubeconfig.clone(),
            context: cluster.context.clone(),
            name: namespace.to_owned(),
        };
        let run = context.run.id();
        let meta = |name: &str| ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels::kube(run, labels::Lifetime::Run)),
            ..Default::default()
        };
        owned.push(entry.clone());
        context.run.own(entry)?;
        let object = Namespace { metadata: meta(namespace), ..Default::default() };
        create(Api::all(client.clone()), object).await?;
        let account = request.service_account.as_str();
        let object = ServiceAccount { metadata: meta(account), ..Default::default() };
        create(Api::namespaced(client.clone(), namespace), object).await?;
        let subject = Subject {
            kind: "ServiceAccount".to_owned(),
            name: account.to_owned(),
            namespace: Some(namespace.to_owned()),
            ..Default::default()
        };
        let role_ref = |kind: &str, name: &str| RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        };
        let granted = match request.rbac {
            RbacChoice::Guide => {
                let entry = Owned::ClusterRoleBinding {
                    kubeconfig: cluster.kubeconfig.clone(),
                    context: cluster.context.clone(),
                    name: GUIDE_BINDING.to_owned(),
                };
                owned.push(entry.clone());
                context.run.own(entry)?;
                let binding = ClusterRoleBinding {
                    metadata: meta(GUIDE_BINDING),
                    role_ref: role_ref("ClusterRole", "edit"),
                    subjects: Some(vec![subject]),
                };
                create(Api::all(client.clone()), binding).await?;
                format!("cluster role binding {GUIDE_BINDING} to edit, as the guide")
            }
            RbacChoice::Minimal => {
                let rules: Vec<Rule> = needed(&request.spark_version)
                    .iter()
                    .chain(&request.beside)
                    .copied()
                    .filter(|rule| Some(*rule) != request.without)
                    .collect();
                let granted = format!("role of {} verbs", rules.len());
                let role = Role { metadata: meta(ROLE), rules: Some(policy(rules)) };
                create(Api::namespaced(client.clone(), namespace), role).await?;
                let binding = RoleBinding {
                    metadata: meta(ROLE),
                    role_ref: role_ref("Role", ROLE),
                    subjects: Some(vec![subject]),
                };
                create(Api::namespaced(client.clone(), namespace), binding).await?;
                granted
            }
        };
        let credentials = Credentials::issue(context, cluster, namespace, account).await?;
        Ok(Access {
            namespace: request.namespace.clone(),
            service_account: request.service_account.clone(),
            driver_kubeconfig: credentials.kubeconfig().to_owned(),
            granted,
            owned,
            credentials,
        })
    };
    context.cancel.guard(work).await
}

async fn create<K>(api: Api<K>, object: K) -> Result<()>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let name = object.meta().name.clone().unwrap_or_default();
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            Err(Error::input(format!("{kind} {name} exists already: {}", status.message))
                .remedy("choose another name; nothing of yours was changed"))
        }
        Err(error) => Err(Error::environment(format!("creating {kind} {name}"))
            .because(error)
            .remedy("the kubeconfig's user needs the right to set up namespaces and roles")),
    }
}

impl Access {
    /// Takes one verb from the minimal Role under a running session, for the controls.
    pub async fn revoke(&self, client: &kube::Client, rule: Rule) -> Result<()> {
        use crate::error::OrFail;
        let roles: Api<Role> = Api::namespaced(client.clone(), &self.namespace);
        let mut role = roles.get(ROLE).await.or_environment("reading the role")?;
        for policy in role.rules.iter_mut().flatten() {
            if policy.resources.iter().flatten().any(|r| r == rule.resource) {
                policy.verbs.retain(|verb| verb != rule.verb);
            }
        }
        roles
            .replace(ROLE, &PostParams::default(), &role)
            .await
            .or_environment(format!("taking {rule} from the role"))?;
        Ok(())
    }
}
