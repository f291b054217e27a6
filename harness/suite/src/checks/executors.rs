//! Checks that each executor works, and that a lost one is replaced.

use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::verdict::judged;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_judge::{AfterLoss, BarrierStage};
use sparkproof_kubernetes::observe::status;
use sparkproof_testbed::LiveSession;

/// Seconds: a driver replaces a lost executor after about 2 s (measured); its pod needs an image
/// and a JVM, which registers.
const REPLACED_WITHIN: u64 = 60;

/// Checks that a barrier stage of N tasks runs one task on each of the N executors, none on the
/// driver.
pub async fn barrier(context: &Context, live: &mut LiveSession) -> Result<BarrierStage> {
    let executors = live.executors();
    let title = format!("a barrier stage ran one task on each of {executors} executors");
    judged(context, ("executors.barrier", &title), executors, async || {
        let before = live.session().pods();
        let tasks = live.session().barrier(executors).await?.tasks;
        // Spark replaces an executor that ends and runs the stage on others.
        live.session().all_live(&before).await?;
        let pods = before.iter().map(|(id, pod)| (id.to_string(), pod.name_any())).collect();
        Ok(BarrierStage { pods, tasks })
    })
    .await
}

/// Deletes the first executor's pod with a grace period of a second, like the loss of a node; returns
/// its name. Not of zero: such a pod never has a time of deletion, by which Spark's watch knows it
/// (`ExecutorPodsSnapshot.toState`), so the driver misses it only at its next poll, up to 30 s later
/// (seen: replaced after 22 s, and in Spark's list until 53 s).
pub async fn lose_an_executor(context: &Context, live: &LiveSession) -> Result<String> {
    let Some(name) = live.executor_pods().keys().next().cloned() else {
        return Err(Error::red("there is no executor to lose"));
    };
    delete(context, live, &name, &DeleteParams::default().grace_period(1)).await?;
    Ok(name)
}

/// Deletes a pod; with the default parameters as `kubectl delete pod` does, with its grace period.
pub(super) async fn delete(
    context: &Context,
    live: &LiveSession,
    name: &str,
    how: &DeleteParams,
) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(live.client().clone(), &live.access().namespace);
    let deleted = async {
        pods.delete(name, how).await.or_environment(format!("deleting the pod {name}")).map(drop)
    };
    context.cancel.guard(deleted).await
}

/// Checks that a new executor replaces the lost one: it is Running and registered with the driver.
pub async fn replaced(context: &Context, live: &LiveSession, lost: &str) -> Result<()> {
    let executors = live.executors();
    let title = "a lost executor is replaced by a new one";
    judged(context, ("executors.replaced", title), executors, async || {
        let mut last = Err(Error::internal("nothing was looked at"));
        let waiting = Waiting::up_to(REPLACED_WITHIN, format!("a replacement of {lost}"));
        // Polled: registration changes Spark's list, but no pod.
        let waited = wait(context, waiting, Source::Backoff, async || {
            last = after_loss(live, lost).await;
            let missing = match &last {
                Ok(seen) if seen.is_final() => return Progress::Met(()),
                Ok(seen) => seen.missing(executors),
                Err(error) => Some(error.to_string()),
            };
            match missing.map(|words| live.pods().not_yet(words)) {
                None => Progress::Met(()),
                // Without the watch the pods' last states are of no use.
                Some(Progress::Never(error)) => {
                    last = Err(error);
                    Progress::Met(())
                }
                Some(progress) => progress,
            }
        })
        .await;
        match waited {
            Err(error) if error.is_interruption() => Err(error),
            _ => last,
        }
    })
    .await?;
    context.recorder.info(format!("executor {lost} was lost and replaced"));
    Ok(())
}

async fn after_loss(live: &LiveSession, lost: &str) -> Result<AfterLoss> {
    let executors = live.agreement().await?;
    let pods = live.executor_pods().iter().map(|(name, pod)| (name.clone(), status(pod))).collect();
    let refused = live.may_not_create();
    Ok(AfterLoss { lost: lost.to_owned(), pods, executors, refused })
}
