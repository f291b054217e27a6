//! One application, checked from its submission until nothing of it is left.

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::verdict::{FirstFailure, judged};
use sparkproof_images::spark::SparkImage;
use sparkproof_judge::{
    AfterEnd, Completed, ExecutorPod, FoundLines, Leftovers, RanExecutors, RequestedExecutors,
    Said, Service, Submitted,
};
use sparkproof_kubernetes::access::submission;
use sparkproof_kubernetes::observe::LeftoverQuery;
use sparkproof_spark::session::{Application, ApplicationSpec, FinishedApplication};
use sparkproof_testbed::{PreparedSession, SessionBuilder};

use super::super::let_go;
use super::super::teardown::settled;
use super::seen::{account_of, object};

/// Seconds until executors and objects of the driver's pod must be gone.
const GONE_WITHIN: u64 = 60;

/// Submits an application as the session's account, which also has the permissions of
/// [`submission`], and checks it until Kubernetes has deleted what it owned. The driver's log must
/// contain `says`. Returns what was observed.
pub async fn application(
    wanted: SessionBuilder<'_>,
    image: &SparkImage,
    spec: &ApplicationSpec,
    says: &str,
) -> Result<FinishedApplication> {
    application_while(wanted, image, spec, says, async |_, _| Ok(())).await
}

/// The same; `meanwhile` looks at it while it runs, with the name of the driver's pod.
pub(super) async fn application_while(
    wanted: SessionBuilder<'_>,
    image: &SparkImage,
    spec: &ApplicationSpec,
    says: &str,
    meanwhile: impl AsyncFnOnce(&PreparedSession<'_>, &str) -> Result<()>,
) -> Result<FinishedApplication> {
    let proof = wanted.proof();
    let (context, cluster) = (&proof.context, &proof.environment.cluster);
    let ground = wanted.verbs(&submission(&image.version)).grant().await?;
    let (access, pods) = (ground.access(), ground.pods());
    let phase = context.recorder.phase("submit");
    let title = "spark-submit creates the driver's pod, and the Service and ConfigMap that it owns";
    let (id, account) = (spec.check_id("submitted"), access.service_account.clone());
    let mut submitted = None;
    let judged = judged(context, (&id, title), account, async || {
        let submitting = Application::submit(context, cluster, access, image, spec, pods);
        objects(&ground, submitted.insert(Box::pin(submitting).await?)).await
    });
    let submitted = judged.await.and_then(|_| made(submitted));
    let submitted = phase.end(submitted, |a| format!("{} as {}", spec.name, a.driver))?;
    let phase = context.recorder.phase("application");
    let ran = async {
        let driver = submitted.driver.clone();
        let (finished, looked) =
            tokio::join!(completed(context, submitted, &ground, spec), meanwhile(&ground, &driver));
        let finished = finished?;
        let mut first = FirstFailure::default();
        first.note(looked)?;
        first.note(said(context, &finished, spec, says).await)?;
        first.note(executors(context, &finished, &access.service_account, spec).await)?;
        first.note(left(context, &finished, &ground, spec).await)?;
        first.or(finished)
    }
    .await;
    let finished = phase.end(ran, |f| {
        format!("{}: {} executors, succeeded after {:.1} s", spec.name, f.most_running, f.seconds)
    })?;
    let phase = context.recorder.phase("stop");
    let driver = finished.driver.name_any();
    let ended = ground.collect(&driver, finished.log.clone()).await?;
    phase.end(let_go(proof, ended).await, |gone| (*gone).to_owned())?;
    Ok(finished)
}

/// What a check's look made beside its observation.
fn made<T>(made: Option<T>) -> Result<T> {
    made.ok_or_else(|| Error::internal("a green check looked at nothing"))
}

/// The objects that a submission created.
async fn objects(ground: &PreparedSession<'_>, application: &Application) -> Result<Submitted> {
    let client = &ground.proof().environment.cluster.client;
    let namespace = &ground.access().namespace;
    let all = ListParams::default();
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let services: Api<k8s_openapi::api::core::v1::Service> =
        Api::namespaced(client.clone(), namespace);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let seen = async {
        let pod = pods.get(&application.driver).await.or_environment("reading the driver's pod")?;
        let listed = tokio::try_join!(services.list(&all), maps.list(&all));
        listed.or_environment("listing what was submitted").map(|(s, m)| (pod, s, m))
    };
    let (pod, services, maps) = ground.proof().context.cancel.guard(seen).await?;
    let services = services.items.iter().map(|service| {
        let address = service.spec.as_ref().and_then(|spec| spec.cluster_ip.as_deref());
        Service { object: object(service), headless: address == Some("None") }
    });
    Ok(Submitted {
        driver: object(&pod),
        role: pod.labels().get("spark-role").cloned().unwrap_or_default(),
        account: account_of(&pod),
        services: services.collect(),
        config_maps: maps.items.iter().map(object).collect(),
    })
}

async fn completed(
    context: &Context,
    application: Application,
    ground: &PreparedSession<'_>,
    spec: &ApplicationSpec,
) -> Result<FinishedApplication> {
    let title = format!("the driver's pod of {} succeeds", spec.name);
    let id = spec.check_id("completed");
    let mut finished = None;
    judged(context, (&id, &title), spec.name.clone(), async || {
        let cluster = &ground.proof().environment.cluster;
        let ending = application.end(context, cluster, ground.access());
        let ended = finished.insert(Box::pin(ending).await?);
        let phase = ended.phase().to_owned();
        Ok(Completed {
            diagnosis: ended.diagnosis.clone(),
            phase,
            exit_code: ended.exit_code(),
            seconds: ended.seconds,
        })
    })
    .await?;
    made(finished)
}

/// Checks that the driver's log has these words.
pub async fn said(
    context: &Context,
    finished: &FinishedApplication,
    spec: &ApplicationSpec,
    says: &str,
) -> Result<()> {
    let title = format!("{} says `{says}`", spec.name);
    let said = async || Ok(Said(FoundLines::of(&finished.log, says)));
    judged(context, (&spec.check_id("said"), &title), says.to_owned(), said).await.map(drop)
}

/// Checks that the requested number of executors ran at once, under the account, owned by the
/// driver's pod (SPARK-25295), so that they are deleted with it.
pub async fn executors(
    context: &Context,
    finished: &FinishedApplication,
    account: &str,
    spec: &ApplicationSpec,
) -> Result<()> {
    let n = spec.executors as usize;
    let title = format!("{n} executors ran at once, owned by the driver's pod");
    let expected = RequestedExecutors { executors: n, account: account.to_owned() };
    judged(context, (&spec.check_id("executors"), &title), expected, async || {
        let pods = finished.executors.values();
        Ok(RanExecutors {
            driver: object(&finished.driver),
            stateful_sets: finished.stateful_sets.values().map(object).collect(),
            executors: pods
                .map(|pod| ExecutorPod { object: object(pod), account: account_of(pod) })
                .collect(),
            most_running: finished.most_running,
        })
    })
    .await
    .map(drop)
}

/// Checks that the driver's pod stays with its log, and that executors, StatefulSets and claims are
/// gone.
async fn left(
    context: &Context,
    finished: &FinishedApplication,
    ground: &PreparedSession<'_>,
    spec: &ApplicationSpec,
) -> Result<()> {
    let title = "after the end executors are gone, the driver's pod stays with its log";
    judged(context, (&spec.check_id("left"), title), (), async || {
        let client = &ground.proof().environment.cluster.client;
        let namespace = &ground.access().namespace;
        let gone = |held: &Leftovers| held.pods.len() <= 1 && held.claims.is_empty();
        // Spark deletes a StatefulSet before the driver ends: one that still exists stays, with its
        // pods.
        let done = |held: &Leftovers| gone(held) || !held.stateful_sets.is_empty();
        let look = LeftoverQuery::default();
        let left = settled(context, client, namespace, &look, GONE_WITHIN, done).await?;
        Ok(AfterEnd { driver: finished.driver.name_any(), left, refused: finished.refused() })
    })
    .await
    .map(drop)
}
