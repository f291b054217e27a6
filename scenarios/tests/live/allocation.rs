//! Executors that come and go: by dynamic allocation, and by decommissioning.

use scenarios::frame::{Outcome, expect_each_red, expect_red, proof};
use sparkproof::checks;

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

#[tokio::test]
async fn an_executor_given_back_hands_its_blocks_over() -> Outcome {
    proof("an_executor_given_back_hands_its_blocks_over", async |p| {
        checks::run_scale_down_suite(p).await
    })
    .await
}

#[tokio::test]
async fn an_executor_that_does_not_end_in_time_is_ended() -> Outcome {
    proof("an_executor_that_does_not_end_in_time_is_ended", async |p| {
        checks::run_decommission_timeout_suite(p).await
    })
    .await
}

#[tokio::test]
async fn executors_are_rolled_one_after_the_other() -> Outcome {
    proof("executors_are_rolled_one_after_the_other", async |p| checks::run_roll_suite(p).await)
        .await
}

/// The control of the first two: a session without both keeps its executors, and loses blocks.
#[tokio::test]
async fn a_plain_session_neither_grows_nor_decommissions() -> Outcome {
    proof("a_plain_session_neither_grows_nor_decommissions", async |p| {
        let mut live = p.session().executors(1).start().await?;
        let grown = checks::come(&p.context, &mut live, 2).await;
        expect_red(grown, &["no executor was requested besides 1"])?;
        let others = ["8", "9"].map(str::to_owned).into();
        let gone = checks::go(&p.context, &mut live, &others, 10).await;
        expect_red(gone, &["idle executors stay"])?;
        let given_back = checks::given_back(&p.context, &mut live, 10).await;
        expect_red(given_back, &["no executor is released"])?;
        let kept = checks::decommissioned(&p.context, &mut live).await;
        expect_red(kept, &["ended with exit code 143, not by itself"])?;
        expect_each_red(
            p,
            &[
                ("decommission.said", "is gone, and Spark says"),
                ("decommission.blocks", "4 of 4 cached computed again"),
            ],
        )?;
        live.stop().await.map(drop)
    })
    .await
}

/// The control of released executors: dynamic allocation that does not decommission kills them
/// with their blocks.
#[tokio::test]
#[ignore = "full: 47 s; a session without decommissioning is in ci"]
async fn an_executor_given_back_unasked_loses_its_blocks() -> Outcome {
    proof("an_executor_given_back_unasked_loses_its_blocks", async |p| {
        let mut live = checks::scales_down(p.session()).start().await?;
        let gone = checks::scaled_down(&p.context, &mut live).await;
        expect_red(gone, &["expected: true"])?;
        expect_each_red(
            p,
            &[
                ("decommission-scaling.said", "is gone, and Spark says"),
                ("decommission-scaling.blocks", "computed again"),
            ],
        )?;
        live.stop().await.map(drop)
    })
    .await
}

/// The control of the plugin and of the time limit: a session that decommissions, and has neither.
#[tokio::test]
#[ignore = "full: 117 s; a session without decommissioning is in ci"]
async fn unasked_none_is_rolled_and_none_is_ended_in_time() -> Outcome {
    proof("unasked_none_is_rolled_and_none_is_ended_in_time", async |p| {
        let wanted = checks::decommissions(p.session().executors(2), "1s");
        let mut live = wanted.start().await?;
        // More than the plugin takes from one executor to the next.
        let rolled = checks::due_are_rolled(&p.context, &mut live, 25).await;
        expect_red(rolled, &["are not decommissioned; gone: none"])?;
        let replaced = ("decommission-rolling.replaced", "are not decommissioned; gone: none");
        expect_each_red(p, &[replaced])?;
        let timed_out = checks::timed_out(&p.context, &mut live).await;
        expect_red(timed_out, &["is gone, and Spark says", "expected: killed by driver"])?;
        live.stop().await.map(drop)
    })
    .await
}
