//! Front ends: the same session with the same checks, in each shell.

use rstest::rstest;
use scenarios::frame::{Outcome, expect_red, little, lives_and_ends, path_of, proof, started};
use scenarios::pod_spec::as_reviewed;
use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::error::ErrorContext;
use sparkproof::testbed::EndKind;

#[rstest]
#[ignore = "full: exited is in ci"]
#[case::stopped(3, DriverPlace::Host, EndKind::Stopped)]
// The end of its input, as by Ctrl-D.
#[case::exited(1, DriverPlace::Host, EndKind::Exited)]
#[ignore = "full: exited is in ci"]
#[case::killed(1, DriverPlace::Host, EndKind::Killed)]
#[ignore = "full: PySpark's driver in a container is in ci"]
#[case::contained(1, DriverPlace::Container, EndKind::Stopped)]
#[ignore = "full: PySpark's driver in a container is in ci"]
#[case::contained_killed(1, DriverPlace::Container, EndKind::Killed)]
#[tokio::test]
async fn a_spark_shell_is_a_session_like_any_other(
    #[case] executors: u32,
    #[case] driver: DriverPlace,
    #[case] ending: EndKind,
) -> Outcome {
    let name = format!("a_spark_shell_{driver:?}_{ending:?}").to_lowercase();
    proof(&name, async |p| {
        let session = p.session().front_end(FrontEnd::SparkShell).driver(driver);
        let live = session.executors(executors).start().await?;
        if executors == 1 {
            as_reviewed(&live, &p.environment.image.version);
        }
        lives_and_ends(p, live, ending).await
    })
    .await
}

/// Reads by the Dataset API. Its exceptions contain as much as PySpark's.
#[tokio::test]
#[ignore = "full: 111 s; all variants are read by PySpark in ci"]
async fn a_spark_shell_reads_files() -> Outcome {
    proof("a_spark_shell_reads_files", async |p| {
        let builder =
            little(p, &[VariantId::Copy, VariantId::HostPath, VariantId::Hdfs, VariantId::Http]);
        let builder = builder.session(|session| session.front_end(FrontEnd::SparkShell));
        let mut session = started(builder).await?;
        session.prove_all().await?;

        let here = path_of(&session, VariantId::Copy)?.join("big.csv");
        let away = here.with_extension("away");
        std::fs::rename(&here, &away).or_environment("moving the driver's copy")?;
        expect_red(session.prove(VariantId::Copy).await, &["driver-lacks-file"])?;
        std::fs::rename(&away, &here).or_environment("moving it back")?;
        if let Some(pod) = session.live.executor_pods().keys().next() {
            let file = here.to_string_lossy();
            session.live.executor(pod).run(&["rm", &file]).await?;
        }
        expect_red(session.prove(VariantId::Copy).await, &["file-missing", "2 of 3"])?;
        session.stop().await.map(drop)
    })
    .await
}

/// The session fails before the shell accepts input, because spark-shell makes its session first.
#[tokio::test]
#[ignore = "full: the wrong image of a PySpark session is in ci"]
async fn a_spark_shell_without_executors_is_ended_and_says_why() -> Outcome {
    proof("a_spark_shell_without_executors_is_ended_and_says_why", async |p| {
        let session = p.session().front_end(FrontEnd::SparkShell).executors(1);
        let session = session.image("sparkproof.invalid/spark:nowhere");
        expect_red(
            session.start().await,
            &["registry-unreachable", "sparkproof.invalid/spark:nowhere"],
        )?;
        Ok(())
    })
    .await
}

/// The executors' `podNamePrefix` is wrong: its JVM ends by itself, and its log says why.
#[tokio::test]
async fn a_spark_shell_that_ends_at_once_is_named() -> Outcome {
    proof("a_spark_shell_that_ends_at_once_is_named", async |p| {
        let session = p.session().front_end(FrontEnd::SparkShell).executors(1);
        let session = session.conf("spark.kubernetes.executor.podNamePrefix", "My_Prefix");
        expect_red(session.start().await, &["configuration-refused", "podNamePrefix"])?;
        Ok(())
    })
    .await
}
