//! Creates namespace, service account and binding, labelled and recorded in the ledger. In a user's
//! namespace none of them is created.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role, RoleBinding, RoleRef, Subject};
use kube::Api;
use kube::api::PostParams;
use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::plan::RbacChoice;

use super::namespace::{Granting, create};
use super::rules::policy;
use super::{ClusterCapabilities, Credentials, Identity, Rule, needed};
use crate::cluster::{Cluster, Via, client_of, proxy_towards};
use crate::lease::Lease;

/// The guide's name of its cluster role binding (`kubectl create clusterrolebinding
/// spark-rolebinding`).
const GUIDE_BINDING: &str = "spark-rolebinding";
/// Names of the objects that are created in the namespace.
const ROLE: &str = "spark-driver";

/// The access that a session needs.
#[derive(Debug, Clone)]
pub struct AccessRequest {
    /// Namespace to create; the capabilities' namespace, if they name one.
    pub namespace: String,
    /// Service account to create in it; in a user's namespace it must exist.
    pub service_account: String,
    /// Least privilege, or the guide's permissions.
    pub rbac: RbacChoice,
    /// Spark's version, which decides the verbs.
    pub spark_version: SparkVersion,
    /// A permission to leave out, for negative controls.
    pub without: Option<Rule>,
    /// Permissions besides those that every session needs.
    pub beside: Vec<Rule>,
    /// Whether a new namespace enforces Pod Security's level `restricted`.
    pub restricted: bool,
}

/// Namespace and identities of a session.
#[derive(Debug)]
pub struct Access {
    /// Namespace of the session.
    pub namespace: String,
    /// The account of the executors.
    pub service_account: String,
    /// The driver's identity.
    pub identity: Identity,
    /// Kubeconfig of the driver: with the account's short-lived token (0600, state directory), or
    /// the user's.
    pub driver_kubeconfig: PathBuf,
    /// Context of the kubeconfig; `None` for the current one.
    pub driver_context: Option<String>,
    /// How the driver reaches the API server.
    pub via: Via,
    /// In a user's namespace: the application id that Spark is given, by which its objects are
    /// found there.
    pub application: Option<String>,
    /// What was granted, for the report, e.g. `role of 9 verbs`.
    pub granted: String,
    /// The created resources.
    pub owned: Vec<OwnedResource>,
    /// Renews the account's token as long as this value exists.
    pub credentials: Option<Credentials>,
    /// Renews the run's Lease as long as this value exists; on shared clusters where Leases are
    /// permitted.
    pub lease: Option<Lease>,
}

impl Access {
    /// The proxy between the driver and the API server, as a URL.
    ///
    /// # Errors
    /// Bad input: the kubeconfig cannot be read.
    pub fn proxy(&self) -> Result<Option<String>> {
        proxy_towards(&self.driver_kubeconfig, self.driver_context.as_deref(), self.via)
    }

    /// A client that authenticates as the driver.
    ///
    /// # Errors
    /// Bad input or environment: the kubeconfig cannot be used.
    pub async fn client(&self) -> Result<kube::Client> {
        client_of(&self.driver_kubeconfig, self.driver_context.as_deref(), self.via).await
    }
}

/// Creates the objects that do not exist yet. A namespace that is to be created must not exist
/// (class bad input).
pub async fn grant(
    context: &Context,
    cluster: &Cluster,
    terms: &ClusterCapabilities,
    request: AccessRequest,
) -> Result<Access> {
    let work = async {
        let ours = terms.namespace.is_none();
        let application = (!ours).then(|| application_of(context.run.id()));
        let lease_name = format!("sparkproof-{}", context.run.id());
        let mut granting = Granting {
            context,
            cluster,
            namespace: &request.namespace,
            restricted: request.restricted,
            owned: Vec::new(),
        };
        let lease = granting.prepare_namespace(terms, &lease_name, application.as_deref()).await?;
        let (namespace, account) = (&request.namespace, &request.service_account);
        let granted = match (&terms.identity, ours) {
            (Identity::Account, true) => granting.account(&request).await?,
            (Identity::Account, false) => "its existing permissions".to_owned(),
            (Identity::User { reason }, _) => {
                format!("driver as the kubeconfig's user ({reason})")
            }
        };
        let credentials = match &terms.identity {
            Identity::Account => {
                Some(Credentials::issue(context, cluster, namespace, account).await?)
            }
            Identity::User { .. } => None,
        };
        let (driver_kubeconfig, driver_context) = match &credentials {
            Some(credentials) => (credentials.kubeconfig().to_owned(), None),
            None => (cluster.kubeconfig.clone(), cluster.context.clone()),
        };
        Ok(Access {
            namespace: namespace.clone(),
            service_account: account.clone(),
            identity: terms.identity.clone(),
            driver_kubeconfig,
            driver_context,
            via: cluster.via(),
            application,
            granted,
            owned: granting.owned,
            credentials,
            lease,
        })
    };
    context.cancel.guard(work).await
}

/// An application id in Spark's format, `spark-` and 32 hexadecimal digits, of which the first ones
/// are the run's id.
fn application_of(run: &RunId) -> String {
    let random = format!("{:032x}", rand::random::<u128>());
    format!("spark-{run}{}", &random[run.len().min(32)..])
}

impl Granting<'_> {
    /// Creates the account, its role and its binding; returns in words what was granted.
    async fn account(&mut self, request: &AccessRequest) -> Result<String> {
        let client = self.cluster.client.clone();
        let (namespace, account) = (self.namespace, &request.service_account);
        let object = ServiceAccount { metadata: self.meta(account), ..Default::default() };
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
        match request.rbac {
            RbacChoice::Guide => {
                self.own(OwnedResource::ClusterRoleBinding {
                    kubeconfig: self.cluster.kubeconfig.clone(),
                    context: self.cluster.context.clone(),
                    name: GUIDE_BINDING.to_owned(),
                })?;
                let binding = ClusterRoleBinding {
                    metadata: self.meta(GUIDE_BINDING),
                    role_ref: role_ref("ClusterRole", "edit"),
                    subjects: Some(vec![subject]),
                };
                create(Api::all(client), binding).await?;
                Ok(format!("cluster role binding {GUIDE_BINDING} to edit, as in the guide"))
            }
            RbacChoice::Minimal => {
                let rules: Vec<Rule> = needed(&request.spark_version)
                    .iter()
                    .chain(&request.beside)
                    .copied()
                    .filter(|rule| Some(*rule) != request.without)
                    .collect();
                let granted = format!("role of {} verbs", rules.len());
                let role = Role { metadata: self.meta(ROLE), rules: Some(policy(rules)) };
                create(Api::namespaced(client.clone(), namespace), role).await?;
                let binding = RoleBinding {
                    metadata: self.meta(ROLE),
                    role_ref: role_ref("Role", ROLE),
                    subjects: Some(vec![subject]),
                };
                create(Api::namespaced(client, namespace), binding).await?;
                Ok(granted)
            }
        }
    }
}

impl Access {
    /// Removes one verb from the minimal Role of a running session, for negative controls.
    pub async fn revoke(&self, context: &Context, client: &kube::Client, rule: Rule) -> Result<()> {
        let roles: Api<Role> = Api::namespaced(client.clone(), &self.namespace);
        let revoked = async {
            let mut role = roles.get(ROLE).await.or_environment("reading the role")?;
            for policy in role.rules.iter_mut().flatten() {
                if policy.resources.iter().flatten().any(|r| r == rule.resource) {
                    policy.verbs.retain(|verb| verb != rule.verb);
                }
            }
            let replaced = roles.replace(ROLE, &PostParams::default(), &role).await;
            replaced.map(drop).or_environment(format!("removing {rule} from the role"))
        };
        context.cancel.guard(revoked).await
    }
}

#[cfg(test)]
mod tests;
