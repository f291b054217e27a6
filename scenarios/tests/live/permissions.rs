//! One verb removed at a time, and the exact consequence.

use rstest::rstest;
use scenarios::frame::{Outcome, expect_red, proof_with};
use sparkproof::checks;
use sparkproof::testbed::can_i;
use sparkproof::verdict::Cause;

/// What a session does without a verb.
#[derive(Debug, Clone, Copy)]
enum Without {
    /// It does not start, and the cause is named.
    NoStart,
    /// It works and ends, but this kind of object remains.
    Leaks(&'static str),
    /// It works, ends and leaves nothing; only the driver's log complains.
    LogOnly,
    /// It works as if nothing were missing.
    Unnoticed,
}

#[rstest]
#[case("pods", "create", Without::NoStart)]
#[ignore = "full: one verb for each way of failing is in ci"]
#[case("pods", "watch", Without::NoStart)]
#[ignore = "full: one verb for each way of failing is in ci"]
#[case("pods", "list", Without::Unnoticed)]
#[ignore = "full: one verb for each way of failing is in ci"]
#[case("pods", "delete", Without::Unnoticed)]
#[case("pods", "deletecollection", Without::Leaks("pod "))]
#[ignore = "full: one verb for each way of failing is in ci"]
#[case("configmaps", "create", Without::NoStart)]
#[ignore = "full: one verb for each way of failing is in ci"]
#[case("configmaps", "deletecollection", Without::Leaks("configmap "))]
#[case("services", "deletecollection", Without::LogOnly)]
#[ignore = "full: one verb for each way of failing is in ci"]
#[case("persistentvolumeclaims", "deletecollection", Without::LogOnly)]
#[tokio::test]
async fn a_session_without_a_verb(
    #[case] resource: &'static str,
    #[case] verb: &'static str,
    #[case] expected: Without,
) -> Outcome {
    let name = format!("a_session_without_{verb}_{resource}");
    proof_with(&name, &[Cause::MissingVerb], async |p| {
        let started = p.session().executors(1).without(resource, verb).start().await;
        if let Without::NoStart = expected {
            expect_red(started, &["missing-verb", &format!("{verb} {resource}")])?;
            return Ok(());
        }
        let live = started?;
        // can-i names exactly the missing verb before the session starts.
        let asked = can_i(&p.context, live.access(), &p.environment.image.version).await;
        let named = expect_red(asked, &[])?;
        assert!(named.ends_with(&format!(" may not: {verb} {resource}")), "{named}");

        let ended = live.stop().await?;
        let left = checks::nothing_left(&p.context, &ended).await;
        let denied = ended.denied_in_driver_log();
        match expected {
            Without::Leaks(kind) => {
                expect_red(left, &["are left", kind])?;
                assert!(!denied.is_empty(), "the driver's log says why");
            }
            Without::LogOnly => {
                left?;
                assert!(denied.iter().any(|l| l.contains(resource)), "{denied:?}");
                // The control of the checks of sessions with dynamic allocation.
                expect_red(checks::nothing_refused(&p.context, &ended).await, &[resource])?;
            }
            Without::Unnoticed => {
                left?;
                assert!(denied.is_empty(), "{denied:?}");
            }
            Without::NoStart => {}
        }
        Ok(())
    })
    .await
}
