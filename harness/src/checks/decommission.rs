//! Decommissioning: an executor whose pod is deleted hands its blocks over before it ends.

use kube::ResourceExt;
use kube::api::DeleteParams;

use super::check::{Findings, check, skip};
use super::executors::delete;
use super::{FirstRed, namespace_gone, nothing_left, replaced};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::observe::{Progress, Source, Waiting, wait};
use crate::proof::{Live, Proof, SessionBuilder};
use crate::session::BlocksResult;

/// Blocks of a kind for each executor: the first two tasks of a job go to different ones.
const BLOCKS_EACH: u32 = 4;
/// Kubernetes gives the pod 30 s, and Spark looks at the pods that are gone every second.
const REMOVED_WITHIN: u64 = 60;

/// Starts a session that decommissions, deletes an executor's pod, and proves that its blocks were
/// not lost. Skipped in a namespace of the user's, where no pod is deleted by hand.
pub async fn run_decommission_suite(proof: &Proof) -> Result<()> {
    let context = &proof.context;
    let since = if proof.environment.image.version.starts_with("3.0.") {
        Some("Spark has it since 3.1")
    } else if proof.environment.terms.namespace.is_some() {
        Some("an executor's pod is deleted for it, which is not done in a namespace of yours")
    } else {
        None
    };
    if let Some(reason) = since {
        skip(context, "decommission", "an executor hands its blocks over", reason);
        return Ok(());
    }
    let mut live = asked(proof.session().executors(2)).start().await?;
    let mut first = FirstRed::default();
    let phase = context.recorder.phase("decommission");
    let proven = decommissioned(context, &mut live).await;
    first.note(phase.end(proven, |blocks| format!("{blocks} blocks, none computed again")))?;
    let ended = live.stop().await?;
    first.note(nothing_left(context, &ended).await)?;
    first.note(namespace_gone(context, &ended).await)?;
    first.or(())
}

fn asked(session: SessionBuilder<'_>) -> SessionBuilder<'_> {
    let migrated = "spark.storage.decommission";
    session
        .conf("spark.decommission.enabled", "true")
        .conf(&format!("{migrated}.enabled"), "true")
        .conf(&format!("{migrated}.rddBlocks.enabled"), "true")
        .conf(&format!("{migrated}.shuffleBlocks.enabled"), "true")
        // Between two looks at what is left, after which it ends: 30 s are all that a pod has. Spark's
        // own suite sets it, too.
        .conf(&format!("{migrated}.replicationReattemptInterval"), "1s")
}

/// Has jobs leave blocks on each executor, deletes one's pod with the grace that it has, and proves
/// that Spark decommissioned it, replaced it and computes nothing again. Returns how many blocks it
/// had.
pub async fn decommissioned(context: &Context, live: &mut Live) -> Result<usize> {
    let tasks = live.executors() * BLOCKS_EACH;
    let (id, blocks) = spread(context, live, tasks).await?;
    let pod = live.session().pods().remove(&id).map(|pod| pod.name_any());
    let pod = pod.ok_or_else(|| Error::red(format!("executor {id} has no pod")))?;
    let mut first = FirstRed::default();
    delete(context, live, &pod, &DeleteParams::default()).await?;
    first.note(replaced(context, live, &pod).await)?;
    first.note(said(context, live, id).await)?;
    first.note(nothing_computed_again(context, live, tasks).await)?;
    first.or(blocks)
}

/// Each executor has blocks of both kinds: the first one, and how many it has.
async fn spread(context: &Context, live: &mut Live, tasks: u32) -> Result<(u32, usize)> {
    let title = "each executor holds outputs of a shuffle and partitions in memory";
    check(context, "decommission.spread", title, async |findings: &mut Findings| {
        let made = live.session().blocks(tasks, true).await?;
        let ids: Vec<u32> = live.session().pods().into_keys().collect();
        let mut blocks = 0;
        for (name, kind) in made.kinds() {
            let by = kind.by_executor();
            findings.add(name, format!("{by:?}"));
            let count = |id: &u32| by.get(id.to_string().as_str()).copied().unwrap_or(0);
            if let Some(id) = ids.iter().find(|id| count(id) == 0) {
                return Err(Error::red(format!("executor {id} has no {name} block: {by:?}")));
            }
            blocks += ids.first().map_or(0, count);
        }
        let first = ids.first().copied();
        first.map(|id| (id, blocks)).ok_or_else(|| Error::red("there is no executor"))
    })
    .await
}

/// Spark's own word of the executor that is gone.
async fn said(context: &Context, live: &mut Live, id: u32) -> Result<()> {
    let title = "Spark says of the executor whose pod was deleted that it was decommissioned";
    check(context, "decommission.said", title, async |findings: &mut Findings| {
        let waiting = Waiting::up_to(REMOVED_WITHIN, format!("Spark to remove executor {id}"));
        let removed = wait(context, waiting, Source::Backoff, async || {
            match live.session().removed().await {
                Ok(mut removed) => match removed.remove(&id) {
                    Some(why) => Progress::Met(why),
                    None => Progress::NotYet(format!("removed: {removed:?}")),
                },
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await?;
        findings.add("reason", &removed);
        match removed.to_lowercase().contains("decommission") {
            true => Ok(()),
            false => Err(Error::red(format!("executor {id} is gone, and Spark says: {removed}"))
                .remedy("is spark.decommission.enabled in force, and decom.sh in the image?")),
        }
    })
    .await
}

/// The same jobs find all blocks.
async fn nothing_computed_again(context: &Context, live: &mut Live, tasks: u32) -> Result<()> {
    let title = "its shuffle and cached blocks are on other executors: none is computed again";
    check(context, "decommission.blocks", title, async |findings: &mut Findings| {
        let again = live.session().blocks(tasks, true).await?;
        let sum = BlocksResult::expected_sum(tasks);
        let mut wrong = Vec::new();
        for (name, kind) in again.kinds() {
            let words = format!("{} of {tasks} {name} computed again", kind.computed_by.len());
            findings.add(name, format!("{words}, sum {}", kind.sum));
            if kind.sum != sum {
                wrong.push(format!("sum {} of what was {name}, {sum} expected", kind.sum));
            }
            if !kind.computed_by.is_empty() {
                wrong.push(words);
            }
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(Error::red(wrong.join("; "))),
        }
    })
    .await
}
