//! Writes events and passes them to a sink (the console).

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::{Body, Event, Level, Observed, Outcome, Secrets, StepState, Verdict};
use crate::error::{ErrorContext, Result};

/// Receives every event as it is written, e.g. the console.
pub trait Sink: Send + Sync {
    /// Called in order, after each event was written.
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
    warned: Mutex<HashSet<String>>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

/// A sink that discards events.
#[derive(Debug, Clone, Copy)]
pub struct Silent;
impl Sink for Silent {
    fn see(&self, _: &Event) {}
}

impl Recorder {
    /// Opens `events-<pid>.jsonl` in the run directory, which is created if missing.
    pub fn open(dir: &Path, secrets: Secrets, sink: Box<dyn Sink>) -> Result<Self> {
        fs_err::create_dir_all(dir).or_environment("making the run directory")?;
        let path = dir.join(format!("events-{}.jsonl", std::process::id()));
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .or_environment(format!("opening {}", path.display()))?;
        let (file, verdicts, warned) = (Mutex::new(file), Mutex::default(), Mutex::default());
        let inner = Inner { dir: dir.to_owned(), file, sink, secrets, verdicts, warned };
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

    /// Records an event. A full disk must not change a verdict: write errors are ignored here and
    /// show as a missing report.
    pub fn emit(&self, mut body: Body) {
        // Masks texts, not the line: in the line quotes and backslashes of a secret are escaped.
        self.inner.secrets.scrub_body(&mut body);
        self.write(body);
    }

    /// Writes an event that is masked already.
    fn write(&self, body: Body) {
        let event = Event { at: jiff::Timestamp::now(), pid: std::process::id(), body };
        let Ok(line) = serde_json::to_string(&event) else { return };
        if let Ok(mut file) = self.inner.file.lock() {
            // One write for each line, so that lines of several threads never mix.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        // The sink gets what was written, masked.
        self.inner.sink.see(&event);
    }

    /// Records a decision with its reason.
    pub fn info(&self, text: impl Into<String>) {
        self.emit(Body::Note { level: Level::Info, text: text.into() });
    }

    /// Records that something is weaker than requested.
    pub fn warn(&self, text: impl Into<String>) {
        self.emit(Body::Note { level: Level::Warning, text: text.into() });
    }

    /// Records that something is weaker than requested, unless this process has said so before.
    pub fn warn_once(&self, text: impl Into<String>) {
        let text = text.into();
        let is_new = self.inner.warned.lock().is_ok_and(|mut all| all.insert(text.clone()));
        if is_new {
            self.warn(text);
        }
    }

    /// Records a version, digest or size for the report.
    pub fn fact(&self, name: impl Into<String>, value: impl Into<String>) {
        self.emit(Body::Fact { name: name.into(), value: value.into() });
    }

    /// Records an observation; returns it as it was written, secrets masked.
    pub fn observed(&self, mut observed: Observed) -> Observed {
        self.inner.secrets.scrub_observed(&mut observed);
        observed.sha256 = observed.digest();
        self.write(Body::Observed(observed.clone()));
        observed
    }

    /// Records a verdict.
    pub fn check(&self, verdict: Verdict) {
        if let Ok(mut verdicts) = self.inner.verdicts.lock() {
            verdicts.push((verdict.id.clone(), verdict.outcome.clone()));
        }
        self.emit(Body::Check(verdict));
    }

    /// Ids and outcomes of this process's verdicts so far, in order.
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

/// The detail of a phase or a step that was dropped without an end; its error is reported by the
/// caller.
pub const NOT_FINISHED: &str = "not finished";

/// A running phase. If it is dropped without an end, it counts as failed.
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

    /// The phase succeeded; `detail` is its result in one line.
    pub fn done(mut self, detail: impl Into<String>) {
        self.finish(true, detail.into());
    }

    /// Ends the phase with a result, whose text is the detail.
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

    /// Its name, for steps that begin elsewhere.
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

/// A running step.
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
    /// Begins a step of the phase with this name.
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

    /// Reports progress, in a few words.
    pub fn progress(&self, word: impl Into<String>) {
        self.report(StepState::Progress(word.into()));
    }

    /// A function that reports progress, e.g. for the output of a tool.
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

    /// Ends it: the result was in the cache.
    pub fn cached(mut self) {
        self.ended = true;
        self.report(StepState::Cached);
    }

    /// Ends it with its result in a few words.
    pub fn done(mut self, word: impl Into<String>) {
        self.ended = true;
        self.report(StepState::Done(word.into()));
    }

    /// Ends it with an error.
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
