//! What remains when the driver ends without `stop()`.

use scenarios::frame::{Outcome, proof};
use sparkproof::checks;

/// The JVM's shutdown hook deletes what `stop()` would have deleted.
#[tokio::test]
#[ignore = "full: a spark-shell's exit is in ci"]
async fn an_exit_without_stop_leaves_nothing() -> Outcome {
    proof("an_exit_without_stop_leaves_nothing", async |p| {
        let live = p.session().executors(2).start().await?;
        let ended = live.exit_without_stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}

/// Nothing owns the executors of a driver outside the cluster, so they remain for ever.
#[tokio::test]
async fn a_killed_driver_leaves_its_executors_behind() -> Outcome {
    proof("a_killed_driver_leaves_its_executors_behind", async |p| {
        let live = p.session().executors(2).start().await?;
        let ended = live.kill().await?;
        checks::executors_stay_after_kill(&p.context, &ended).await
    })
    .await
}
