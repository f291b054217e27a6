//! Features of executor pods: present if requested, absent if not.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use scenarios::frame::{Outcome, expect_all_red, expect_red, proof};
use sparkproof::checks;
use sparkproof::checks::features::{FEATURES, features, start_with_secret};
use sparkproof::checks::{ON_JVM, run_feature_suite};
use sparkproof::session::FinishedApplication;
use sparkproof::testbed::{LiveSession, ScenarioContext};

#[tokio::test]
async fn every_feature_is_seen_on_every_pod() -> Outcome {
    proof("every_feature_is_seen_on_every_pod", async |p| run_feature_suite(p).await).await
}

/// The control: a session that requests none of them has none.
#[tokio::test]
async fn what_was_not_asked_for_is_not_seen() -> Outcome {
    proof("what_was_not_asked_for_is_not_seen", async |p| {
        let (live, secret) = start_with_secret(p, p.session().executors(1)).await?;
        let words = "label sparkproof-label: `labelled` expected, nothing seen";
        expect_red(features(p, &live, secret).await, &[words])?;
        expect_all_red(p, FEATURES.iter().map(|feature| format!("feature.{}", feature.id)))?;
        no_driver_pod(p, &live).await?;
        live.stop().await.map(drop)
    })
    .await
}

/// Executors whose driver is not in a pod do not get a pod's address.
async fn no_driver_pod(p: &ScenarioContext, live: &LiveSession) -> sparkproof::Result<()> {
    let status = PodStatus { pod_ip: Some("10.0.0.1".to_owned()), ..PodStatus::default() };
    let session = FinishedApplication {
        driver: Pod { status: Some(status), ..Pod::default() },
        executors: live
            .executor_pods()
            .into_iter()
            .map(|(name, pod)| (name, std::sync::Arc::unwrap_or_clone(pod)))
            .collect(),
        stateful_sets: BTreeMap::new(),
        most_running: 1,
        log: String::new(),
        pod_logs: BTreeMap::new(),
        seconds: 0.0,
        diagnosis: None,
    };
    let features: Vec<_> = ON_JVM.into_iter().filter(|f| f.id == "driver-address").collect();
    let spark = &p.environment.image.version;
    let seen = checks::application_features(&p.context, spark, &features, &p.pi(1), &session).await;
    expect_red(seen, &["SPARK_DRIVER_POD_IP is none"]).map(drop)
}
