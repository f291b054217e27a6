//! Live progress: spinners on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use sparkproof_base::events::{Body, Event, Level, NOT_FINISHED, Sink, StepState};

use super::text::{Paint, duration, line};

/// Without spinners, steps of at least this many seconds get a line.
const LONG_STEP: f64 = 5.0;

/// How much the console shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// A line for each phase, and notes.
    #[default]
    Lines,
    /// Failures and the closing line only.
    Quiet,
    /// The events themselves, one JSON object a line, and nothing else.
    Json,
}

/// Prints events as they come on standard output, and spinners on standard error.
pub struct Console {
    mode: Mode,
    paint: Paint,
    live: Option<MultiProgress>,
    state: Mutex<Shown>,
}

struct Shown {
    out: Box<dyn Write + Send>,
    /// Spinners in the order in which their phases and steps began.
    spinners: Vec<Spinner>,
}

/// The step; none for the spinner of the phase.
struct Spinner {
    phase: String,
    step: Option<String>,
    bar: ProgressBar,
}

impl Spinner {
    fn is(&self, phase: &str, step: Option<&str>) -> bool {
        self.phase == phase && self.step.as_deref() == step
    }
}

impl Console {
    /// A console on standard output, with spinners if both outputs are terminals.
    pub fn new(mode: Mode) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let live = (terminal && mode == Mode::Lines).then(MultiProgress::new);
        Self::on(Box::new(std::io::stdout()), mode, Paint(Self::colours()), live)
    }

    /// Colours on terminals only, unless NO_COLOR, CLICOLOR or CLICOLOR_FORCE say otherwise.
    pub(super) fn colours() -> bool {
        ::console::colors_enabled()
    }

    pub(super) fn on(
        out: Box<dyn Write + Send>,
        mode: Mode,
        paint: Paint,
        live: Option<MultiProgress>,
    ) -> Self {
        Console { mode, paint, live, state: Mutex::new(Shown { out, spinners: Vec::new() }) }
    }

    fn print(&self, shown: &mut Shown, text: &str) {
        // A closed pipe is not a failure of the run.
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
        Self::clear(shown, |s| s.is(phase, step));
        let bar = ProgressBar::new_spinner().with_style(style).with_prefix(line(prefix));
        // Steps are shown below their phase.
        let bar = match shown.spinners.iter().rfind(|s| step.is_some() && s.phase == phase) {
            Some(above) => live.insert_after(&above.bar, bar),
            None => live.add(bar),
        };
        bar.enable_steady_tick(Duration::from_millis(125));
        let step = step.map(str::to_owned);
        shown.spinners.push(Spinner { phase: phase.to_owned(), step, bar });
    }

    /// Removes the spinners for which `gone` holds.
    fn clear(shown: &mut Shown, gone: impl Fn(&Spinner) -> bool) {
        for spinner in shown.spinners.extract_if(.., |s| gone(s)) {
            spinner.bar.finish_and_clear();
        }
    }

    fn step(&self, shown: &mut Shown, phase: &str, step: &str, state: &StepState, seconds: f64) {
        let (ok, word) = match state {
            StepState::Started => return self.begin(shown, phase, Some(step)),
            StepState::Progress(word) => {
                if let Some(spinner) = shown.spinners.iter().find(|s| s.is(phase, Some(step))) {
                    spinner.bar.set_message(line(word));
                }
                return;
            }
            StepState::Cached => (true, "cached"),
            StepState::Done(word) => (true, word.as_str()),
            StepState::Failed(error) => (false, error.as_str()),
        };
        Self::clear(shown, |s| s.is(phase, Some(step)));
        let long = seconds >= LONG_STEP && self.live.is_none() && self.mode == Mode::Lines;
        if long || (!ok && word != NOT_FINISHED) {
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
                Self::clear(shown, |s| s.phase == *phase);
                if lines || !ok {
                    self.print(shown, &self.paint.row(*ok, phase, detail, *seconds));
                }
            }
            Body::RunEnded { .. } => Self::clear(shown, |_| true),
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
