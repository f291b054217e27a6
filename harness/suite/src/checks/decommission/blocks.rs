//! Blocks of executors, which must survive the end of an executor.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::judged;
use sparkproof_judge::{BlockJobs, BlocksAgain, SpreadBlocks};
use sparkproof_testbed::LiveSession;

/// Blocks of each kind for each executor: the first two tasks of a job run on different executors.
pub(super) const BLOCKS_EACH: u32 = 4;

/// Checks that each executor has blocks of both kinds; returns the first executor with its number
/// of blocks. The checks of a topic are `<topic>.spread` and `<topic>.blocks`.
pub async fn spread(
    context: &Context,
    live: &mut LiveSession,
    topic: &str,
    tasks: u32,
) -> Result<(u32, usize)> {
    let title = "each executor holds outputs of a shuffle and partitions in memory";
    let (id, jobs) = (format!("{topic}.spread"), BlockJobs { tasks, cached: true });
    let spread = judged(context, (&id, title), jobs, async || {
        let made = live.session().blocks(tasks, true).await?;
        Ok(SpreadBlocks { executors: live.session().pods().into_keys().collect(), made })
    });
    spread.await?.first().ok_or_else(|| Error::internal("blocks on no executor are green"))
}

/// Checks that the same jobs find all blocks.
pub(super) async fn nothing_computed_again(
    context: &Context,
    live: &mut LiveSession,
    topic: &str,
    tasks: u32,
) -> Result<()> {
    let title = "its shuffle and cached blocks are on other executors: none is computed again";
    let (id, jobs) = (format!("{topic}.blocks"), BlockJobs { tasks, cached: true });
    let again = async || live.session().blocks(tasks, true).await.map(BlocksAgain);
    judged(context, (&id, title), jobs, again).await.map(drop)
}
