//! A server's pod: its state, its log, its removal.

use k8s_openapi::api::core::v1::{Pod as KubePod, Secret, Service};
use kube::api::{DeleteParams, LogParams};
use kube::{Api, Client};
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};

/// A pod, its Service and its Secret, all with one name.
pub(super) struct Pod {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Pod {
    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(super) async fn ended(&self) -> Result<Option<String>> {
        let pod = self.api::<KubePod>().get_opt(&self.name).await;
        let Some(pod) = pod.or_environment(format!("reading pod {}", self.name))? else {
            return Ok(Some("is gone".to_owned()));
        };
        let phase = pod.status.and_then(|s| s.phase).unwrap_or_default();
        Ok(matches!(phase.as_str(), "Failed" | "Succeeded").then(|| format!("ended as {phase}")))
    }

    pub(super) async fn log(&self, last: Option<u32>) -> Result<String> {
        let params = LogParams { tail_lines: last.map(i64::from), ..LogParams::default() };
        let log = self.api::<KubePod>().logs(&self.name, &params).await;
        log.or_environment(format!("reading the log of pod {}", self.name))
    }

    /// Deletes all three.
    pub(super) async fn remove(&self, context: &Context) -> Result<()> {
        let context = &context.for_teardown();
        let what = || format!("deleting {}", self.name);
        let delete = DeleteParams::default();
        let gone = |result: kube::Result<()>| match result {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.or_environment(what()),
        };
        let (service, pod, secret) =
            (self.api::<Service>(), self.api::<KubePod>(), self.api::<Secret>());
        context
            .cancel
            .guard(async {
                gone(service.delete(&self.name, &delete).await.map(drop))?;
                gone(pod.delete(&self.name, &delete).await.map(drop))?;
                gone(secret.delete(&self.name, &delete).await.map(drop))
            })
            .await
    }
}
