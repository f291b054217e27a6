//! The pods of a live session under Pod Security's level `restricted`.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::verdict::judged;
use sparkproof_catalog::plan::restricted::violations;
use sparkproof_judge::RestrictedPods;
use sparkproof_testbed::LiveSession;

/// The words of the admission plugin (`pod-security-admission`).
const REFUSES: &str = "violates PodSecurity \"restricted";

/// Checks that the session's pods comply, the driver's included, and that their namespace refuses others
/// if it is `enforced`.
pub async fn restricted(context: &Context, live: &LiveSession, enforced: bool) -> Result<()> {
    let title = "every pod complies with Pod Security restricted, and no other is admitted";
    judged(context, ("pods.restricted", title), enforced, async || {
        let pods = live.executor_pods().into_values().chain(live.driver_pod());
        let pods = pods.map(|pod| (kube::ResourceExt::name_any(&*pod), violations(&pod))).collect();
        Ok(RestrictedPods { refused: refused(context, live, enforced).await?, pods })
    })
    .await
    .map(drop)
}

/// What the API server says of an ordinary pod; `None` if it would create it, or if it must not be asked
/// in a namespace of the user's.
async fn refused(context: &Context, live: &LiveSession, enforced: bool) -> Result<Option<String>> {
    let pod = json!({
        "metadata": { "name": "ordinary" },
        "spec": { "containers": [{ "name": "ordinary", "image": "ordinary" }] },
    });
    let pod: Pod = serde_json::from_value(pod).or_internal("a pod")?;
    let api: Api<Pod> = Api::namespaced(live.client().clone(), &live.access().namespace);
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let asked = context.cancel.guard(async { Ok(api.create(&dry, &pod).await) }).await?;
    match asked {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.message.contains(REFUSES) => {
            Ok(Some(status.message.clone()))
        }
        Err(_) if !enforced => Ok(None),
        Err(error) => Err(error).or_environment("a dry run of an ordinary pod"),
    }
}
