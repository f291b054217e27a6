//! Writes events, and shows them to whoever watches (the console).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::{Body, Event, Level, Observed, Outcome, Secrets, StepState, Verdict};
use crate::error::{ErrorContext, Result};

/// Sees every event as it is written, e.g. the console.
pub trait Sink: Send + Sync {
    /// Called in order, after the event was written.
    fn see(&self, event: &Event);
}

/// A handle to this process's events file; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    file: Mutex<std::fs::File>,
    sink: Box<dyn Sink>,
    secrets: Secrets,
    verdicts: Mutex<Vec<(String, Outcome)>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

/// A sink that shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;
impl Sink for Silent {
    fn see(&self, _: &Event) {}
}

impl Recorder {
    /// Opens `events-<pid>.jsonl` in the run directory, which is made when missing.
    pub fn open(dir: &Path, secrets: Secrets, sink: Box<dyn Sink>) -> Result<Self> {
        fs_err::create_dir_all(dir).or_environment("making the run directory")?;
        let path = dir.join(format!("events-{}.jsonl", std::process::id()));
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .or_environment(format!("opening {}", path.display()))?;
        let (file, verdicts) = (Mutex::new(file), Mutex::default());
        let inner = Inner { dir: dir.to_owned(), file, sink, secrets, verdicts };
        Ok(Recorder { inner: Arc::new(inner) })
    }

    /// The run directory.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The registry of secrets all writers share.
    pub fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// Records an event. A full disk must not change a verdict: write errors are dropped here and
    /// show as a missing report.
    pub fn emit(&self, mut body: Body) {
        // Texts, not the line: there quotes and backslashes are escaped, also those of a secret.
        self.inner.secrets.scrub_body(&mut body);
        self.write(body);
    }

    /// Writes what is masked already.
    fn write(&self, body: Body) {
        let event = Event { at: jiff::Timestamp::now(), pid: std::process::id(), body };
        let Ok(line) = serde_json::to_string(&event) else { return };
        if let Ok(mut file) = self.inner.file.lock() {
            // One write a line: lines of several threads never mix.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        // What is shown is what was written, masked.
        self.inner.sink.see(&event);
    }

    /// A decision and why.
    pub fn info(&self, text: impl Into<String>) {
        self.emit(Body::Note { level: Level::Info, text: text.into() });
    }

    /// Something is weaker than asked for.
    pub fn warn(&self, text: impl Into<String>) {
        self.emit(Body::Note { level: Level::Warning, text: text.into() });
    }

    /// A version, digest or size for the report.
    pub fn fact(&self, name: impl Into<String>, value: impl Into<String>) {
        self.emit(Body::Fact { name: name.into(), value: value.into() });
    }

    /// What a check looked at: returned as it was written, secrets masked.
    pub fn observed(&self, mut observed: Observed) -> Observed {
        self.inner.secrets.scrub_observed(&mut observed);
        observed.sha256 = observed.digest();
        self.write(Body::Observed(observed.clone()));
        observed
    }

    /// A verdict.
    pub fn check(&self, verdict: Verdict) {
        if let Ok(mut verdicts) = self.inner.verdicts.lock() {
            verdicts.push((verdict.id.clone(), verdict.outcome.clone()));
        }
        self.emit(Body::Check(verdict));
    }

    /// Ids and outcomes of this process's verdicts so far, in their order.
    pub fn verdicts(&self) -> Vec<(String, Outcome)> {
        self.inner.verdicts.lock().map(|verdicts| verdicts.clone()).unwrap_or_default()
    }

    /// Writes an artifact (scrubbed) into the run directory and records it.
    pub fn artifact(&self, title: &str, path: &str, text: &str) {
        let target = self.inner.dir.join(path);
        if let Some(parent) = target.parent() {
            let _ = fs_err::create_dir_all(parent);
        }
        if fs_err::write(&target, self.inner.secrets.scrub(text)).is_ok() {
            self.emit(Body::Artifact { title: title.to_owned(), path: path.to_owned() });
        }
    }

    /// Begins a phase; end it with [`PhaseGuard::done`] or [`PhaseGuard::end`].
    pub fn phase(&self, name: &str) -> PhaseGuard {
        self.emit(Body::PhaseStarted { phase: name.to_owned() });
        PhaseGuard {
            recorder: self.clone(),
            phase: name.to_owned(),
            begun: Instant::now(),
            ended: false,
        }
    }
}

/// What a phase or a step says that was dropped without an end: its error is told by whoever
/// returned it.
pub const NOT_FINISHED: &str = "not finished";

/// A phase under way. Dropped without an end it counts as failed.
#[derive(Debug)]
#[must_use]
pub struct PhaseGuard {
    recorder: Recorder,
    phase: String,
    begun: Instant,
    ended: bool,
}

impl PhaseGuard {
    fn finish(&mut self, ok: bool, detail: String) {
        self.ended = true;
        let seconds = self.begun.elapsed().as_secs_f64();
        self.recorder.emit(Body::PhaseEnded { phase: self.phase.clone(), detail, seconds, ok });
    }

    /// The phase achieved its aim; `detail` is its one line.
    pub fn done(mut self, detail: impl Into<String>) {
        self.finish(true, detail.into());
    }

    /// Ends by a result: its text is the line.
    pub fn end<T>(mut self, result: Result<T>, detail: impl FnOnce(&T) -> String) -> Result<T> {
        match &result {
            Ok(value) => self.finish(true, detail(value)),
            Err(error) => self.finish(false, error.to_string()),
        }
        result
    }

    /// Begins a step of this phase.
    pub fn step(&self, name: impl Into<String>) -> StepGuard {
        StepGuard::begin(&self.recorder, &self.phase, name.into())
    }

    /// Its name, for steps begun elsewhere.
    pub fn name(&self) -> &str {
        &self.phase
    }
}

impl Drop for PhaseGuard {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(false, NOT_FINISHED.to_owned());
        }
    }
}

/// A step under way, for progress.
#[derive(Debug)]
#[must_use]
pub struct StepGuard {
    recorder: Recorder,
    phase: String,
    step: String,
    begun: Instant,
    ended: bool,
}

impl StepGuard {
    /// Begins a step of a phase by name.
    pub fn begin(recorder: &Recorder, phase: &str, step: String) -> Self {
        let guard = StepGuard {
            recorder: recorder.clone(),
            phase: phase.to_owned(),
            step,
            begun: Instant::now(),
            ended: false,
        };
        guard.report(StepState::Started);
        guard
    }

    fn report(&self, state: StepState) {
        self.recorder.emit(Body::Step {
            phase: self.phase.clone(),
            step: self.step.clone(),
            state,
            seconds: self.begun.elapsed().as_secs_f64(),
        });
    }

    /// A word on how far it is.
    pub fn progress(&self, word: impl Into<String>) {
        self.report(StepState::Progress(word.into()));
    }

    /// Reports progress from elsewhere, e.g. from what a tool prints.
    pub fn reporter(&self) -> impl Fn(String) + Send + Sync + 'static {
        let (recorder, phase, step) =
            (self.recorder.clone(), self.phase.clone(), self.step.clone());
        let begun = self.begun;
        move |word| {
            let state = StepState::Progress(word);
            let (phase, step) = (phase.clone(), step.clone());
            recorder.emit(Body::Step {
                phase,
                step,
                state,
                seconds: begun.elapsed().as_secs_f64(),
            });
        }
    }

    /// It was in the cache.
    pub fn cached(mut self) {
        self.ended = true;
        self.report(StepState::Cached);
    }

    /// Done, with a word on the result.
    pub fn done(mut self, word: impl Into<String>) {
        self.ended = true;
        self.report(StepState::Done(word.into()));
    }

    /// Failed.
    pub fn failed(mut self, error: &crate::Error) {
        self.ended = true;
        self.report(StepState::Failed(error.to_string()));
    }
}

impl Drop for StepGuard {
    fn drop(&mut self) {
        if !self.ended {
            self.report(StepState::Failed(NOT_FINISHED.to_owned()));
        }
    }
}
