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
use sha2::{Digest, Sha256};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_base::verdict::{FirstFailure, judged, skip};
use sparkproof_judge::{ExpectedFeature, Shown};
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use self::seen::SeenExecutor;
pub use self::table::{FEATURES, Feature};
use self::table::{Requested, SECRET, SECRET_KEY, SECRET_PATH, Value, asked, long_name};
use super::let_go;
use super::min_version::too_old;

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
    let (live, secret) = start_with_secret(proof, wanted).await?;
    let mut first = FirstFailure::default();
    let phase = proof.context.recorder.phase("features");
    let proven = features(proof, &live, secret).await;
    let of = FEATURES.len();
    first.note(phase.end(proven, |n| format!("{n} of {of}, on each of 2 executors")))?;
    let ended = live.stop().await?;
    first.note(let_go(proof, ended).await)?;
    first.or(())
}

/// Starts a session in a namespace with the Secret that features mount; returns the SHA-256 of its
/// value, too.
pub async fn start_with_secret(
    proof: &ScenarioContext,
    wanted: SessionBuilder<'_>,
) -> Result<(LiveSession, String)> {
    let ground = wanted.grant().await?;
    let client = proof.environment.cluster.client.clone();
    let api: Api<Secret> = Api::namespaced(client, &ground.access().namespace);
    let value = format!("{:016x}", rand::random::<u64>());
    proof.context.recorder.secrets().register(&value);
    let sha256 = hex::encode(Sha256::digest(&value));
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
    Ok((ground.start().await?, sha256))
}

/// Checks every feature on every executor's pod; `secret` is the SHA-256 of the Secret's value.
/// Returns the number of features that this Spark version has.
pub async fn features(
    proof: &ScenarioContext,
    live: &LiveSession,
    secret: String,
) -> Result<usize> {
    let looked = looked(live).await;
    let requested = Requested {
        application: live.application().to_owned(),
        heap_mebi: proof.environment.plan.executors.memory.0,
        secret_sha256: secret,
    };
    let mut first = FirstFailure::default();
    let mut proven = 0;
    for feature in &FEATURES {
        let id = format!("feature.{}", feature.id);
        let check = (id.as_str(), feature.title);
        if let Some(reason) = too_old(&proof.environment.image.version, feature.since) {
            skip(&proof.context, check.0, check.1, &reason);
            continue;
        }
        let must = |value: &Value| (value.what.to_owned(), (value.must)(&requested));
        let expected = ExpectedFeature {
            executors: live.executors(),
            values: feature.values.iter().map(must).collect(),
        };
        let shown = async || match &looked {
            Ok(pods) => Ok(shown(feature, pods)),
            Err(error) => Err(Error::environment(error.to_string())),
        };
        let judged = judged(&proof.context, check, expected, shown).await;
        proven += usize::from(first.note(judged)?.is_some());
    }
    first.or(proven)
}

async fn looked(live: &LiveSession) -> Result<Vec<SeenExecutor>> {
    let mut seen = Vec::new();
    for pod in live.executor_pods().into_values() {
        seen.push(SeenExecutor::inspect(live, Arc::unwrap_or_clone(pod), SECRET_PATH).await?);
    }
    Ok(seen)
}

fn shown(feature: &Feature, pods: &[SeenExecutor]) -> Shown {
    let values = |seen: &SeenExecutor| {
        let values = feature.values.iter().map(|value| (value.what.to_owned(), (value.seen)(seen)));
        values.collect()
    };
    Shown(pods.iter().map(|seen| (seen.name(), values(seen))).collect())
}
