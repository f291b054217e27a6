//! Applications by spark-submit in cluster mode: the driver is a pod.

use sparkproof::checks;
use sparkproof::error::Result;
use sparkproof::proof::{Proof, SessionBuilder};
use sparkproof::session::ApplicationSpec;

use crate::frame::{Outcome, expect_red, proof};

#[tokio::test]
async fn applications_end_well_and_leave_their_drivers_to_be_read() -> Outcome {
    proof("applications_end_well_and_leave_their_drivers_to_be_read", async |p| {
        checks::run_application_suite(p).await
    })
    .await
}

/// One with one executor.
async fn pi(
    p: &Proof,
    wanted: SessionBuilder<'_>,
    change: impl FnOnce(&mut ApplicationSpec),
    says: &str,
) -> Result<()> {
    let mut spec = p.pi(1);
    change(&mut spec);
    checks::application(wanted, &p.example_image().await?, &spec, says).await
}

#[tokio::test]
async fn an_application_that_fails_is_named() -> Outcome {
    proof("an_application_that_fails_is_named", async |p| {
        let no_class = |spec: &mut ApplicationSpec| spec.class = Some("org.example.None".into());
        let failed = pi(p, p.session(), no_class, "Pi is roughly 3.1").await;
        expect_red(failed, &["exit code 101", "org.example.None"]).map(drop)
    })
    .await
}

/// It ends well, and does not say what it should.
#[tokio::test]
async fn an_application_that_says_something_else_is_red() -> Outcome {
    proof("an_application_that_says_something_else_is_red", async |p| {
        let done = pi(p, p.session(), |_| {}, "Pi is roughly 4").await;
        expect_red(done, &["its log has no `Pi is roughly 4`"]).map(drop)
    })
    .await
}

#[tokio::test]
async fn a_submission_without_a_right_is_named() -> Outcome {
    proof("a_submission_without_a_right_is_named", async |p| {
        let wanted = p.session().without("services", "create");
        let failed = pi(p, wanted, |_| {}, "Pi is roughly 3.1").await;
        expect_red(failed, &["missing-verb", "services"]).map(drop)
    })
    .await
}
