//! The driver authenticates as the service account, with a short-lived token in a separate
//! kubeconfig that is renewed before it expires.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use kube::config::{AuthInfo, Context as KubeContext, Kubeconfig, NamedAuthInfo, NamedContext};
use sparkproof_base::context::Context;
use sparkproof_base::dirs::{private_dir, private_file};
use sparkproof_base::error::{Error, ErrorContext, Result};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::cluster::{Cluster, cluster_of};

/// The requested lifetime in seconds, Kubernetes' default. An API server may grant less
/// (`--service-account-max-token-expiration`), but at least 600 s.
const LIFETIME_SECONDS: i64 = 3600;
/// The part of its lifetime after which a token is renewed, as the kubelet does for projected
/// tokens.
const RENEW_AT: f64 = 0.8;
/// Time limit of a token request.
const ANSWER: Duration = Duration::from_secs(20);
/// A failed renewal is retried after a second, doubling up to this.
const MOST_PAUSE: Duration = Duration::from_secs(30);

/// A kubeconfig with a valid token; dropping it stops the renewal.
#[derive(Debug)]
pub struct Credentials {
    kubeconfig: PathBuf,
    _renewal: AbortOnDropHandle<()>,
}

impl Credentials {
    /// Requests the first token and starts renewing it. fabric8 reads the kubeconfig again when the
    /// API server answers 401 (`TokenRefreshInterceptor`), so rewriting the file is enough.
    pub async fn issue(
        context: &Context,
        cluster: &Cluster,
        namespace: &str,
        account: &str,
    ) -> Result<Self> {
        // A separate directory, since a driver in a container sees it.
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
        let lifetime = issuer.write_token().await?;
        let renewal = tokio::spawn(async move { issuer.renew_for_ever(lifetime).await });
        Ok(Credentials { kubeconfig, _renewal: AbortOnDropHandle::new(renewal) })
    }

    /// Path of the kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

/// The lifetime of a granted token. Uses the server's clock for both ends if the answer has its
/// time of creation, since this host's clock may differ. Has a minimum, so that requests do not
/// follow each other without a pause.
fn lifetime(answer: &TokenRequest) -> Duration {
    let end = answer.status.as_ref().map(|status| status.expiration_timestamp.0);
    let made = answer.metadata.creation_timestamp.as_ref().map(|made| made.0);
    let lives = end.map(|end| end.duration_since(made.unwrap_or_else(jiff::Timestamp::now)));
    let lives = lives.and_then(|lives| Duration::try_from(lives).ok()).unwrap_or_default();
    lives.max(Duration::from_secs(10))
}

struct Issuer {
    cluster: Cluster,
    context: Context,
    namespace: String,
    account: String,
    kubeconfig: PathBuf,
}

impl Issuer {
    /// Renews the token in time; a failure is retried long before the token expires.
    async fn renew_for_ever(&self, mut lifetime: Duration) {
        loop {
            let issued = Instant::now();
            sleep_until(issued + lifetime.mul_f64(RENEW_AT)).await;
            let mut pause = Duration::from_secs(1);
            lifetime = loop {
                match self.write_token().await {
                    Ok(lifetime) => break lifetime,
                    Err(error) => {
                        let left = (issued + lifetime).saturating_duration_since(Instant::now());
                        self.context.recorder.warn(format!(
                            "renewing the driver's token, which expires in {} s: {error}",
                            left.as_secs()
                        ));
                    }
                }
                sleep_until(Instant::now() + pause).await;
                pause = (pause * 2).min(MOST_PAUSE);
            };
        }
    }

    /// Writes a new token; returns its lifetime.
    async fn write_token(&self) -> Result<Duration> {
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.cluster.client.clone(), &self.namespace);
        let request = TokenRequest {
            spec: TokenRequestSpec {
                expiration_seconds: Some(LIFETIME_SECONDS),
                ..Default::default()
            },
            ..Default::default()
        };
        let what = || format!("requesting a token of account {}", self.account);
        let now = PostParams::default();
        let asked = accounts.create_token_request(&self.account, &now, &request);
        let answer = timeout(ANSWER, asked).await.or_environment(what())?.or_environment(what())?;
        let lifetime = lifetime(&answer);
        let token = answer.status.map(|s| s.token).filter(|token| !token.is_empty());
        let token = token
            .ok_or_else(|| Error::environment(what()).with_source("the answer has no token"))?;
        self.context.recorder.secrets().register(&token);
        let content = self.kubeconfig_with(token)?;
        private_file(&self.kubeconfig, content.as_bytes())?;
        Ok(lifetime)
    }

    /// A kubeconfig with the cluster's address and CA, and the account's token instead of the
    /// admin's key.
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
        // JSON is valid YAML. kube's serializer exposes the token, but the file is private.
        serde_json::to_string(&config).or_internal("writing a kubeconfig")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::{Request, Response, StatusCode};
    use kube::client::Body;
    use serde_json::json;

    use super::*;
    use crate::cluster::test_cluster;
    use sparkproof_base::testing::test_context;

    /// An API server that grants tokens of 600 s, whatever is asked for, but fails at some
    /// requests; when it was asked, in seconds.
    fn server(fails: &'static [usize]) -> (kube::Client, Arc<Mutex<Vec<u64>>>) {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (begun, seen) = (Instant::now(), asked.clone());
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                let mut asked = seen.lock().expect("no panic");
                let number = asked.len();
                asked.push(begun.elapsed().as_secs());
                // Its clock is an hour behind ours.
                let made = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(3600);
                let end = made + jiff::SignedDuration::from_secs(600);
                let answer = json!({
                    "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                    "metadata": { "creationTimestamp": made.to_string() }, "spec": { "audiences": [] },
                    "status": { "token": format!("t{number}"), "expirationTimestamp": end.to_string() },
                });
                let body = Body::from(serde_json::to_vec(&answer).expect("json"));
                let mut response = Response::new(body);
                if fails.contains(&number) {
                    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                }
                reply.send_response(response);
            }
        });
        (kube::Client::new(service, "default"), asked)
    }

    async fn asked_within(seconds: u64, fails: &'static [usize]) -> (Vec<u64>, String) {
        let (context, keep) = test_context();
        let (client, asked) = server(fails);
        let cluster = test_cluster(keep.path(), client);
        let issued = Credentials::issue(&context, &cluster, "n", "spark").await.expect("issued");
        sleep_until(Instant::now() + Duration::from_secs(seconds)).await;
        let config = std::fs::read_to_string(issued.kubeconfig()).expect("written");
        let asked = asked.lock().expect("no panic").clone();
        (asked, config)
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_at_four_fifths_of_the_lifetime_that_was_granted() {
        let (asked, config) = asked_within(1000, &[]).await;
        assert_eq!(asked, [0, 480, 960]);
        assert!(config.contains("t2"), "{config}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_renewal_is_tried_again_before_the_token_ends() {
        let (asked, config) = asked_within(595, &[1, 2]).await;
        assert_eq!(asked, [0, 480, 481, 483]);
        assert!(config.contains("t3"), "{config}");
    }
}
