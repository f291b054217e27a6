//! Executors that come and go: by dynamic allocation, and by decommissioning.

use sparkproof::checks;

use crate::frame::{Outcome, expect_all_red, expect_red, proof};

#[tokio::test]
async fn executors_come_with_work_and_go_without_it() -> Outcome {
    proof("executors_come_with_work_and_go_without_it", async |p| {
        checks::run_dynamic_allocation_suite(p).await
    })
    .await
}

#[tokio::test]
async fn a_decommissioned_executor_hands_its_blocks_over() -> Outcome {
    proof("a_decommissioned_executor_hands_its_blocks_over", async |p| {
        checks::run_decommission_suite(p).await
    })
    .await
}

/// The control of both: a session that asks for neither stays as it is, and loses blocks.
#[tokio::test]
async fn a_plain_session_neither_grows_nor_decommissions() -> Outcome {
    proof("a_plain_session_neither_grows_nor_decommissions", async |p| {
        let mut live = p.session().executors(1).start().await?;
        let grown = checks::come(&p.context, &mut live, 2).await;
        expect_red(grown, &["no executor was asked for beside 1"])?;
        live.session().unload().await?;
        let others = ["8", "9"].map(str::to_owned).into();
        let gone = checks::go(&p.context, &mut live, &others, 10).await;
        expect_red(gone, &["idle executors stay"])?;
        let kept = checks::decommissioned(&p.context, &mut live).await;
        expect_red(kept, &["is gone, and Spark says"])?;
        let ids = ["decommission.said", "decommission.blocks"];
        expect_all_red(p, ids.map(str::to_owned))?;
        live.stop().await.map(drop)
    })
    .await
}
