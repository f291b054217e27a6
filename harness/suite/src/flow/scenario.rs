//! The frame of a scenario.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use sparkproof_base::context::{Cancel, Context, Installs};
use sparkproof_base::deadlines::{SCENARIO_ENDS, SCENARIO_TEARDOWN};
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, Exit, Result, panic_text};
use sparkproof_base::events::{Body, EvidenceItem, Outcome, Recorder, Secrets, Silent, Verdict};
use sparkproof_base::ledger::{Run, Scope};
use sparkproof_testbed::{EnvironmentRecord, HANDOVER, ScenarioContext};

use super::teardown::{Owner, fault, tear_down_within};
use crate::flow::EngineGuard;

/// Runs a scenario on the environment of `sparkproof exec`, as a separate run with its own lock,
/// ledger and run directory (`scenarios/<name>` below the environment's). Everything is removed
/// after success, failure or panic, and the environment's report gets one verdict. Only the end of
/// its namespaces is left to the environment's run, which proves it before it ends.
pub async fn scenario(
    name: &str,
    body: impl AsyncFnOnce(&ScenarioContext) -> Result<()>,
) -> Result<()> {
    let path = std::env::var_os(HANDOVER).ok_or_else(|| {
        Error::environment(format!("{HANDOVER} is not set: no environment is up")).remedy(
            "cargo xtask test; in your own repository: sparkproof exec --yes -- cargo nextest \
             run",
        )
    })?;
    let record = EnvironmentRecord::read(path.as_ref())?;
    // The record lies in the directory of the run that owns the environment.
    let owner = Owner {
        dir: PathBuf::from(path).parent().map(Path::to_owned).unwrap_or_default(),
        kubeconfig: record.cluster.kubeconfig.clone(),
        scenario: format!("scenario {name}"),
    };
    let secrets = Secrets::default();
    record.plan.conf.register(&secrets);
    record.plan.pods.register(&secrets);
    let above = Recorder::open(&record.run_dir, secrets.clone(), Box::new(Silent))?;
    let dir = record.run_dir.join("scenarios").join(name);
    let recorder = Recorder::open(&dir, secrets, Box::new(Silent))?;
    let dirs = Dirs::of_user()?;
    let cancel = Cancel::default();
    cancel.on_signals()?;
    let installs = Installs::default();
    if record.installs {
        installs.allow();
    }
    // The last step that can fail without cleanup.
    let run = Arc::new(Run::begin(&dirs, Scope::Run)?);
    let context = Context { dirs, recorder, run, cancel, installs };
    context.recorder.emit(Body::RunStarted {
        run: context.run.id().to_string(),
        title: format!("scenario {name}"),
        plan: serde_json::to_value(&record.plan).unwrap_or_default(),
    });
    let begun = std::time::Instant::now();
    let work = async {
        let environment = record.open(&context).await?;
        let proof = ScenarioContext::new(context.clone(), environment);
        body(&proof).await.map(|()| proof.into_skipped())
    };
    let work = context.cancel.to_its_end_within(SCENARIO_ENDS, Box::pin(work));
    let work = AssertUnwindSafe(work).catch_unwind();
    let mut result = work.await.unwrap_or_else(|panic| {
        let text = panic_text(&*panic).unwrap_or("the scenario panicked");
        Err(Error::red(text))
    });
    let held = &mut EngineGuard::default();
    let torn = tear_down_within(SCENARIO_TEARDOWN, &context, held, Some(&owner)).await;
    if let (Ok(_), Some(error)) = (&result, fault(&torn)) {
        result = Err(error.with_exit(Exit::Red));
    }
    let outcome = match &result {
        Ok(None) => Outcome::Green,
        Ok(Some(reason)) => Outcome::Skipped { reason: reason.clone() },
        Err(error) => Outcome::Red { reason: error.to_string(), remedy: error.remedy.clone() },
    };
    let exit = result.as_ref().map_or_else(|error| error.exit, |_| Exit::Green);
    let error = result.as_ref().err().map(ToString::to_string);
    context.recorder.emit(Body::RunEnded { exit, error });
    above.check(Verdict {
        id: format!("scenario.{name}"),
        title: name.replace('_', " "),
        outcome,
        evidence: report(&dir)
            .map(|file| EvidenceItem {
                name: "report".to_owned(),
                text: format!("scenarios/{name}/{file}"),
            })
            .into_iter()
            .collect(),
        seconds: begun.elapsed().as_secs_f64(),
    });
    result.map(drop)
}

/// Writes the scenario's reports; returns the path of the page.
#[cfg(feature = "report")]
fn report(dir: &Path) -> Option<&'static str> {
    sparkproof_report::write_all(dir).ok().map(|_| "report.html")
}

/// Without the feature `report` no page is written: `sparkproof report DIR` derives it.
#[cfg(not(feature = "report"))]
fn report(_dir: &Path) -> Option<&'static str> {
    None
}
