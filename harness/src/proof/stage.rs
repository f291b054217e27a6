//! A proof under way, and the frame in which a scenario runs.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;

use super::hold::tear_down_within;
use super::{Environment, EnvironmentRecord, HANDOVER, Held, ReadingBuilder, SessionBuilder};
use crate::context::{Cancel, Context, Installs};
use crate::deadlines::{SCENARIO_ENDS, SCENARIO_TEARDOWN};
use crate::dirs::Dirs;
use crate::error::{Error, Exit, Result, panic_text};
use crate::events::{Body, Evidence, Outcome, Recorder, Secrets, Silent, Verdict};
use crate::ledger::{Run, Scope};
use crate::read::Variant;

/// An environment and the run that uses it.
#[derive(Debug)]
pub struct Proof {
    /// What every stage borrows.
    pub context: Context,
    /// What sessions run on.
    pub environment: Environment,
    pub(super) sessions: AtomicU32,
    skipped: OnceLock<String>,
}

impl Proof {
    /// Of an environment.
    pub fn new(context: Context, environment: Environment) -> Self {
        Proof { context, environment, sessions: AtomicU32::new(0), skipped: OnceLock::new() }
    }

    /// Says that the scenario, which then ends, cannot be made here, and why: found by looking, never
    /// assumed. The first reason counts.
    pub fn skip(&self, reason: &str) {
        self.skipped.get_or_init(|| reason.to_owned());
    }

    /// A client with the rights to look around in the cluster.
    pub fn client(&self) -> &kube::Client {
        &self.environment.cluster.client
    }

    /// A session that reads by these variants, to be changed and started.
    pub fn reading(&self, variants: &[&'static Variant]) -> ReadingBuilder<'_> {
        ReadingBuilder::of(self.session(), variants)
    }

    /// A session as planned, to be changed and started.
    pub fn session(&self) -> SessionBuilder<'_> {
        SessionBuilder::of(self)
    }
}

/// Runs a scenario on the environment that `sparkproof exec` holds: a run of its own (lock, ledger,
/// run directory `scenarios/<name>` under the environment's), everything given back after success,
/// failure and panic, and one verdict in the environment's report.
pub async fn scenario(name: &str, body: impl AsyncFnOnce(&Proof) -> Result<()>) -> Result<()> {
    let path = std::env::var_os(HANDOVER).ok_or_else(|| {
        Error::environment(format!("{HANDOVER} is not set: no environment is up"))
            .remedy("cargo xtask test, or: sparkproof exec -- cargo nextest run --profile ci")
    })?;
    let record = EnvironmentRecord::read(path.as_ref())?;
    let secrets = Secrets::default();
    record.plan.conf.register(&secrets);
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
    // The last that can fail before everything is given back.
    let run = Arc::new(Run::begin(&dirs, Scope::Run)?);
    let context = Context { dirs, recorder, run, cancel, installs };
    context.recorder.emit(Body::RunStarted {
        run: context.run.id().to_owned(),
        title: format!("scenario {name}"),
        plan: serde_json::to_value(&record.plan).unwrap_or_default(),
    });
    let begun = std::time::Instant::now();
    let work = async {
        let environment = record.open(&context).await?;
        let proof = Proof::new(context.clone(), environment);
        body(&proof).await.map(|()| proof.skipped.into_inner())
    };
    let work = context.cancel.to_its_end_within(SCENARIO_ENDS, Box::pin(work));
    let work = AssertUnwindSafe(work).catch_unwind();
    let mut result = work.await.unwrap_or_else(|panic| {
        let text = panic_text(&*panic).unwrap_or("the scenario panicked");
        Err(Error::red(text))
    });
    let torn = tear_down_within(SCENARIO_TEARDOWN, &context, &mut Held::default()).await;
    if let (Ok(_), Err(error)) = (&result, torn) {
        result = Err(error.classed(Exit::Red));
    }
    let outcome = match &result {
        Ok(None) => Outcome::Green,
        Ok(Some(reason)) => Outcome::Skipped { reason: reason.clone() },
        Err(error) => Outcome::Red { reason: error.to_string(), remedy: error.remedy.clone() },
    };
    let exit = result.as_ref().map_or_else(|error| error.exit, |_| Exit::Green);
    let error = result.as_ref().err().map(ToString::to_string);
    context.recorder.emit(Body::RunEnded { exit, error });
    let report = crate::report::write_all(&dir).map(|_| format!("scenarios/{name}/report.html"));
    above.check(Verdict {
        id: format!("scenario.{name}"),
        title: name.replace('_', " "),
        outcome,
        evidence: report
            .iter()
            .map(|path| Evidence { name: "report".to_owned(), text: path.clone() })
            .collect(),
        seconds: begun.elapsed().as_secs_f64(),
    });
    result.map(drop)
}
