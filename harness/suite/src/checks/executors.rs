//! Checks that each executor works, and that a lost one is replaced.

use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::verdict::{Findings, check, judged};
use sparkproof_base::wait::{Progress, Waiting, wait};
use sparkproof_judge::BarrierStage;
use sparkproof_kubernetes::observe::status;
use sparkproof_testbed::LiveSession;

/// Seconds: a driver replaces a lost executor after about 2 s (measured); its pod needs an image
/// and a JVM.
const REPLACED_WITHIN: u64 = 60;

/// Checks that a barrier stage of N tasks runs one task on each of the N executors, none on the
/// driver.
pub async fn barrier(context: &Context, live: &mut LiveSession) -> Result<BarrierStage> {
    let executors = live.executors();
    let title = format!("a barrier stage ran one task on each of {executors} executors");
    judged(context, ("executors.barrier", &title), executors, async || {
        let pods = live.session().pods();
        let pods = pods.iter().map(|(id, pod)| (id.to_string(), pod.name_any())).collect();
        let tasks = live.session().barrier(executors).await?.tasks;
        Ok(BarrierStage { pods, tasks })
    })
    .await
}

/// Deletes the first executor's pod without a grace period, like the loss of a node; returns its
/// name.
pub async fn lose_an_executor(context: &Context, live: &LiveSession) -> Result<String> {
    let Some(name) = live.executor_pods().keys().next().cloned() else {
        return Err(Error::red("there is no executor to lose"));
    };
    delete(context, live, &name, &DeleteParams::default().grace_period(0)).await?;
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

/// Checks that a new executor replaces the lost one.
pub async fn replaced(context: &Context, live: &LiveSession, lost: &str) -> Result<()> {
    let title = "a lost executor is replaced by a new one";
    check(context, "executors.replaced", title, async |findings: &mut Findings| {
        let waiting = Waiting::up_to(REPLACED_WITHIN, format!("a replacement of {lost}"));
        let replaced = wait(context, waiting, live.pods().changes(), async || {
            let pods = live.executor_pods();
            let words: Vec<String> =
                pods.iter().map(|(name, pod)| format!("{name} {}", status(pod))).collect();
            let running = pods.values().filter(|pod| status(pod) == "Running").count();
            if !pods.contains_key(lost) && running == live.executors() as usize {
                Progress::Met(words.join(", "))
            } else {
                live.pods().not_yet(words.join(", "))
            }
        })
        .await;
        let now = replaced.map_err(|error| {
            if error.is_interruption() {
                return error;
            }
            Error::red(format!("executor {lost} was not replaced"))
                .with_source(error)
                .remedy("read the driver's log; check that the account may create pods")
        })?;
        findings.add("lost", lost);
        findings.add("now", now);
        context.recorder.info(format!("executor {lost} was lost and replaced"));
        Ok(())
    })
    .await
}
