//! The reading part of the suite: a session for the variants that can share it.

use std::collections::BTreeMap;

use super::{FirstRed, all_gone, read, skip};
use crate::access::Identity;
use crate::error::Result;
use crate::plan::Suite;
use crate::proof::{Proof, by_session};
use crate::read::{DataSize, SessionKind, Variant, strategy_of};

/// Small files of the comparison, in the full suite.
const SMALL_FILES: u64 = 1000;

/// Proves every variant of the plan to be as declared. Returns what each executor read, by variant,
/// or the first red.
pub async fn run_reading_suite(proof: &Proof) -> Result<BTreeMap<String, String>> {
    let environment = &proof.environment;
    let mut chosen = Vec::new();
    let nodes = environment.cluster.executor_nodes().len();
    for variant in environment.plan.variants()? {
        let version = &environment.image.version;
        let image_given = environment.plan.spark.image.is_some();
        if let Some(reason) = variant.impossible(version, nodes, image_given)? {
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
    let mut first = FirstRed::default();
    let mut tables = BTreeMap::new();
    for (kind, variants) in by_session(&chosen, nodes) {
        let more = first.note(session(proof, kind, &variants, nodes).await)?;
        tables.extend(more.unwrap_or_default());
    }
    first.or(tables)
}

fn left_out(proof: &Proof, variant: &Variant, reason: &str) {
    skip(&proof.context, &format!("read.{}", variant.id), &variant.title, reason);
}

async fn session(
    proof: &Proof,
    kind: SessionKind,
    variants: &[&'static Variant],
    nodes: usize,
) -> Result<BTreeMap<String, String>> {
    let context = &proof.context;
    let size = data_size(proof.environment.plan.suite);
    let mut builder = proof.reading(variants).size(size);
    match kind {
        SessionKind::Pinned => builder = builder.session(|session| session.on_one_of(nodes)),
        SessionKind::Shared if nodes > 1 => builder = builder.change(|added| added.spread = true),
        _ => {}
    }
    let (mut reading, failed) = builder.start().await?;
    let mut first = FirstRed::from(failed);
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
        all_gone(context, &ended).await
    }
    .await;
    first.note(phase.end(stopped, |gone| (*gone).to_owned()))?;
    first.or(tables)
}

fn data_size(suite: Suite) -> DataSize {
    match suite {
        Suite::Default => DataSize::default(),
        Suite::Full => DataSize::default().full().small_files(SMALL_FILES),
    }
}
