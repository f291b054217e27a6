//! A namespace that enforces Pod Security `restricted`: with `--restricted` all pods comply, without it they
//! are refused.

use rstest::rstest;
use scenarios::frame::{Outcome, expect_red, proof};
use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::{DriverPlace, PodPlan};
use sparkproof::checks;
use sparkproof::error::{Error, Result};
use sparkproof::events::Outcome as Verdict;
use sparkproof::testbed::ScenarioContext;

/// The scenario in an environment whose plan says `--restricted`.
fn restricted(p: &ScenarioContext) -> ScenarioContext {
    let mut environment = p.environment.clone();
    environment.plan.pods = PodPlan { restricted: true, ..PodPlan::default() };
    ScenarioContext::new(p.context.clone(), environment)
}

/// Ways of reading that need what the level forbids are skipped with this reason, all others are green.
#[tokio::test]
#[ignore = "full: minutes; one session under it is in ci's faults"]
async fn a_whole_run_is_restricted() -> Outcome {
    proof("a_whole_run_is_restricted", async |p| {
        let p = restricted(p);
        checks::run_suite(&p).await?;
        let verdicts = p.context.recorder.verdicts();
        let of = |id: VariantId| {
            let begins = format!("read.{id}");
            verdicts.iter().filter(move |(check, _)| {
                check
                    .strip_prefix(&begins)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        for id in [VariantId::HostPath, VariantId::S3fsNode, VariantId::S3fsExecutor] {
            let skipped = of(id).any(|(_, verdict)| {
                matches!(verdict, Verdict::Skipped { reason } if reason.contains("Pod Security"))
            });
            expect(skipped, || format!("{id} is not skipped: {:?}", of(id).collect::<Vec<_>>()))?;
        }
        for id in [VariantId::Copy, VariantId::PvcStatic, VariantId::EmptyDir, VariantId::S3] {
            let green = of(id).any(|(_, verdict)| matches!(verdict, Verdict::Green));
            expect(green, || format!("{id} was not read: {:?}", of(id).collect::<Vec<_>>()))?;
        }
        let proven = verdicts
            .iter()
            .any(|(id, verdict)| id == "pods.restricted" && matches!(verdict, Verdict::Green));
        expect(proven, || "pods.restricted is not green".to_owned())
    })
    .await
}

fn expect(met: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if met { Ok(()) } else { Err(Error::red(otherwise())) }
}

/// The driver's pod is refused first, else the executors'.
#[rstest]
#[ignore = "full: the whole run is"]
#[case::executors(DriverPlace::Host)]
#[ignore = "full: the whole run is"]
#[case::driver(DriverPlace::Pod)]
#[tokio::test]
async fn without_it_they_are_refused(#[case] driver: DriverPlace) -> Outcome {
    let name = format!("without_it_they_are_refused_{driver:?}").to_lowercase();
    proof(&name, async |p| {
        let session = p.session().executors(1).driver(driver).enforced();
        let words = ["pod-security", "restricted", "allowPrivilegeEscalation"];
        expect_red(session.start().await, &words).map(drop)
    })
    .await
}

#[tokio::test]
#[ignore = "full: the driver's pod is in no session of ci under it"]
async fn a_driver_in_a_pod_complies_too() -> Outcome {
    proof("a_driver_in_a_pod_complies_too", async |p| {
        let p = restricted(p);
        let mut live = p.session().executors(1).driver(DriverPlace::Pod).start().await?;
        checks::restricted(&p.context, &live, true).await?;
        checks::barrier(&p.context, &mut live).await?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}

/// Also with dependencies, a StatefulSet and a template of their own.
#[tokio::test]
#[ignore = "full: applications are in ci without it"]
async fn applications_comply_too() -> Outcome {
    proof("applications_comply_too", async |p| {
        let p = restricted(p);
        checks::run_application_suite(&p).await?;
        checks::run_stateful_set_suite(p.session()).await
    })
    .await
}

#[tokio::test]
#[ignore = "full: the whole run is"]
async fn pods_that_do_not_comply_are_named() -> Outcome {
    proof("pods_that_do_not_comply_are_named", async |p| {
        let live = p.session().executors(1).start().await?;
        let seen = checks::restricted(&p.context, &live, true).await;
        expect_red(seen, &["violate the level restricted", "exec-1", "allowPrivilegeEscalation"])?;
        live.stop().await.map(drop)
    })
    .await
}
