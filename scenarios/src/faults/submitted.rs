//! An application in cluster mode that a fault stops.

use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;
use sparkproof::access::submission;
use sparkproof::catalog::StoreKind;
use sparkproof::checks;
use sparkproof::error::{Error, ErrorContext, Result};
use sparkproof::read::s3_conf;
use sparkproof::session::{Application as Submitted, FinishedApplication};
use sparkproof::testbed::SessionBuilder;

use super::fault::{Application, Change};
use super::ground::{Attempt, Known, filler, prepare};

/// The directory of a program, in the driver's pod only.
const PLACE: &str = "/opt/team";

/// Submits it as the account of the session, and waits for its end. What a failed one left ends with the
/// scenario.
pub(super) async fn submitted(
    session: SessionBuilder<'_>,
    known: &Known,
    changes: &[Change],
    wanted: Application,
) -> Result<Attempt> {
    let p = session.proof();
    let image = match wanted.s3 {
        true => p.dependency_image().await?,
        false => p.example_image().await?,
    };
    let (context, cluster) = (&p.context, &p.environment.cluster);
    let ground = session.verbs(&submission(&image.version)).grant().await?;
    prepare(&ground, &filler(known, &ground), changes).await?;
    let mut spec = match wanted.program {
        Some(_) => p.python_pi(1),
        None => p.pi(1),
    };
    if let Some(program) = wanted.program {
        let files = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "team-program" },
            "data": { "main.py": program, "team_rules.py": "def twice(x):\n    return 2 * x\n" },
        });
        ground.obstacles().put(&files.to_string()).await?;
        spec.driver_template = Some(with_program()?);
        spec.resource = format!("local://{PLACE}/main.py");
        "program".clone_into(&mut spec.name);
    }
    if wanted.s3 {
        spec.conf.extend(s3_conf(p.environment.stores.get(StoreKind::S3)?, &image)?.iter());
    }
    // One try of a task says it as well as four.
    spec.conf.insert("spark.task.maxFailures", "1");
    for change in changes {
        if let Change::Conf(key, value) = change {
            spec.conf.insert(*key, known.fill(value));
        }
    }
    (wanted.change)(&mut spec);
    let begun = Instant::now();
    let ended = async {
        let submitting =
            Submitted::submit(context, cluster, ground.access(), &image, &spec, ground.pods());
        let application = Box::pin(submitting).await?;
        Box::pin(application.end(context, cluster, ground.access())).await
    };
    let ended = ended.await;
    let seconds = begun.elapsed().as_secs_f64();
    let result = match ended {
        Ok(finished) => {
            let result = came_out(&finished);
            let gone = ground.collect(&finished.driver.name_any(), finished.log).await?;
            checks::let_go(p, gone).await?;
            result
        }
        Err(error) if error.is_interruption() => return Err(error),
        Err(error) => Err(error),
    };
    Ok(Attempt { result, seconds })
}

fn came_out(finished: &FinishedApplication) -> Result<()> {
    match &finished.diagnosis {
        Some(diagnosis) => Err(diagnosis.clone().error("the application did not succeed")),
        None if finished.phase() == "Succeeded" => Ok(()),
        None => Err(Error::red(format!("the driver's pod is {}", finished.phase()))),
    }
}

/// A template of the driver's pod, which mounts the program.
fn with_program() -> Result<Pod> {
    let pod = json!({
        "spec": {
            "containers": [{
                "name": "spark-kubernetes-driver",
                "volumeMounts": [{ "name": "program", "mountPath": PLACE }],
            }],
            "volumes": [{ "name": "program", "configMap": { "name": "team-program" } }],
        },
    });
    serde_json::from_value(pod).or_internal("a pod template")
}
