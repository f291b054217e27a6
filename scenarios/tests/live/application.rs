//! Applications by spark-submit in cluster mode: the driver is a pod.

use rstest::rstest;
use scenarios::frame::{Outcome, expect_each_red, expect_red, proof};
use sparkproof::checks;
use sparkproof::checks::{ON_JVM, ON_PYTHON, ON_STATEFUL_SET};
use sparkproof::error::Result;
use sparkproof::session::ApplicationSpec;
use sparkproof::testbed::{ScenarioContext, SessionBuilder};

#[tokio::test]
async fn applications_end_well_and_leave_their_drivers_to_be_read() -> Outcome {
    proof("applications_end_well_and_leave_their_drivers_to_be_read", async |p| {
        checks::run_application_suite(p).await
    })
    .await
}

#[tokio::test]
async fn a_stateful_set_makes_executors_and_goes_before_the_driver_ends() -> Outcome {
    proof("a_stateful_set_makes_executors_and_goes_before_the_driver_ends", async |p| {
        checks::run_stateful_set_suite(p.session()).await
    })
    .await
}

/// Without the first there are no executors; without the second they are created again for ever; without
/// the third the job works, but an executor's pod cannot be found by its id.
#[rstest]
#[ignore = "full: the verb on pods is in ci"]
#[case("statefulsets.apps", "create", &["missing-verb", "create statefulsets"])]
#[ignore = "full: 85 s; the verb on pods is in ci"]
#[case("statefulsets.apps", "delete", &["statefulset spark-s-", "may not delete statefulsets"])]
#[case("pods", "patch", &["spark-exec-id is EXECID, EXECID"])]
#[tokio::test]
async fn a_stateful_set_without_a_verb(
    #[case] resource: &'static str,
    #[case] verb: &'static str,
    #[case] reasons: &[&str],
) -> Outcome {
    proof(&format!("a_stateful_set_without_{verb}_{resource}"), async |p| {
        let ran = checks::run_stateful_set_suite(p.session().without(resource, verb)).await;
        expect_red(ran, reasons)?;
        match resource {
            "pods" => {
                expect_each_red(p, &[("application.pi-stateful-set.rights", "may not patch pods")])
            }
            _ => Ok(()),
        }
    })
    .await
}

/// An application with one executor.
async fn pi(
    p: &ScenarioContext,
    wanted: SessionBuilder<'_>,
    change: impl FnOnce(&mut ApplicationSpec),
    says: &str,
) -> Result<()> {
    let mut spec = p.pi(1);
    change(&mut spec);
    checks::application(wanted, &p.example_image().await?, &spec, says).await.map(drop)
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

/// A plain application succeeds, but its log lacks the expected output, and it has no feature that was
/// not requested.
#[tokio::test]
async fn what_an_application_does_not_do_is_red() -> Outcome {
    proof("what_an_application_does_not_do_is_red", async |p| {
        let (context, image, plain) = (&p.context, p.example_image().await?, p.pi(1));
        let ran = checks::application(p.session(), &image, &plain, "Pi is roughly 3.1").await?;
        let said = checks::said(context, &ran, &plain, "Pi is roughly 4").await;
        expect_red(said, &["its log has no `Pi is roughly 4`"])?;
        let account =
            ran.driver.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref());
        let (account, wanted) = (account.unwrap_or_default(), p.pi(2));
        let two = checks::application_executors(context, &ran, account, &wanted);
        expect_red(two.await, &["2 executors expected, 1 started and at most 1 ran at once"])?;
        // The image's entry point always passes the driver's address; executors' ids and refusals of a
        // driver's requests have their own controls.
        let anyway = |id| ["driver-address", "executor-ids", "rights"].contains(&id);
        let unasked = ON_JVM.into_iter().chain(ON_PYTHON).chain(ON_STATEFUL_SET);
        let unasked: Vec<_> = unasked.filter(|feature| !anyway(feature.id)).collect();
        let spark = &image.version;
        let seen = checks::application_features(context, spark, &unasked, &plain, &ran).await;
        expect_red(seen, &[])?;
        expect_each_red(
            p,
            &[
                ("application.pi-jvm.logging", "the driver's log has no `# logged as asked`"),
                ("application.pi-jvm.priority", "seen: 0 and 0"),
                ("application.pi-jvm.memory", " MiB expected, request "),
                ("application.pi-jvm.interpreter", "the driver's log has no `this is "),
                ("application.pi-jvm.stateful-set", "seen of executors: none"),
                ("application.pi-jvm.claims", " has no claim spark-local-dir-1-"),
            ],
        )
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

#[tokio::test]
async fn dependencies_come_whole_to_driver_and_executors() -> Outcome {
    proof("dependencies_come_whole_to_driver_and_executors", async |p| {
        checks::run_dependency_suite(p, |_| {}).await
    })
    .await
}

/// The same program, uploaded as before, without dependencies.
#[tokio::test]
#[ignore = "full: 85 s; that they come is in ci"]
async fn dependencies_that_were_not_given_are_missed() -> Outcome {
    proof("dependencies_that_were_not_given_are_missed", async |p| {
        let without = |spec: &mut ApplicationSpec| {
            spec.conf.retain_keys(|key| !checks::DEPENDENCY_KEYS.contains(&key));
        };
        let seen = checks::run_dependency_suite(p, without).await;
        let missed = ["1: no uploaded.bin", "driver: no remote.bin", "no class sparkproof.Pi"];
        expect_red(seen, &missed).map(drop)
    })
    .await
}
