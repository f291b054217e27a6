//! The last lines of a run: problems, counts, the path of the report.

use std::io::Write;
use std::path::Path;

use sparkproof_base::error::Exit;

use super::model::CheckOutcome;
use super::text::{Paint, duration, hanging, line};
use super::{Console, Mode, Summary, reading};

/// Evidence of more lines than this is only in the report.
const LINES: usize = 8;
const REST: &str = "in the report";

/// Prints the closing lines on standard output; nothing in [`Mode::Json`].
pub fn print_closing(summary: &Summary, dir: &Path, mode: Mode) {
    let text = closing(summary, dir, mode, Paint(Console::colours()));
    // A closed pipe is not a failure of the run.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

pub(super) fn closing(summary: &Summary, dir: &Path, mode: Mode, paint: Paint) -> String {
    if mode == Mode::Json {
        return String::new();
    }
    let failures = summary.model.failures();
    let mut text = String::new();
    // The comparison, if files were read.
    if mode == Mode::Lines && !summary.model.reading.is_empty() {
        text += &format!("\n{}\n", reading::table(&summary.model.reading, paint));
    }
    text += &headline(summary, paint);
    text.push('\n');
    if mode == Mode::Lines || summary.exit != Some(Exit::Green) {
        text += &format!("report  {}\n", shown(&dir.join("report.html")));
    }
    for failure in &failures {
        let reason = hanging(&failure.reason, 12, LINES, REST);
        text += &format!(
            "\n{} {}  {reason}\n",
            paint.red("✗"),
            paint.red(&format!("{:<8}", failure.id))
        );
        for (name, value) in &failure.lines {
            text += &format!("  {name:<9} {}\n", hanging(value, 12, LINES, REST));
        }
    }
    text
}

fn headline(summary: &Summary, paint: Paint) -> String {
    let counts = summary.counts;
    let plural = if counts.green == 1 { "" } else { "s" };
    let green = format!("{} check{plural} green", counts.green);
    let red = format!("{} red", counts.red);
    let mut parts = vec![
        if summary.exit == Some(Exit::Green) { paint.green(&green) } else { green },
        if counts.red > 0 { paint.red(&red) } else { red },
    ];
    if counts.skipped > 0 {
        let skipped = summary.model.checks.iter().filter(|c| c.outcome == CheckOutcome::Skipped);
        let mut reasons: Vec<_> = skipped.filter_map(|c| c.reason.as_deref()).map(line).collect();
        reasons.sort();
        reasons.dedup();
        let reasons = format!("{} skipped ({})", counts.skipped, reasons.join("; "));
        parts.push(paint.yellow(&reasons));
    }
    // Commands without checks (`up`, `sweep`) end a run, too.
    let none = summary.model.checks.is_empty();
    let counted = if none { "no checks".to_owned() } else { parts.join(", ") };
    let mut text = format!("{counted} in {}", duration(summary.model.seconds));
    match summary.exit {
        Some(Exit::Green) => {}
        Some(exit) => text += &paint.red(&format!(": {}, exit {}", exit.meaning(), exit.code())),
        None => text += &paint.red(": did not end (killed?)"),
    }
    text
}

/// Shortens paths below the working directory to relative ones.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
