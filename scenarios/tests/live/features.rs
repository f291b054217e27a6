//! What Spark promises of executors' pods: seen where it was asked for, and not seen where it was not.

use sparkproof::checks::features::{FEATURES, features, start_with_secret};
use sparkproof::checks::run_feature_suite;
use sparkproof::error::Error;
use sparkproof::events::Outcome;

use crate::frame::{self, expect_red, proof};

#[tokio::test]
async fn every_feature_is_seen_on_every_pod() -> frame::Outcome {
    proof("every_feature_is_seen_on_every_pod", async |p| run_feature_suite(p).await).await
}

/// The control: a session that asks for none of them shows none.
#[tokio::test]
async fn what_was_not_asked_for_is_not_seen() -> frame::Outcome {
    proof("what_was_not_asked_for_is_not_seen", async |p| {
        let live = start_with_secret(p, p.session().executors(1)).await?;
        expect_red(features(p, &live).await, &["expected"])?;
        let verdicts = p.context.recorder.verdicts();
        for feature in &FEATURES {
            let id = format!("feature.{}", feature.id);
            let red = |outcome: &Outcome| matches!(outcome, Outcome::Red { .. });
            if !verdicts.iter().any(|(of, outcome)| *of == id && red(outcome)) {
                return Err(Error::red(format!("{id} is not red, and was not asked for")));
            }
        }
        live.stop().await.map(drop)
    })
    .await
}
