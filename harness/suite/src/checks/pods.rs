//! The pods of a live session: their list, against its snapshot, and their owners.

use kube::ResourceExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::Body;
use sparkproof_base::verdict::judged;
use sparkproof_judge::{Owners, PodList};
use sparkproof_testbed::LiveSession;

/// Checks for exactly N executor pods and nothing else, each Running and ready, as in the snapshot.
pub async fn pod_list(context: &Context, live: &LiveSession) -> Result<PodList> {
    let executors = live.executors();
    let title = format!("the namespace shows exactly {executors} Running executor pods");
    judged(context, ("pods.list", &title), executors, async || {
        let list = live.pod_list();
        let title = format!("{executors} executors registered");
        context.recorder.emit(Body::PodList { title, text: list.to_string() });
        Ok(list)
    })
    .await
}

/// Checks that the driver's pod owns every executor's pod, so that they are deleted with it. Does
/// nothing for a driver that is not in a pod.
pub async fn owned_by_driver(context: &Context, live: &LiveSession) -> Result<()> {
    let Some(driver) = live.driver_pod() else { return Ok(()) };
    let title = "the driver's pod is the owner of every executor's";
    let owners = async || {
        let of = |pod: &k8s_openapi::api::core::v1::Pod| {
            pod.owner_references().iter().map(|owner| owner.uid.clone()).collect()
        };
        Ok(Owners {
            driver: driver.name_any(),
            uid: driver.uid().unwrap_or_default(),
            executors: live
                .executor_pods()
                .iter()
                .map(|(name, pod)| (name.clone(), of(pod)))
                .collect(),
        })
    };
    judged(context, ("pods.owner", title), (), owners).await.map(drop)
}
