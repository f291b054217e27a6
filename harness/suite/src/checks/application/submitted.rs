//! One application, checked from its submission until nothing of it is left.

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::verdict::{Findings, FirstFailure, check};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_images::spark::SparkImage;
use sparkproof_judge::Leftovers;
use sparkproof_kubernetes::access::submission;
use sparkproof_kubernetes::observe::{LeftoverQuery, leftovers};
use sparkproof_spark::session::{Application, ApplicationSpec, FinishedApplication};
use sparkproof_testbed::{PreparedSession, SessionBuilder};

use super::super::all_gone;
use super::super::pods::is_owned_by;

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
    let proof = wanted.proof();
    let (context, cluster) = (&proof.context, &proof.environment.cluster);
    let ground = wanted.verbs(&submission(&image.version)).grant().await?;
    let (access, pods) = (ground.access(), ground.pods());
    let phase = context.recorder.phase("submit");
    let submitted = check(
        context,
        &spec.check_id("submitted"),
        "spark-submit creates the driver's pod, and the Service and ConfigMap that it owns",
        async |findings: &mut Findings| {
            let submitting = Application::submit(context, cluster, access, image, spec, pods);
            let application = Box::pin(submitting).await?;
            owned_by_driver(&ground, &application, findings).await?;
            Ok(application)
        },
    )
    .await;
    let submitted = phase.end(submitted, |a| format!("{} as {}", spec.name, a.driver))?;
    let phase = context.recorder.phase("application");
    let ran = async {
        let finished = completed(context, submitted, &ground, image, spec).await?;
        let mut first = FirstFailure::default();
        first.note(said(context, &finished, spec, says).await)?;
        first.note(executors(context, &finished, &ground, spec).await)?;
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
    phase.end(all_gone(context, &ended).await, |gone| (*gone).to_owned())?;
    Ok(finished)
}

/// Without the Service executors do not find the driver; without an owner the objects stay for
/// ever.
async fn owned_by_driver(
    ground: &PreparedSession<'_>,
    application: &Application,
    findings: &mut Findings,
) -> Result<()> {
    let client = &ground.proof().environment.cluster.client;
    let namespace = &ground.access().namespace;
    let all = ListParams::default();
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let seen = async {
        let pod = pods.get(&application.driver).await.or_environment("reading the driver's pod")?;
        let listed = tokio::try_join!(services.list(&all), maps.list(&all));
        listed.or_environment("listing what was submitted").map(|(s, m)| (pod, s, m))
    };
    let (pod, services, maps) = ground.proof().context.cancel.guard(seen).await?;
    let spec = pod.spec.clone().unwrap_or_default();
    let account = spec.service_account_name.unwrap_or_default();
    findings.add("driver", format!("{} as {account}", pod.name_any()));
    let role = pod.labels().get("spark-role").map_or("", String::as_str);
    if role != "driver" || account != ground.access().service_account {
        return Err(Error::red(format!(
            "the driver's pod has spark-role {role:?} and account {account:?}, expected driver and {}",
            ground.access().service_account
        )));
    }
    let headless = |service: &&Service| {
        let spec = service.spec.clone().unwrap_or_default();
        spec.cluster_ip.as_deref() == Some("None") && is_owned_by(*service, &pod)
    };
    let services: Vec<String> =
        services.items.iter().filter(headless).map(ResourceExt::name_any).collect();
    let maps = maps.items.iter().filter(|map| is_owned_by(*map, &pod));
    let maps: Vec<String> = maps.map(ResourceExt::name_any).collect();
    findings.add("headless services of the driver's pod", services.join(", "));
    findings.add("config maps of the driver's pod", maps.join(", "));
    if services.len() == 1 && !maps.is_empty() {
        return Ok(());
    }
    Err(Error::red(format!(
        "the driver's pod owns headless services {services:?} and config maps {maps:?}, expected \
         one service and at least one config map"
    )))
}

async fn completed(
    context: &Context,
    application: Application,
    ground: &PreparedSession<'_>,
    image: &SparkImage,
    spec: &ApplicationSpec,
) -> Result<FinishedApplication> {
    let title = format!("the driver's pod of {} succeeds", spec.name);
    check(context, &spec.check_id("completed"), &title, async |findings: &mut Findings| {
        let cluster = &ground.proof().environment.cluster;
        let ending = application.end(context, cluster, ground.access(), image);
        let finished = Box::pin(ending).await?;
        findings.add("seconds", format!("{:.1}", finished.seconds));
        findings.add("exit code", format!("{:?}", finished.exit_code()));
        if !finished.succeeded() {
            return Err(finished.diagnose().error(format!(
                "the driver's pod of {} failed with exit code {}",
                spec.name,
                finished.exit_code().map_or("unknown".to_owned(), |code| code.to_string())
            )));
        }
        Ok(finished)
    })
    .await
}

/// Checks that the driver's log has these words.
pub async fn said(
    context: &Context,
    finished: &FinishedApplication,
    spec: &ApplicationSpec,
    says: &str,
) -> Result<()> {
    let title = format!("{} says `{says}`", spec.name);
    check(context, &spec.check_id("said"), &title, async |findings: &mut Findings| {
        let line = finished.log.lines().find(|line| line.contains(says));
        let line = line.ok_or_else(|| {
            Error::red(format!("the driver's pod succeeded, but its log has no `{says}`"))
                .remedy("read driver.log in the run directory")
        })?;
        findings.add("said", line);
        Ok(())
    })
    .await
}

/// Whether Kubernetes deletes an executor's pod with the driver's: the driver's pod owns it, or
/// owns the StatefulSet that owns it.
fn goes_with_driver(executor: &Pod, finished: &FinishedApplication) -> bool {
    let driver = &finished.driver;
    let mut sets = finished.stateful_sets.values();
    is_owned_by(executor, driver)
        || sets.any(|set| is_owned_by(set, driver) && is_owned_by(executor, set))
}

/// Checks that the requested number of executors ran at once, under the account, owned by the
/// driver's pod (SPARK-25295), so that they are deleted with it.
async fn executors(
    context: &Context,
    finished: &FinishedApplication,
    ground: &PreparedSession<'_>,
    spec: &ApplicationSpec,
) -> Result<()> {
    let n = spec.executors as usize;
    let title = format!("{n} executors ran at once, owned by the driver's pod");
    check(context, &spec.check_id("executors"), &title, async |findings: &mut Findings| {
        let account = &ground.access().service_account;
        let wrong: Vec<String> = finished
            .executors
            .values()
            .filter(|pod| {
                let owned = goes_with_driver(pod, finished);
                let spec = pod.spec.as_ref();
                let under = spec.and_then(|spec| spec.service_account_name.as_ref());
                !owned || under != Some(account)
            })
            .map(ResourceExt::name_any)
            .collect();
        let names: Vec<&str> = finished.executors.keys().map(String::as_str).collect();
        findings.add("executors", names.join("\n"));
        if !wrong.is_empty() {
            return Err(Error::red(format!(
                "not owned by the driver's pod, or not under account {account}: {}",
                wrong.join(", ")
            )));
        }
        if finished.executors.len() == n && finished.most_running == n {
            return Ok(());
        }
        Err(Error::red(format!(
            "{n} executors expected, {} started and at most {} ran at once",
            finished.executors.len(),
            finished.most_running
        )))
    })
    .await
}

/// Checks that the driver's pod stays with its log, and that executors, StatefulSets and claims are
/// gone.
async fn left(
    context: &Context,
    finished: &FinishedApplication,
    ground: &PreparedSession<'_>,
    spec: &ApplicationSpec,
) -> Result<()> {
    let driver = finished.driver.name_any();
    let title = "after the end executors are gone, the driver's pod stays with its log";
    check(context, &spec.check_id("left"), title, async |findings: &mut Findings| {
        let client = &ground.proof().environment.cluster.client;
        let namespace = &ground.access().namespace;
        let waiting = Waiting::up_to(GONE_WITHIN, "the end of the executors");
        let gone = |held: &Leftovers| held.pods.len() <= 1 && held.claims.is_empty();
        // Spark deletes a StatefulSet before the driver ends: one that still exists stays, with its
        // pods.
        let settled = |held: &Leftovers| gone(held) || !held.stateful_sets.is_empty();
        // Polled: several kinds have no common watch.
        let held = wait(context, waiting, Source::Backoff, async || {
            match leftovers(client, namespace, &LeftoverQuery::default()).await {
                Ok(held) if settled(&held) => Progress::Met(held),
                Ok(held) => Progress::NotYet(held.to_string()),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await?;
        findings.add("held", &held);
        let ended = held.pods.get(&driver).is_some_and(|status| status == "Completed");
        if ended && held.stateful_sets.is_empty() {
            return Ok(());
        }
        let refused = finished.refused().into_iter();
        let refused: String = refused.map(|verb| format!("; missing-verb: {verb}")).collect();
        Err(Error::red(format!(
            "{driver} Completed expected and no executors, found: {held}{refused}"
        )))
    })
    .await
}
