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

/// A few lines at most, the further ones under the first, beginning at a column.
pub(super) fn hanging(text: &str, column: usize, most: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let mut shown: Vec<String> = lines.iter().take(most).map(|l| line(l)).collect();
    if lines.len() > most {
        shown.push(format!("… {} more lines in the report", lines.len() - most));
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
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(line("a\u{1b}[31mb\u{1b}[0m\r\n\tc\u{7}"), "ab c");
    }
}
