//! Live progress: spinners on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::text::{Paint, duration, line};
use crate::events::{Body, Event, Level, Sink, StepState};

/// Steps that took at least this many seconds get a line of their own where no spinner shows them.
const LONG_STEP: f64 = 5.0;

/// How much is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// A line a phase, decisions and warnings.
    #[default]
    Lines,
    /// Only failures, and the closing line.
    Quiet,
    /// The events themselves, one JSON object a line, and nothing else.
    Json,
}

/// Shows events as they come, on standard output; spinners go to standard error.
pub struct Console {
    mode: Mode,
    paint: Paint,
    live: Option<MultiProgress>,
    state: Mutex<Shown>,
}

struct Shown {
    out: Box<dyn Write + Send>,
    /// By phase and step; the phase itself has no step.
    spinners: HashMap<(String, Option<String>), ProgressBar>,
}

impl Console {
    /// On standard output; spinners when both outputs are terminals.
    pub fn new(mode: Mode) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let live = (terminal && mode == Mode::Lines).then(MultiProgress::new);
        Self::on(Box::new(std::io::stdout()), mode, Paint(Self::colours()), live)
    }

    /// Colours only on terminals, by the conventions NO_COLOR, CLICOLOR, CLICOLOR_FORCE.
    pub(super) fn colours() -> bool {
        ::console::colors_enabled()
    }

    pub(super) fn on(
        out: Box<dyn Write + Send>,
        mode: Mode,
        paint: Paint,
        live: Option<MultiProgress>,
    ) -> Self {
        Console { mode, paint, live, state: Mutex::new(Shown { out, spinners: HashMap::new() }) }
    }

    fn print(&self, shown: &mut Shown, text: &str) {
        // A reader who closed the pipe has seen enough: that is no failure of the run.
        let mut write = || {
            let _ = writeln!(shown.out, "{text}");
            let _ = shown.out.flush();
        };
        match &self.live {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }

    fn begin(&self, shown: &mut Shown, phase: &str, step: Option<&str>) {
        let Some(live) = &self.live else { return };
        let (template, prefix) = match step {
            None => ("{spinner:.cyan} {prefix:9!.bold} {took} {wide_msg:.dim}", phase),
            Some(step) => {
                ("            {spinner:.cyan} {prefix} {took:.dim} {wide_msg:.dim}", step)
            }
        };
        let took = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&duration(state.elapsed().as_secs_f64()));
        };
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key("took", took);
        let spinner = ProgressBar::new_spinner().with_style(style).with_prefix(line(prefix));
        let spinner = match shown.spinners.get(&(phase.to_owned(), None)) {
            Some(above) if step.is_some() => live.insert_after(above, spinner),
            _ => live.add(spinner),
        };
        spinner.enable_steady_tick(Duration::from_millis(125));
        let key = (phase.to_owned(), step.map(str::to_owned));
        if let Some(replaced) = shown.spinners.insert(key, spinner) {
            replaced.finish_and_clear();
        }
    }

    /// Takes away the spinners for which `gone` holds.
    fn clear(shown: &mut Shown, gone: impl Fn(&str, Option<&str>) -> bool) {
        shown.spinners.retain(|(phase, step), spinner| {
            let gone = gone(phase, step.as_deref());
            if gone {
                spinner.finish_and_clear();
            }
            !gone
        });
    }

    fn step(&self, shown: &mut Shown, phase: &str, step: &str, state: &StepState, seconds: f64) {
        let (ok, word) = match state {
            StepState::Started => return self.begin(shown, phase, Some(step)),
            StepState::Progress(word) => {
                let key = (phase.to_owned(), Some(step.to_owned()));
                if let Some(spinner) = shown.spinners.get(&key) {
                    spinner.set_message(line(word));
                }
                return;
            }
            StepState::Cached => (true, "cached"),
            StepState::Done(word) => (true, word.as_str()),
            StepState::Failed(error) => (false, error.as_str()),
        };
        Self::clear(shown, |p, s| p == phase && s == Some(step));
        let long = seconds >= LONG_STEP && self.live.is_none() && self.mode == Mode::Lines;
        if long || !ok {
            let detail = if word.is_empty() { step.to_owned() } else { format!("{step}: {word}") };
            let row = self.paint.row(ok, phase, &format!("· {detail}"), seconds);
            self.print(shown, &row);
        }
    }

    fn show(&self, shown: &mut Shown, body: &Body) {
        let lines = self.mode == Mode::Lines;
        match body {
            Body::RunStarted { run, title, .. } if lines => {
                let version = env!("CARGO_PKG_VERSION");
                let text = format!("sparkproof {version} · run {run} · {}", line(title));
                self.print(shown, &self.paint.bold(&text));
            }
            Body::Note { level: Level::Warning, text } if lines => {
                let text = self.paint.yellow(&format!("! warning   {}", line(text)));
                self.print(shown, &text);
            }
            Body::Note { level: Level::Info, text } if lines => {
                let text = self.paint.dim(&format!("  note      {}", line(text)));
                self.print(shown, &text);
            }
            Body::PhaseStarted { phase } => self.begin(shown, phase, None),
            Body::Step { phase, step, state, seconds } => {
                self.step(shown, phase, step, state, *seconds);
            }
            Body::PhaseEnded { phase, detail, seconds, ok } => {
                Self::clear(shown, |p, _| p == phase);
                if lines || !ok {
                    self.print(shown, &self.paint.row(*ok, phase, detail, *seconds));
                }
            }
            Body::RunEnded { .. } => Self::clear(shown, |_, _| true),
            _ => {}
        }
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Sink for Console {
    fn see(&self, event: &Event) {
        let Ok(mut shown) = self.state.lock() else { return };
        match self.mode {
            Mode::Json => {
                if let Ok(text) = serde_json::to_string(event) {
                    self.print(&mut shown, &text);
                }
            }
            Mode::Lines | Mode::Quiet => self.show(&mut shown, &event.body),
        }
    }
}
