//! Geni, the guide's front end, and its known traps.

use rstest::rstest;
use scenarios::frame::{Outcome, expect_red, leaves_nothing, little, lives_and_ends, started};
use scenarios::geni::with_geni;
use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::DriverPlace;
use sparkproof::session::FaultInjection;
use sparkproof::testbed::EndKind;

#[rstest]
#[case::stopped(3, DriverPlace::Host, EndKind::Stopped)]
// The end of the REPL's input, as by Ctrl-D.
#[case::exited(1, DriverPlace::Host, EndKind::Exited)]
// As by `(System/exit 0)`.
#[case::disconnected(1, DriverPlace::Host, EndKind::Disconnected)]
// As when its terminal is closed.
#[case::hung_up(1, DriverPlace::Host, EndKind::HungUp)]
#[case::killed(1, DriverPlace::Host, EndKind::Killed)]
#[case::contained(1, DriverPlace::Container, EndKind::Exited)]
#[tokio::test]
async fn a_geni_repl_is_a_session_like_any_other(
    #[case] executors: u32,
    #[case] driver: DriverPlace,
    #[case] ending: EndKind,
) -> Outcome {
    let name = format!("a_geni_repl_{driver:?}_{ending:?}").to_lowercase();
    with_geni(&name, async |p, geni| {
        let session = p.session().geni(geni.class_path).driver(driver).executors(executors);
        lives_and_ends(p, session.start().await?, ending).await
    })
    .await
}

/// Each trap, not avoided.
#[rstest]
// `create-spark-session` returns the session that Geni made when it was loaded.
#[case::eager(FaultInjection::EagerSession, &["local-master", "local[*]"])]
// `(g/read-csv! path)` would fail.
#[case::stale(FaultInjection::StaleDefault, &["other-session"])]
// `java` lacks the `--add-opens` options of spark-submit.
#[case::closed(FaultInjection::ClosedModules, &["closed-modules"])]
#[tokio::test]
async fn a_trap_of_geni_is_named(
    #[case] trap: FaultInjection,
    #[case] reasons: &[&str],
) -> Outcome {
    with_geni(&format!("a_trap_of_geni_{trap:?}").to_lowercase(), async |p, geni| {
        let session = p.session().geni(geni.class_path).executors(1).trap(trap);
        expect_red(session.start().await, reasons).map(drop)
    })
    .await
}

/// Reads by `g/read-csv!` and similar functions.
#[tokio::test]
async fn a_geni_repl_reads_files() -> Outcome {
    with_geni("a_geni_repl_reads_files", async |p, geni| {
        let builder = little(p, &[VariantId::Copy, VariantId::HostPath, VariantId::Hdfs]);
        let builder = builder.session(|session| session.geni(geni.class_path.clone()));
        let mut session = started(builder).await?;
        session.prove_all().await?;
        leaves_nothing(p, session).await
    })
    .await
}
