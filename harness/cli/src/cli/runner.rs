//! The frame of every command with a report: directories, run, recorder, signals, teardown,
//! reports.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt;
use sparkproof_base::RunId;
use sparkproof_base::context::{Cancel, Context, Installs};
use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Error, ErrorContext, Exit, Result};
use sparkproof_base::events::{Body, Recorder, Secrets};
use sparkproof_base::ledger::{Run, Scope};
use sparkproof_base::verdict::judged;
use sparkproof_catalog::plan::ResolvedPlan;
use sparkproof_report::{Console, Mode, holds_a_run, print_closing, write_all};
use sparkproof_suite::flow::{EngineGuard, resources, tear_down};
use sparkproof_testbed::EnvironmentRecord;

/// The run of a command.
pub(super) struct Request<'a> {
    pub(super) mode: Mode,
    pub(super) scope: Scope,
    /// The run's id, if the user chose a name.
    pub(super) id: Option<&'a RunId>,
    pub(super) report_dir: Option<&'a Path>,
    /// One line, the title of the report.
    pub(super) title: String,
    pub(super) plan: serde_json::Value,
    /// The plan that runs: secrets of its configuration and of its pod templates are masked from the
    /// first event on.
    pub(super) resolved: Option<&'a ResolvedPlan>,
}

impl<'a> Request<'a> {
    /// For a plan, with scope [`Scope::Run`].
    pub(super) fn of_plan(mode: Mode, title: String, plan: &'a ResolvedPlan) -> Result<Self> {
        Ok(Request {
            report_dir: plan.report_dir.as_deref(),
            plan: serde_json::to_value(plan).or_internal("writing the plan")?,
            resolved: Some(plan),
            ..Self::without_plan(mode, title)
        })
    }

    /// For a command without a plan.
    pub(super) fn without_plan(mode: Mode, title: String) -> Self {
        Request {
            mode,
            scope: Scope::Run,
            id: None,
            report_dir: None,
            title,
            plan: serde_json::Value::Null,
            resolved: None,
        }
    }
}

/// Begins a run, executes `body`, cleans up (unless the scope is [`Scope::User`] and the body
/// succeeded), writes the reports and returns the run's exit.
pub(super) async fn with_run(
    request: Request<'_>,
    body: impl AsyncFnOnce(&Context, &mut EngineGuard) -> Result<()>,
) -> Result<Exit> {
    if let Some(dir) = request.report_dir {
        check_report_dir(dir)?;
    }
    frame(Dirs::of_user()?, request, body).await
}

/// [`with_run`] in these directories.
///
/// # Errors
/// Before the run has begun; and when its reports cannot be written, after it has ended, with its
/// exit.
async fn frame(
    dirs: Dirs,
    request: Request<'_>,
    body: impl AsyncFnOnce(&Context, &mut EngineGuard) -> Result<()>,
) -> Result<Exit> {
    let cancel = Cancel::default();
    cancel.on_signals()?;
    let secrets = Secrets::default();
    if let Some(plan) = request.resolved {
        plan.conf.register(&secrets);
        plan.pods.register(&secrets);
    }
    let run = match request.id {
        Some(id) => Run::begin_as(&dirs, request.scope, id).await?,
        None => Run::begin(&dirs, request.scope)?,
    };
    // Checked while the lock is held: another `up` of this name may have ended just before.
    if let (Scope::User, Some(id)) = (request.scope, request.id)
        && is_up(&run)
    {
        return Err(up_already(id));
    }
    let dir = match request.report_dir {
        Some(dir) => dir.to_owned(),
        None => default_run_dir(&directory(run.id(), request.id.is_some())),
    };
    let recorder = Recorder::open(&dir, secrets, Box::new(Console::new(request.mode)));
    let recorder = recorder.or_else(|error| abandoned(&run, error))?;
    let context =
        Context { dirs, recorder, run: Arc::new(run), cancel, installs: Installs::default() };
    context.recorder.emit(Body::RunStarted {
        run: context.run.id().to_string(),
        title: request.title,
        plan: request.plan,
    });
    let mut held = EngineGuard::default();
    let mut result = caught(context.cancel.to_its_end(async {
        // The scope changes only here, so that a failure above leaves an existing run as it was.
        if request.id.is_some() {
            context.run.becomes(request.scope)?;
        }
        body(&context, &mut held).await
    }))
    .await;
    let keep = request.scope == Scope::User && result.is_ok();
    let ended = if keep {
        caught(held.release(&context)).await
    } else {
        // Teardown is a check with its own line and verdict.
        let phase = context.recorder.phase("teardown");
        let title = "all resources of the run are removed";
        let teardown = context.for_teardown();
        let owned = resources(&context);
        let torn = judged(&teardown, ("teardown.run", title), owned, async || {
            Ok(tear_down(&context, &mut held).await)
        });
        let torn = phase.end(caught(torn).await, ToString::to_string);
        // Teardown that a second signal cut short ends as an interruption.
        torn.map(drop).map_err(|error| match context.cancel.exit() {
            Some(exit) => error.with_exit(exit),
            None => error,
        })
    };
    result = decided(result, ended, context.cancel.exit());
    let exit = match &result {
        Ok(()) => Exit::Green,
        Err(error) => error.exit,
    };
    let failure = result.err().map(|error| error.summary());
    context.recorder.emit(Body::RunEnded { exit, error: failure.clone() });
    let summary = write_all(&dir).map_err(|unwritten| unreported(unwritten, exit, failure))?;
    print_closing(&summary, &dir, request.mode);
    // Includes red verdicts of the run's other processes.
    Ok(summary.exit.unwrap_or(exit))
}

/// The result of a run: its first failure. A signal during cleanup counts, too, if nothing failed.
fn decided(work: Result<()>, ended: Result<()>, signal: Option<Exit>) -> Result<()> {
    work.and(ended)?;
    signal.map_or(Ok(()), |exit| Err(Error::interrupted(exit)))
}

/// The error for a report that cannot be written. It keeps the exit of a run that was not green. A
/// green run gets the exit of this error, because the verdicts of its other processes are unknown.
fn unreported(unwritten: Error, exit: Exit, failure: Option<String>) -> Error {
    match (exit, failure) {
        (Exit::Green, _) => unwritten,
        (exit, None) => unwritten.with_exit(exit),
        (exit, Some(failure)) => {
            let mut unwritten = unwritten.with_exit(exit);
            unwritten.what =
                format!("{failure}\nand the report cannot be written: {}", unwritten.what);
            unwritten
        }
    }
}

/// Whether an earlier `up` of this run left resources, complete or not.
fn is_up(run: &Run) -> bool {
    !run.owned().is_empty() || EnvironmentRecord::path(run.dir()).exists()
}

/// The error for a second `up` with the same name.
fn up_already(id: &RunId) -> Error {
    match id.store() {
        Some(store) => Error::input(format!("a store named {store} is up already"))
            .remedy(format!("`sparkproof store down {store}`, or another --name")),
        None => Error::input(format!("a cluster named {id} is up already"))
            .remedy(format!("use it with `run --cluster {id}`, or `down --name {id}`")),
    }
}

/// Refuses a report directory that holds another run's report or cannot be written.
fn check_report_dir(dir: &Path) -> Result<()> {
    let named = |what: &str| format!("--report-dir {}: {what}", dir.display());
    if dir.exists() && !dir.is_dir() {
        return Err(Error::input(named("expected a directory")));
    }
    if holds_a_run(dir)? {
        return Err(Error::input(named("it holds an earlier run's report"))
            .remedy("use a separate directory for each run"));
    }
    std::fs::create_dir_all(dir)
        .and_then(|()| tempfile::tempfile_in(dir))
        .map(drop)
        .or_input(named("no report can be written there"))
}

/// Ends a run that failed before it did anything, and returns the error. A run that has resources
/// from earlier stays.
pub(super) fn abandoned<T>(run: &Run, error: Error) -> Result<T> {
    if run.owned().is_empty() {
        run.end()?;
    }
    Err(error)
}

/// The result of `work`, with a panic turned into an error, so that cleanup still happens.
pub(super) async fn caught<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let caught = AssertUnwindSafe(work).catch_unwind().await;
    caught.unwrap_or_else(|panic| Err(Error::panicked(&*panic)))
}

/// The name of the report directory. A random id names one run. A name that the user chose names
/// many (`up`, `down`, `up`), so the time is added.
fn directory(id: &str, of_user: bool) -> String {
    match of_user {
        true => format!("{id}-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ")),
        false => id.to_owned(),
    }
}

/// Below `target/`, if there is one, else below the working directory.
fn default_run_dir(name: &str) -> PathBuf {
    let target = Path::new("target");
    let base = if target.is_dir() { target.join("sparkproof") } else { "sparkproof-runs".into() };
    let base = std::path::absolute(&base).unwrap_or(base);
    base.join(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::ledger::{IdleRun, OwnedResource, StaleRun};

    struct Place {
        keep: tempfile::TempDir,
        dirs: Dirs,
    }

    impl Place {
        fn new() -> Self {
            let keep = tempfile::tempdir().expect("temporary directory");
            let (state, cache) = (keep.path().join("state"), keep.path().join("cache"));
            Place { dirs: Dirs::at(state, cache).expect("directories"), keep }
        }

        fn report(&self) -> PathBuf {
            self.keep.path().join("report")
        }

        async fn run(
            &self,
            scope: Scope,
            body: impl AsyncFnOnce(&Context, &mut EngineGuard) -> Result<()>,
        ) -> Result<Exit> {
            let report = self.report();
            let request = Request {
                scope,
                report_dir: Some(&report),
                ..Request::without_plan(Mode::Quiet, "a run".to_owned())
            };
            frame(self.dirs.clone(), request, body).await
        }

        fn runs(&self) -> usize {
            StaleRun::find(&self.dirs).expect("readable").found.len()
        }

        fn summary(&self) -> sparkproof_report::Summary {
            let text = std::fs::read_to_string(self.report().join("summary.json"));
            serde_json::from_str(&text.expect("written")).expect("a summary")
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_defect_that_is_cleaned_up_and_reported() {
        let place = Place::new();
        let ended = place.run(Scope::Run, async |context, _| {
            let file = place.keep.path().join(context.run.id().as_str());
            context.run.record(OwnedResource::Path { path: file.clone() })?;
            std::fs::write(&file, "x").expect("written");
            panic!("out of time");
        });
        assert_eq!(ended.await.expect("reported"), Exit::Internal);
        assert_eq!(place.runs(), 0, "nothing is left to sweep");
        let summary = place.summary();
        assert_eq!(summary.exit, Some(Exit::Internal));
        let error = summary.model.end.expect("an end").error.expect("an error");
        assert!(error.contains("sparkproof panicked: out of time"), "{error}");
        assert!(summary.model.checks.iter().any(|check| check.id == "teardown.run"));
    }

    #[tokio::test]
    async fn a_run_that_cannot_begin_its_report_leaves_none_behind() {
        let place = Place::new();
        std::fs::write(place.report(), "a file").expect("written");
        let ended = place.run(Scope::Run, async |_, _| panic!("not begun"));
        ended.await.expect_err("no report");
        assert_eq!(place.runs(), 0);
    }

    /// A directory as `up` leaves it, with an entry in its ledger.
    async fn up(place: &Place) -> RunId {
        let id: RunId = "dev".parse().expect("an id");
        let run = Run::begin_as(&place.dirs, Scope::User, &id).await.expect("run");
        run.record(OwnedResource::Path { path: "/nowhere/dev".into() }).expect("written");
        id
    }

    #[tokio::test]
    async fn a_down_that_fails_before_it_does_anything_leaves_the_cluster_the_users() {
        let place = Place::new();
        let id = up(&place).await;
        std::fs::write(place.report(), "a file").expect("written");
        let report = place.report();
        let request = Request {
            id: Some(&id),
            report_dir: Some(&report),
            ..Request::without_plan(Mode::Quiet, "down dev".to_owned())
        };
        let ended = frame(place.dirs.clone(), request, async |_, _| panic!("not begun")).await;
        ended.expect_err("no report");
        let idle = IdleRun::all(&place.dirs).expect("readable").found;
        assert_eq!((idle[0].id.as_str(), idle[0].scope), ("dev", Scope::User));
    }

    #[tokio::test]
    async fn a_second_up_of_a_name_is_refused_and_changes_nothing() {
        let place = Place::new();
        let id = up(&place).await;
        let ledger = place.dirs.run(&id).join("ledger.jsonl");
        let before = std::fs::read_to_string(&ledger).expect("read");
        let request = || Request {
            scope: Scope::User,
            id: Some(&id),
            ..Request::without_plan(Mode::Quiet, "up dev".to_owned())
        };
        let ended = frame(place.dirs.clone(), request(), async |_, _| panic!("not begun")).await;
        let error = ended.expect_err("refused");
        assert_eq!(error.exit, Exit::BadInput);
        assert!(
            error.summary().contains("a cluster named dev is up already"),
            "{}",
            error.summary()
        );
        assert_eq!(std::fs::read_to_string(&ledger).expect("kept"), before);
    }

    /// The lock under which an engine is stopped cannot be opened: the release fails.
    #[tokio::test]
    async fn what_is_kept_has_its_report_whatever_the_release_says() {
        let place = Place::new();
        let ended = place.run(Scope::User, async |context, _| {
            let engine = context.dirs.state.join("engine");
            std::fs::create_dir_all(engine.join("start.lock")).expect("made");
            std::fs::write(engine.join("baseline.json"), "{}").expect("written");
            Ok(())
        });
        assert_eq!(ended.await.expect("reported"), Exit::Environment);
        assert!(place.summary().model.end.expect("an end").error.is_some());
        assert_eq!(place.runs(), 1, "kept");
    }

    /// `report.html` cannot be written where a directory has its name.
    #[tokio::test]
    async fn a_report_that_cannot_be_written_does_not_change_the_exit() {
        for (work, exit) in [
            (Err(Error::red("2 of 3 executors")), Exit::Red),
            (Err(Error::interrupted(Exit::Interrupt)), Exit::Interrupt),
            (Ok(()), Exit::Environment),
        ] {
            let place = Place::new();
            let error = work.as_ref().err().map(ToString::to_string);
            let ended = place.run(Scope::Run, async |_, _| {
                std::fs::create_dir_all(place.report().join("report.html/x")).expect("made");
                work
            });
            let unwritten = ended.await.expect_err("no report");
            assert_eq!(unwritten.exit, exit);
            let says = unwritten.to_string();
            assert!(says.contains("report.html"), "{says}");
            assert!(error.is_none_or(|error| says.contains(&error)), "{says}");
            assert_eq!(place.runs(), 0);
        }
    }

    #[test]
    fn a_signal_in_any_phase_is_the_exit_where_nothing_failed_before() {
        let exit = |work, ended, signal| decided(work, ended, signal).map_err(|e| e.exit);
        let red = || Err(Error::red("no"));
        let signal = Some(Exit::Interrupt);
        assert_eq!(exit(Ok(()), Ok(()), None), Ok(()));
        assert_eq!(exit(Ok(()), Ok(()), signal), Err(Exit::Interrupt), "during the teardown");
        assert_eq!(exit(red(), Ok(()), signal), Err(Exit::Red), "the first cause");
        assert_eq!(exit(Ok(()), red(), None), Err(Exit::Red));
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_bad_input() {
        let error = check_report_dir(Path::new("/proc/x")).expect_err("refused");
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().contains("--report-dir /proc/x"), "{error}");
        let error = check_report_dir(Path::new("/proc/self/stat")).expect_err("a file");
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().starts_with("--report-dir /proc/self/stat"), "{error}");
    }
}
