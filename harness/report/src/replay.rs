//! Events files ─▶ [`Model`].

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::{
    Body, Event, Level, NOT_FINISHED, Outcome, PodMoment, StepState, Verdict,
};
use sparkproof_catalog::order_of;

use super::model::*;

impl Model {
    /// Reads all `events-*.jsonl` of a run directory, merged by time.
    ///
    /// An incomplete last line (its writer was killed) is ignored; unknown lines are ignored with
    /// a note.
    ///
    /// # Errors
    /// Bad input: there are no events.
    pub fn read(dir: &Path) -> Result<Model> {
        let (mut events, unread) = events(dir, plain)?;
        if events.is_empty() {
            return Err(no_events(dir));
        }
        // Stable: one process's events of the same instant keep their order.
        events.sort_by_key(|e| e.at);
        let (start, model) = (events[0].at, Model::default());
        let mut replay = Replay { start, owner: None, lives: HashMap::new(), model };
        replay.model.started = Some(replay.start);
        replay.model.seconds = replay.offset(events[events.len() - 1].at);
        events.into_iter().for_each(|event| replay.apply(event));
        let mut model = replay.model;
        model.close();
        model.notes.extend(unread.into_iter().map(|(what, count)| Note {
            at: model.seconds,
            warning: true,
            text: format!("{count} line(s) ignored in this report: {what}"),
        }));
        Ok(model)
    }

    /// Derives what is known only after all events.
    fn close(&mut self) {
        // In the order of the variants, from all sessions.
        self.reading.sort_by_key(|of| order_of(&of.variant));
        let interrupted = self.exit().is_some_and(sparkproof_base::Exit::is_interruption);
        let signal = Error::interrupted(sparkproof_base::Exit::Interrupt).what;
        let by_signal = |detail: &str| detail == NOT_FINISHED || detail.contains(&signal);
        for phase in &mut self.phases {
            if phase.state == State::NotEnded {
                phase.seconds = self.seconds - phase.at;
            }
            if interrupted && phase.state == State::Failed && by_signal(&phase.detail) {
                phase.state = State::Interrupted;
            }
            for step in &mut phase.steps {
                if interrupted && step.state == State::Failed && by_signal(&step.detail) {
                    step.state = State::Interrupted;
                }
            }
        }
    }
}

/// The paths of `events-*.jsonl` in a run directory. Bad input: it cannot be read.
fn event_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let listing = fs_err::read_dir(dir).or_input("reading the run directory")?;
    let named = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.starts_with("events-") && name.ends_with(".jsonl")
    };
    Ok(listing.filter_map(|entry| entry.ok()).map(|entry| entry.path()).filter(named).collect())
}

/// Whether this directory holds events of a run. Another run must not write there: one report would
/// be made from both.
pub fn holds_a_run(dir: &Path) -> Result<bool> {
    Ok(dir.exists() && !event_files(dir)?.is_empty())
}

fn no_events(dir: &Path) -> Error {
    Error::input(format!("no events in {}", dir.display()))
        .remedy("name the directory of a run, the one with events-*.jsonl")
}

/// The events of a run directory, those of one process in their order.
///
/// # Errors
/// Bad input: there are none, or a line cannot be read.
pub fn stored_events(dir: &Path) -> Result<Vec<Event>> {
    let (events, unread) = events(dir, |_| {})?;
    match unread.first_key_value() {
        Some((what, count)) => {
            Err(Error::input(format!("{}: {count} line(s) cannot be read: {what}", dir.display()))
                .remedy("use the version of sparkproof that made the run"))
        }
        None if events.is_empty() => Err(no_events(dir)),
        None => Ok(events),
    }
}

/// All events, and the number of unreadable lines by kind.
fn events(dir: &Path, change: fn(&mut Value)) -> Result<(Vec<Event>, BTreeMap<String, usize>)> {
    let mut events = Vec::new();
    let mut unread = BTreeMap::new();
    for path in event_files(dir)? {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = fs_err::read(&path).or_environment("reading the events")?;
        // kill -9 can leave a part of a character.
        let text = String::from_utf8_lossy(&bytes);
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            match parse(line, change) {
                Ok(event) => events.push(event),
                Err(what) => {
                    *unread.entry(what.unwrap_or(format!("unreadable, in {name}"))).or_default() +=
                        1;
                }
            }
        }
    }
    Ok((events, unread))
}

/// Parses one line; the error is the kind of the event, if only that is unknown.
fn parse(line: &str, change: fn(&mut Value)) -> Result<Event, Option<String>> {
    let mut value: Value = serde_json::from_str(line).map_err(|_| None)?;
    change(&mut value);
    let kind = value["body"]["event"].as_str().map(|kind| format!("events of kind `{kind}`"));
    serde_json::from_value(value).map_err(|_| kind)
}

/// Removes terminal colours from logs.
fn plain(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\u{1b}') => {
            *text = ::console::strip_ansi_codes(text).into_owned();
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Object(items) => items.values_mut().for_each(plain),
        _ => {}
    }
}

struct Replay {
    start: Timestamp,
    /// The process whose end is the run's end.
    owner: Option<u32>,
    /// Where each pod's present life is in the model: thousands of pods must not be searched for each.
    lives: HashMap<String, usize>,
    model: Model,
}

impl Replay {
    fn offset(&self, at: Timestamp) -> f64 {
        at.duration_since(self.start).as_secs_f64()
    }

    fn apply(&mut self, Event { at, pid, body }: Event) {
        let at = self.offset(at);
        let model = &mut self.model;
        match body {
            Body::RunStarted { run, title, plan } => {
                // Processes under `exec` may record a start, too: the first one owns the run.
                if self.owner.is_none() {
                    self.owner = Some(pid);
                    (model.run, model.title, model.plan) = (run, title, plan);
                }
            }
            Body::RunEnded { exit, error } => {
                if self.owner.is_none_or(|owner| owner == pid) {
                    model.end = Some(End { exit, error });
                }
            }
            Body::Fact { name, value } => match model.facts.iter_mut().find(|f| f.name == name) {
                Some(fact) => fact.value = value,
                None => model.facts.push(Fact { name, value }),
            },
            Body::PhaseStarted { phase } => {
                model.phases.push(begun(phase, pid, at, State::NotEnded))
            }
            Body::PhaseEnded { phase, detail, seconds, ok } => {
                let index = self.open(&phase, pid).unwrap_or_else(|| {
                    self.push(begun(phase, pid, (at - seconds).max(0.0), State::NotEnded))
                });
                let phase = &mut self.model.phases[index];
                phase.state = if ok { State::Ok } else { State::Failed };
                (phase.detail, phase.seconds) = (detail, seconds);
            }
            Body::Step { phase, step, state, seconds } => {
                self.step(at, pid, phase, step, state, seconds)
            }
            Body::Note { level, text } => {
                model.notes.push(Note { at, warning: level == Level::Warning, text });
            }
            Body::Pod { pod, moment, detail } => {
                let moment = Moment { at, moment, detail };
                // A StatefulSet creates a pod of the same name again.
                let is_over = |life: &PodLife| {
                    moment.moment == PodMoment::Created && life.first(PodMoment::Deleted).is_some()
                };
                let known = self.lives.get(&pod).and_then(|index| model.pods.get_mut(*index));
                match known {
                    Some(life) if !is_over(life) => life.moments.push(moment),
                    _ => {
                        self.lives.insert(pod.clone(), model.pods.len());
                        model.pods.push(PodLife { pod, moments: vec![moment] });
                    }
                }
            }
            Body::PodList { title, text } => model.pod_lists.push(PodList { title, text }),
            // Only `--rejudge` uses observations.
            Body::Observed(_) => {}
            Body::Check(verdict) => model.checks.push(check(at, verdict)),
            Body::Reading(figures) => model.reading.push(figures),
            Body::Configuration(got) => model.configurations.push(got),
            Body::Artifact { title, path } => model.artifacts.push(Artifact { title, path }),
        }
    }

    fn step(
        &mut self,
        at: f64,
        pid: u32,
        phase: String,
        step: String,
        state: StepState,
        took: f64,
    ) {
        let from = (at - took).max(0.0);
        let named = |p: &Phase| p.name == phase;
        // Tools may report after the end of a phase. Such steps must be shown, and must not make
        // the run look killed.
        let index = self
            .open(&phase, pid)
            .or_else(|| self.model.phases.iter().rposition(named))
            .unwrap_or_else(|| self.push(begun(phase, pid, from, State::Ok)));
        let phase = &mut self.model.phases[index];
        let known = phase.steps.iter().rposition(|s| s.name == step);
        let open = known.filter(|i| phase.steps[*i].state == State::NotEnded);
        let index = match (&state, open) {
            (StepState::Progress(_), None) if known.is_some() => return,
            (StepState::Started, _) | (_, None) => {
                let (state, detail) = (State::NotEnded, String::new());
                phase.steps.push(Step { name: step, at: from, seconds: took, state, detail });
                phase.steps.len() - 1
            }
            (_, Some(index)) => index,
        };
        let step = &mut phase.steps[index];
        step.seconds = took;
        (step.state, step.detail) = match state {
            StepState::Started => (State::NotEnded, String::new()),
            StepState::Progress(word) => (State::NotEnded, word),
            StepState::Cached => (State::Cached, "cached".to_owned()),
            StepState::Done(word) => (State::Ok, word),
            StepState::Failed(error) => (State::Failed, error),
        };
    }

    /// The last open phase of a name, preferably of this process.
    fn open(&self, name: &str, pid: u32) -> Option<usize> {
        let phases = &self.model.phases;
        let open = |p: &Phase| p.name == name && p.state == State::NotEnded;
        phases
            .iter()
            .rposition(|p| open(p) && p.pid == pid)
            .or_else(|| phases.iter().rposition(open))
    }

    fn push(&mut self, phase: Phase) -> usize {
        self.model.phases.push(phase);
        self.model.phases.len() - 1
    }
}

fn begun(name: String, pid: u32, at: f64, state: State) -> Phase {
    let (detail, steps) = (String::new(), Vec::new());
    Phase { name, pid, at, seconds: 0.0, state, detail, steps }
}

fn check(at: f64, verdict: Verdict) -> Check {
    let (outcome, reason, remedy) = match verdict.outcome {
        Outcome::Green => (CheckOutcome::Green, None, None),
        Outcome::Red { reason, remedy } => (CheckOutcome::Red, Some(reason), remedy),
        Outcome::Skipped { reason } => (CheckOutcome::Skipped, Some(reason), None),
    };
    let evidence =
        verdict.evidence.into_iter().map(|e| Evidence { name: e.name, text: e.text }).collect();
    let (id, title, seconds) = (verdict.id, verdict.title, verdict.seconds);
    Check { id, title, outcome, reason, remedy, at, seconds, evidence }
}
