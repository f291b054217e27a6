//! Features of executor pods according to Spark's documentation, each checked on every pod of one
//! session: those that Spark's integration suite covers, and pod names.

mod seen;
mod table;

use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_base::verdict::{Findings, FirstFailure, check, skip};
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use self::seen::SeenExecutor;
pub use self::table::{FEATURES, Feature};
use self::table::{SECRET, SECRET_KEY, asked, long_name};
use super::min_version::too_old;
use super::{namespace_gone, nothing_left};

/// Starts a session that requests every feature, checks each, and stops it. Skipped in a user's
/// namespace, because it creates a Secret.
pub async fn run_feature_suite(proof: &ScenarioContext) -> Result<()> {
    if proof.environment.terms.namespace.is_some() {
        let reason = "it creates a Secret, which sparkproof does not do in your namespace";
        skip(&proof.context, "feature", "features of executors' pods", reason);
        return Ok(());
    }
    let (name, settings) = (long_name(), asked());
    let wanted = settings
        .iter()
        .fold(proof.session().executors(2).app_name(&name), |wanted, (key, value)| {
            wanted.conf(key, value)
        });
    let live = start_with_secret(proof, wanted).await?;
    let mut first = FirstFailure::default();
    let phase = proof.context.recorder.phase("features");
    let proven = features(proof, &live).await;
    first.note(phase.end(proven, |n| format!("{n} of {n}, on each of 2 executors")))?;
    let ended = live.stop().await?;
    first.note(nothing_left(&proof.context, &ended).await)?;
    first.note(namespace_gone(&proof.context, &ended).await)?;
    first.or(())
}

/// Starts a session in a namespace with the Secret that features mount.
pub async fn start_with_secret(
    proof: &ScenarioContext,
    wanted: SessionBuilder<'_>,
) -> Result<LiveSession> {
    let ground = wanted.grant().await?;
    let client = proof.environment.cluster.client.clone();
    let api: Api<Secret> = Api::namespaced(client, &ground.access().namespace);
    let value = format!("{:016x}", rand::random::<u64>());
    proof.context.recorder.secrets().register(&value);
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.to_owned()),
            labels: Some(labels::kube(proof.context.run.id(), labels::Lifetime::Run)),
            ..Default::default()
        },
        data: Some([(SECRET_KEY.to_owned(), ByteString(value.into_bytes()))].into()),
        ..Default::default()
    };
    // Deleted with the namespace.
    let parameters = PostParams::default();
    let made = api.create(&parameters, &secret);
    let made = async { made.await.or_environment("creating a Secret") };
    proof.context.cancel.guard(made).await?;
    ground.start().await
}

/// Checks every feature on every executor's pod; returns the number of features.
pub async fn features(proof: &ScenarioContext, live: &LiveSession) -> Result<usize> {
    let mut pods = Vec::new();
    for pod in live.executor_pods().into_values() {
        pods.push(SeenExecutor::inspect(live, Arc::unwrap_or_clone(pod)).await?);
    }
    let mut first = FirstFailure::default();
    let spark = &proof.environment.image.version;
    for feature in &FEATURES {
        if let Some(reason) = too_old(spark, feature.since) {
            let id = format!("feature.{}", feature.id);
            skip(&proof.context, &id, feature.title, &reason);
            continue;
        }
        first.note(holds(proof, feature, &pods).await)?;
    }
    first.or(FEATURES.len())
}

async fn holds(proof: &ScenarioContext, feature: &Feature, pods: &[SeenExecutor]) -> Result<()> {
    let id = format!("feature.{}", feature.id);
    check(&proof.context, &id, feature.title, async |findings: &mut Findings| {
        for seen in pods {
            let name = seen.name();
            match (feature.holds)(seen) {
                Ok(saw) => findings.add(&name, saw),
                Err(saw) => return Err(Error::red(format!("{name}: {saw}"))),
            }
        }
        Ok(())
    })
    .await
}
