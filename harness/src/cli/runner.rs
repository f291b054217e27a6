//! What every command with a run shares: directories, run, recorder, signals, teardown, reports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checks::check;
use crate::context::{Cancel, Context, Installs};
use crate::dirs::Dirs;
use crate::error::{Error, Exit, OrFail, Result};
use crate::events::{Body, Recorder, Secrets};
use crate::ledger::{Run, Scope};
use crate::plan::Plan;
use crate::proof::{Held, tear_down};
use crate::report::{Console, Mode, holds_a_run, print_closing, write_all};
use crate::session::register_secrets;

/// How a run is to be kept.
pub(super) struct Request<'a> {
    pub(super) mode: Mode,
    pub(super) scope: Scope,
    /// The run's id, when the user chose a name.
    pub(super) name: Option<&'a str>,
    pub(super) report_dir: Option<&'a Path>,
    /// One line for the report's head.
    pub(super) title: String,
    pub(super) plan: serde_json::Value,
    /// Its Spark configuration: values of secret keys are masked from the first event on.
    pub(super) conf: &'a [(String, String)],
}

impl<'a> Request<'a> {
    /// A run of a plan, which ends with its command.
    pub(super) fn of_plan(mode: Mode, title: String, plan: &'a Plan) -> Result<Self> {
        Ok(Request {
            report_dir: plan.report_dir.as_deref(),
            plan: serde_json::to_value(plan).or_internal("writing the plan")?,
            conf: &plan.conf,
            ..Self::without_plan(mode, title)
        })
    }

    /// A run that needs no plan.
    pub(super) fn without_plan(mode: Mode, title: String) -> Self {
        Request {
            mode,
            scope: Scope::Run,
            name: None,
            report_dir: None,
            title,
            plan: serde_json::Value::Null,
            conf: &[],
        }
    }
}

/// Begins a run, does `body`, gives everything back (unless the run is the user's to keep and the
/// body succeeded), writes the reports and says how it came out.
pub(super) async fn with_run(
    request: Request<'_>,
    body: impl AsyncFnOnce(&Context, &mut Held) -> Result<()>,
) -> Result<Exit> {
    if let Some(dir) = request.report_dir
        && holds_a_run(dir)?
    {
        let used = format!("--report-dir {}: an earlier run's report lies there", dir.display());
        return Err(Error::input(used).remedy("name a directory of its own for each run"));
    }
    let dirs = Dirs::of_user()?;
    let run = match request.name {
        Some(name) => Run::begin_as(&dirs, request.scope, name)?,
        None => Run::begin(&dirs, request.scope)?,
    };
    let dir = match request.report_dir {
        Some(dir) => dir.to_owned(),
        None => default_run_dir(&directory(run.id(), request.name.is_some())),
    };
    let secrets = Secrets::default();
    register_secrets(&secrets, request.conf);
    let recorder = Recorder::open(&dir, secrets, Box::new(Console::new(request.mode)))?;
    let cancel = Cancel::default();
    cancel.on_signals()?;
    let context =
        Context { dirs, recorder, run: Arc::new(run), cancel, installs: Installs::default() };
    context.recorder.emit(Body::RunStarted {
        run: context.run.id().to_owned(),
        title: request.title,
        plan: request.plan,
    });
    let mut held = Held::default();
    let mut result = context.cancel.to_its_end(body(&context, &mut held)).await;
    let keep = request.scope == Scope::User && result.is_ok();
    if keep {
        held.release(&context).await?;
    } else {
        // A check like any other: it has its line and its verdict.
        let phase = context.recorder.phase("teardown");
        let title = "everything the run owned is given back";
        let torn = check(&context.for_teardown(), "teardown.run", title, async |findings| {
            let given = tear_down(&context, &mut held).await?;
            findings.add("given back", &given);
            Ok(given)
        })
        .await;
        let torn = phase.end(torn, Clone::clone);
        if let Err(error) = torn
            && result.is_ok()
        {
            result = Err(error);
        }
    }
    let exit = match &result {
        Ok(()) => Exit::Green,
        Err(error) => error.exit,
    };
    let error = result.err().map(|error| error.told());
    context.recorder.emit(Body::RunEnded { exit, error });
    let summary = write_all(&dir)?;
    print_closing(&summary, &dir, request.mode);
    // Red verdicts of other processes count too.
    Ok(summary.exit.unwrap_or(exit))
}

/// A run's id names one run; a name of the user's many, `up` and `down` again and again, so the time
/// tells their directories apart.
fn directory(id: &str, of_user: bool) -> String {
    match of_user {
        true => format!("{id}-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ")),
        false => id.to_owned(),
    }
}

/// In a checkout with a target directory, there; else under the working directory.
fn default_run_dir(name: &str) -> PathBuf {
    let target = Path::new("target");
    let base = if target.is_dir() { target.join("sparkproof") } else { "sparkproof-runs".into() };
    let base = std::path::absolute(&base).unwrap_or(base);
    base.join(name)
}
