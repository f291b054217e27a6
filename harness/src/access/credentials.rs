//! The driver authenticates as the service account: a short-lived token in a kubeconfig of its
//! own, renewed before it ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use kube::config::{AuthInfo, Context as KubeContext, Kubeconfig, NamedAuthInfo, NamedContext};
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::{Cluster, cluster_of};
use crate::context::Context;
use crate::dirs::{private_dir, private_file};
use crate::error::{Error, OrFail, Result};

/// Kubernetes' own default is 3600 s; the least it grants is 600 s.
const LIFETIME_SECONDS: i64 = 3600;
/// Renewed at this fraction, as client-go does for projected tokens.
const RENEW_AT: f64 = 0.8;

/// A kubeconfig with a living token; renewal stops when dropped.
#[derive(Debug)]
pub struct Credentials {
    kubeconfig: PathBuf,
    _renewal: AbortOnDropHandle<()>,
}

impl Credentials {
    /// Issues the first token and starts renewing. fabric8 reads the kubeconfig again when the API
    /// answers 401 (`TokenRefreshInterceptor`), so a rewritten file is enough.
    pub async fn issue(
        context: &Context,
        cluster: &Cluster,
        namespace: &str,
        account: &str,
    ) -> Result<Self> {
        // A directory with nothing else: a driver in a container sees it.
        let dir = context.run.dir().join(format!("driver-{namespace}"));
        private_dir(&dir)?;
        let kubeconfig = dir.join("kubeconfig");
        let issuer = Issuer {
            cluster: cluster.clone(),
            context: context.clone(),
            namespace: namespace.to_owned(),
            account: account.to_owned(),
            kubeconfig: kubeconfig.clone(),
        };
        issuer.write_token().await?;
        let renewal = tokio::spawn(async move {
            loop {
                let pause = Duration::from_secs_f64(LIFETIME_SECONDS as f64 * RENEW_AT);
                tokio::time::sleep_until(tokio::time::Instant::now() + pause).await;
                if let Err(error) = issuer.write_token().await {
                    issuer.context.recorder.warn(format!("renewing the driver's token: {error}"));
                }
            }
        });
        Ok(Credentials { kubeconfig, _renewal: AbortOnDropHandle::new(renewal) })
    }

    /// Where it lies.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

struct Issuer {
    cluster: Cluster,
    context: Context,
    namespace: String,
    account: String,
    kubeconfig: PathBuf,
}

impl Issuer {
    async fn write_token(&self) -> Result<()> {
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.cluster.client.clone(), &self.namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(LIFETIME_SECONDS),
                ..Default::default()
            },
            ..Default::default()
        };
        let answer = accounts
            .create_token_request(&self.account, &PostParams::default(), &request)
            .await
            .or_environment(format!("requesting a token of account {}", self.account))?;
        let token = answer.status.map(|s| s.token).unwrap_or_default();
        self.context.recorder.secrets().register(&token);
        let content = self.kubeconfig_with(token)?;
        private_file(&self.kubeconfig, content.as_bytes())
    }

    /// The cluster's address and CA, with the account's token in place of the admin's key.
    fn kubeconfig_with(&self, token: String) -> Result<String> {
        let admin = Kubeconfig::read_from(&self.cluster.kubeconfig)
            .or_environment("reading the cluster's kubeconfig")?;
        let cluster = cluster_of(admin, self.cluster.context.as_deref())
            .ok_or_else(|| Error::environment("the kubeconfig's context names no cluster"))?;
        let name = cluster.name.clone();
        let config = Kubeconfig {
            api_version: Some("v1".to_owned()),
            kind: Some("Config".to_owned()),
            clusters: vec![cluster],
            auth_infos: vec![NamedAuthInfo {
                name: self.account.clone(),
                auth_info: Some(AuthInfo { token: Some(token.into()), ..Default::default() }),
                ..Default::default()
            }],
            contexts: vec![NamedContext {
                name: "driver".to_owned(),
                context: Some(KubeContext {
                    cluster: name,
                    user: Some(self.account.clone()),
                    namespace: Some(self.namespace.clone()),
                    ..Default::default()
                }),
                ..Default::default()
            }],
            current_context: Some("driver".to_owned()),
            ..Default::default()
        };
        // JSON is YAML. kube's serializer exposes the token; the file is private.
        serde_json::to_string(&config).or_internal("writing a kubeconfig")
    }
}
