//! A driver in a container beside the nodes or in a pod can do all that a driver on this host does.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use rstest::rstest;
use scenarios::frame::{Outcome, expect_red, little, lives_and_ends, proof, started};
use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::checks;
use sparkproof::error::{Error, ErrorContext, Result};
use sparkproof::read::DataSize;
use sparkproof::testbed::{EndKind, LiveSession};

#[rstest]
#[case::stopped(3, DriverPlace::Container, FrontEnd::Pyspark, EndKind::Stopped)]
#[ignore = "full: stopped is in ci"]
#[case::exited(1, DriverPlace::Container, FrontEnd::Pyspark, EndKind::Exited)]
#[ignore = "full: stopped is in ci"]
#[case::killed(1, DriverPlace::Container, FrontEnd::Pyspark, EndKind::Killed)]
#[ignore = "full: killed is in ci"]
#[case::pod_stopped(3, DriverPlace::Pod, FrontEnd::Pyspark, EndKind::Stopped)]
#[ignore = "full: killed is in ci"]
#[case::pod_exited(1, DriverPlace::Pod, FrontEnd::Pyspark, EndKind::Exited)]
#[case::pod_killed(3, DriverPlace::Pod, FrontEnd::Pyspark, EndKind::Killed)]
#[ignore = "full: hung up is in ci"]
#[case::pod_spark_shell(1, DriverPlace::Pod, FrontEnd::SparkShell, EndKind::Stopped)]
#[case::pod_spark_shell_hung_up(1, DriverPlace::Pod, FrontEnd::SparkShell, EndKind::HungUp)]
#[tokio::test]
async fn a_driver_in_the_cluster(
    #[case] executors: u32,
    #[case] place: DriverPlace,
    #[case] front_end: FrontEnd,
    #[case] ending: EndKind,
) -> Outcome {
    let name = format!("a_driver_in_a_{place:?}_{front_end}_{ending:?}").to_lowercase();
    proof(&name, async |p| {
        let session = p.session().driver(place).front_end(front_end).executors(executors);
        let live = session.start().await?;
        not_on_this_host(&live, p.environment.cluster.host_address)?;
        lives_and_ends(p, live, ending).await
    })
    .await
}

fn not_on_this_host(live: &LiveSession, host: std::net::IpAddr) -> Result<()> {
    match live.driver_address() {
        address if address == host => {
            Err(Error::red(format!("the driver has {address}, this host's")))
        }
        _ => Ok(()),
    }
}

#[tokio::test]
#[ignore = "full: all variants are read from this host in ci"]
async fn a_driver_in_a_pod_reads_files() -> Outcome {
    proof("a_driver_in_a_pod_reads_files", async |p| {
        let builder =
            little(p, &[VariantId::Copy, VariantId::HostPath, VariantId::S3, VariantId::Wasbs]);
        // As much as a run has, because it is copied to the driver by exec.
        let builder = builder.size(DataSize::default());
        let builder = builder.session(|session| session.driver(DriverPlace::Pod));
        let mut session = started(builder).await?;
        session.prove_all().await?;
        session.stop().await.map(drop)
    })
    .await
}

/// A driver in a pod reads its own pod, to make it the owner of its executors.
#[tokio::test]
#[ignore = "full: another missing verb is in ci"]
async fn a_driver_in_a_pod_needs_one_more_verb() -> Outcome {
    proof("a_driver_in_a_pod_needs_one_more_verb", async |p| {
        let session = p.session().driver(DriverPlace::Pod).without("pods", "get");
        expect_red(session.executors(1).start().await, &["missing-verb", "get pods"]).map(drop)
    })
    .await
}

/// An executor's pod without an owner is not deleted.
#[tokio::test]
async fn an_executor_that_the_drivers_pod_does_not_own_is_named() -> Outcome {
    proof("an_executor_that_the_drivers_pod_does_not_own_is_named", async |p| {
        let live = p.session().driver(DriverPlace::Pod).executors(1).start().await?;
        let (client, namespace) = (live.client().clone(), live.access().namespace.clone());
        let api: Api<Pod> = Api::namespaced(client, &namespace);
        let name = live.executor_pods().into_keys().next().unwrap_or_default();
        let no_owner = serde_json::json!({ "metadata": { "ownerReferences": null } });
        let patched = api.patch(&name, &PatchParams::default(), &Patch::Merge(no_owner)).await;
        patched.or_environment("taking the owner from an executor's pod")?;
        let waiting = sparkproof::wait::Waiting::up_to(30, "the watch to show it");
        sparkproof::wait::wait(&p.context, waiting, live.pods().changes(), async || {
            match live.pods().get(&name) {
                Some(pod) if pod.metadata.owner_references.is_none() => {
                    sparkproof::wait::Progress::Met(())
                }
                _ => live.pods().not_yet("owned"),
            }
        })
        .await?;
        expect_red(checks::owned_by_driver(&p.context, &live).await, &[&name, "not owned by"])?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}
