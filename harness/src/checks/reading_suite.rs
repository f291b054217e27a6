//! The reading part of the suite: a session for the variants that can share it.

use std::collections::BTreeMap;

use super::{namespace_gone, nothing_left, read, skip};
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
    for variant in environment.plan.variants()? {
        match strategy_of(variant).unavailable(&proof.context, environment).await? {
            None => chosen.push(variant),
            Some(reason) => {
                let id = format!("read.{}", variant.id);
                skip(&proof.context, &id, &variant.title, &reason);
            }
        }
    }
    let nodes = environment.cluster.executor_nodes().len();
    let mut first = None;
    let mut tables = BTreeMap::new();
    for (kind, variants) in by_session(&chosen, nodes) {
        match session(proof, kind, &variants, nodes).await {
            Ok(more) => tables.extend(more),
            Err(error) if error.is_interruption() => return Err(error),
            Err(error) => first = first.or(Some(error)),
        }
    }
    first.map_or(Ok(tables), Err)
}

async fn session(
    proof: &Proof,
    kind: SessionKind,
    variants: &[&'static Variant],
    nodes: usize,
) -> Result<BTreeMap<String, String>> {
    let context = &proof.context;
    let size = data_size(proof.environment.plan.suite);
    let (mut reading, mut first) = proof.reading(variants).size(size).start().await?;
    let mut note = |result: Result<()>| match result {
        Err(error) if error.is_interruption() => Err(error),
        Err(error) => {
            first = first.take().or(Some(error));
            Ok(())
        }
        Ok(()) => Ok(()),
    };
    let phase = context.recorder.phase("read");
    let proven = reading.prove_all().await;
    let tally = reading.tally();
    let tables = std::mem::take(&mut reading.tables);
    note(phase.end(proven, |()| tally))?;
    if nodes > 1 && kind == SessionKind::Shared {
        note(read::spread(context, &reading.live, nodes).await)?;
    }
    let phase = context.recorder.phase("stop");
    let stopped = async {
        let ended = reading.stop().await?;
        nothing_left(context, &ended).await?;
        namespace_gone(context, &ended).await
    }
    .await;
    note(phase.end(stopped, |()| "nothing left, namespace deleted".to_owned()))?;
    first.map_or(Ok(tables), Err)
}

fn data_size(suite: Suite) -> DataSize {
    match suite {
        Suite::Default => DataSize::default(),
        Suite::Full => DataSize::default().full().small_files(SMALL_FILES),
    }
}
