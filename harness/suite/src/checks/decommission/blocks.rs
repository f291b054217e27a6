//! Blocks of executors, which must survive the end of an executor.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check};
use sparkproof_spark::session::BlocksResult;
use sparkproof_testbed::LiveSession;

/// Blocks of each kind for each executor: the first two tasks of a job run on different executors.
pub(super) const BLOCKS_EACH: u32 = 4;

/// Checks that each executor has blocks of both kinds; returns the first executor with its number
/// of blocks. The checks of a topic are `<topic>.spread` and `<topic>.blocks`.
pub(super) async fn spread(
    context: &Context,
    live: &mut LiveSession,
    topic: &str,
    tasks: u32,
) -> Result<(u32, usize)> {
    let title = "each executor holds outputs of a shuffle and partitions in memory";
    check(context, &format!("{topic}.spread"), title, async |findings: &mut Findings| {
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

/// Checks that the same jobs find all blocks.
pub(super) async fn nothing_computed_again(
    context: &Context,
    live: &mut LiveSession,
    topic: &str,
    tasks: u32,
) -> Result<()> {
    let title = "its shuffle and cached blocks are on other executors: none is computed again";
    check(context, &format!("{topic}.blocks"), title, async |findings: &mut Findings| {
        let again = live.session().blocks(tasks, true).await?;
        let sum = BlocksResult::expected_sum(tasks);
        let mut wrong = Vec::new();
        for (name, kind) in again.kinds() {
            let words = format!("{} of {tasks} {name} computed again", kind.computed_by.len());
            findings.add(name, format!("{words}, sum {}", kind.sum));
            if kind.sum != sum {
                wrong.push(format!("{name}: sum {}, {sum} expected", kind.sum));
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
