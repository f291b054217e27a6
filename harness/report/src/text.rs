//! Words, numbers and colours shared by the console and the pages.

use console::{Style, measure_text_width};

/// Where the times of the console's rows begin.
const TIME_COLUMN: usize = 70;

/// Seconds as people say them: `2.1 s`, `2 min 31 s`, `1 h 02 min`.
pub(super) fn duration(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round();
    if tenths < 600.0 {
        return format!("{:.1} s", tenths / 10.0);
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes} min {seconds:02} s"),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

/// Short times with two decimals: `0.21 s`.
pub(super) fn fine(seconds: f64) -> String {
    if seconds < 9.995 { format!("{seconds:.2} s") } else { duration(seconds) }
}

/// Bytes by their thousands, in three digits: `712 B`, `13.2 MB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn bytes(count: u64) -> String {
    thousands(count as f64)
}

/// Bytes a second: `410 MB/s`.
pub(super) fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", thousands(bytes_per_second))
}

fn thousands(mut value: f64) -> String {
    let mut units = ["B", "kB", "MB", "GB", "TB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    while value >= 999.5
        && let Some(larger) = units.next()
    {
        (value, unit) = (value / 1000.0, larger);
    }
    let decimals = match value {
        _ if unit == "B" => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {unit}")
}

/// The same word, as the beginning of a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// One line whatever the text: control characters could move the cursor.
pub(super) fn line(text: &str) -> String {
    let text = console::strip_ansi_codes(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(char::is_control, "")
}

/// A few lines at most, the further ones under the first, beginning at a column; `rest` says where
/// the others are.
pub(super) fn hanging(text: &str, column: usize, most: usize, rest: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let mut shown: Vec<String> = lines.iter().take(most).map(|l| line(l)).collect();
    if lines.len() > most {
        shown.push(format!("… {} more lines {rest}", lines.len() - most));
    }
    shown.join(&format!("\n{}", " ".repeat(column)))
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, style: Style, text: &str) -> String {
        style.force_styling(self.0).apply_to(text).to_string()
    }
    pub(super) fn green(self, text: &str) -> String {
        self.with(Style::new().green().bold(), text)
    }
    pub(super) fn red(self, text: &str) -> String {
        self.with(Style::new().red().bold(), text)
    }
    pub(super) fn yellow(self, text: &str) -> String {
        self.with(Style::new().yellow(), text)
    }
    pub(super) fn dim(self, text: &str) -> String {
        self.with(Style::new().dim(), text)
    }
    pub(super) fn bold(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    /// A finished phase or step: name, detail, dots, time.
    pub(super) fn row(self, ok: bool, name: &str, detail: &str, seconds: f64) -> String {
        let detail = line(detail);
        let used = 2 + measure_text_width(name).max(9) + 1 + measure_text_width(&detail) + 1;
        let dots = ".".repeat(TIME_COLUMN.saturating_sub(used + 1).max(3));
        let (mark, name) = match ok {
            true => (" ".to_owned(), self.bold(&format!("{name:<9}"))),
            false => (self.red("✗"), self.red(&format!("{name:<9}"))),
        };
        format!("{mark} {name} {detail} {} {}", self.dim(&dots), duration(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_never_show_sixty_seconds() {
        let shown = [0.04, 2.149, 59.94, 59.96, 151.4, 3599.6, 3725.0].map(duration);
        let expected =
            ["0.0 s", "2.1 s", "59.9 s", "1 min 00 s", "2 min 31 s", "1 h 00 min", "1 h 02 min"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn bytes_have_three_digits() {
        let shown = [0, 712, 999, 4_230, 13_230_157, 999_600, 687_000_000, 12_500_000_000];
        let expected =
            ["0 B", "712 B", "999 B", "4.23 kB", "13.2 MB", "1.00 MB", "687 MB", "12.5 GB"];
        assert_eq!(shown.map(bytes), expected);
        assert_eq!((rate(9_996e3).as_str(), fine(0.213).as_str()), ("10.0 MB/s", "0.21 s"));
        assert_eq!([fine(9.994), fine(9.996), fine(75.0)], ["9.99 s", "10.0 s", "1 min 15 s"]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(line("a\u{1b}[31mb\u{1b}[0m\r\n\tc\u{7}"), "ab c");
    }
}
