//! The reading part of the suite: one session for all variants that can share it.

use std::collections::{BTreeMap, BTreeSet};

use sparkproof_base::error::Result;
use sparkproof_base::events::Outcome;
use sparkproof_base::verdict::{FirstFailure, skip};
use sparkproof_catalog::plan::Suite;
use sparkproof_catalog::{SessionKind, Variant, VariantId, read_check};
use sparkproof_kubernetes::access::Identity;
use sparkproof_strategies::{DataSize, strategy_of};
use sparkproof_testbed::ScenarioContext;

use super::{let_go, read};
use crate::flow::{ReadingBuilder, by_session};

/// Proves that every variant of the plan is as declared. Returns the tables of what each executor
/// read, by variant, or the first red.
pub async fn run_reading_suite(proof: &ScenarioContext) -> Result<BTreeMap<String, String>> {
    let environment = &proof.environment;
    let mut chosen = Vec::new();
    let nodes = environment.cluster.executor_nodes().len();
    for variant in environment.plan.variants() {
        let version = &environment.image.version;
        if let Some(reason) = variant.impossible(version, nodes, &environment.plan.given())? {
            left_out(proof, variant, &reason);
            continue;
        }
        let strategy = strategy_of(variant)?;
        let mut rules = strategy.needs();
        if environment.terms.identity != Identity::Account {
            rules.extend(strategy.verbs());
        }
        let absent = match environment.terms.lack(&rules) {
            Some(reason) => Some(reason),
            None => strategy.unavailable(&proof.context, environment).await?,
        };
        let absent = absent.or_else(|| environment.stores.lack(&variant.stores));
        match absent {
            None => chosen.push(variant),
            Some(reason) => left_out(proof, variant, &reason),
        }
    }
    let mut first = FirstFailure::default();
    let mut tables = BTreeMap::new();
    for (kind, variants) in by_session(&chosen, nodes) {
        let more = first.note(session(proof, kind, &variants, nodes).await)?;
        tables.extend(more.unwrap_or_default());
    }
    for variant in untried(&environment.plan.by_name, &proof.context.recorder.verdicts()) {
        left_out(proof, variant, "it was not tried");
    }
    first.or(tables)
}

fn left_out(proof: &ScenarioContext, variant: &Variant, reason: &str) {
    skip(&proof.context, &format!("read.{}", variant.id), &variant.title, reason);
}

/// Variants that were requested by their id and have no verdict, which are recorded as skipped.
fn untried(by_name: &BTreeSet<VariantId>, verdicts: &[(String, Outcome)]) -> Vec<&'static Variant> {
    let recorded = |id: &VariantId| {
        verdicts.iter().any(|(check, outcome)| {
            let skipped = matches!(outcome, Outcome::Skipped { .. });
            read_check(check).is_some_and(|of| {
                of.variant.parse() == Ok(*id) && (of.subject.is_none() || !skipped)
            })
        })
    };
    by_name.iter().filter(|id| !recorded(id)).map(|id| Variant::get(*id)).collect()
}

async fn session(
    proof: &ScenarioContext,
    kind: SessionKind,
    variants: &[&'static Variant],
    nodes: usize,
) -> Result<BTreeMap<String, String>> {
    let context = &proof.context;
    let size = data_size(proof.environment.plan.suite);
    let mut builder = ReadingBuilder::new(proof, variants).size(size);
    match kind {
        SessionKind::Pinned => builder = builder.session(|session| session.on_one_of(nodes)),
        SessionKind::Shared if nodes > 1 => builder = builder.change(|added| added.spread = true),
        _ => {}
    }
    let (mut reading, failed) = builder.start().await?;
    let mut first = FirstFailure::from(failed);
    let phase = context.recorder.phase("read");
    let proven = reading.prove_all().await;
    let tally = reading.tally();
    let tables = std::mem::take(&mut reading.tables);
    first.note(phase.end(proven, |()| tally))?;
    if nodes > 1 && kind == SessionKind::Shared {
        first.note(read::spread(context, &reading.live, nodes).await)?;
    }
    let phase = context.recorder.phase("stop");
    let stopped = async {
        let ended = reading.stop().await?;
        let_go(proof, ended).await
    }
    .await;
    first.note(phase.end(stopped, |gone| (*gone).to_owned()))?;
    first.or(tables)
}

fn data_size(suite: Suite) -> DataSize {
    match suite {
        Suite::Default => DataSize::default(),
        Suite::Full => DataSize::of_full_suite(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use VariantId::{Copy, HostPath, Nfs, S3};

    #[test]
    fn what_was_asked_for_by_name_and_never_tried_is_not_proven() {
        let by_name = [Copy, HostPath, Nfs, S3].into();
        let skipped = || Outcome::Skipped { reason: "x".into() };
        let verdicts = [
            ("session.started", Outcome::Green),
            ("read.0-copy.frame", Outcome::Green),
            ("read.3-nfs", skipped()),
            ("read.4-s3.metrics", skipped()),
            ("read.4-abfs.frame", Outcome::Green),
        ]
        .map(|(id, outcome)| (id.to_owned(), outcome));
        let ids: Vec<_> = untried(&by_name, &verdicts).iter().map(|v| v.id).collect();
        assert_eq!(ids, [HostPath, S3]);
    }
}
