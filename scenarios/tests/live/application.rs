//! Applications by spark-submit in cluster mode: the driver is a pod.

use sparkproof::checks;

use crate::frame::{Outcome, expect_red, proof};

#[tokio::test]
async fn an_application_ends_well_and_leaves_its_driver_to_be_read() -> Outcome {
    proof("an_application_ends_well_and_leaves_its_driver_to_be_read", async |p| {
        checks::application(p.session(), None, &p.pi(2)?, "Pi is roughly 3.1").await
    })
    .await
}

#[tokio::test]
async fn an_application_that_fails_is_named() -> Outcome {
    proof("an_application_that_fails_is_named", async |p| {
        let mut spec = p.pi(1)?;
        spec.class = Some("org.example.NoSuchClass".to_owned());
        let failed = checks::application(p.session(), None, &spec, "Pi is roughly 3.1").await;
        expect_red(failed, &["exit code 101", "NoSuchClass"]).map(drop)
    })
    .await
}

/// It ends well, and does not say what it should.
#[tokio::test]
async fn an_application_that_says_something_else_is_red() -> Outcome {
    proof("an_application_that_says_something_else_is_red", async |p| {
        let done = checks::application(p.session(), None, &p.pi(1)?, "Pi is roughly 4").await;
        expect_red(done, &["its log has no `Pi is roughly 4`"]).map(drop)
    })
    .await
}

#[tokio::test]
async fn a_submission_without_a_right_is_named() -> Outcome {
    proof("a_submission_without_a_right_is_named", async |p| {
        let wanted = p.session().without("services", "create");
        let failed = checks::application(wanted, None, &p.pi(1)?, "Pi is roughly 3.1").await;
        expect_red(failed, &["missing-verb", "services"]).map(drop)
    })
    .await
}
