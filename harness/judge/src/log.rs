//! What logs say, and how far they were read.

use std::fmt;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// The beginning of a line in place of the rest of a log that could not be read.
pub const NOT_READ_ON: &str = "[sparkproof could not read on";
/// The line in place of the middle of a long log.
pub const CUT_OUT: &str = "[…]";
/// How many lines with the words are kept.
const KEPT: usize = 3;

/// How far a log was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRead {
    /// Number of its lines.
    pub lines: usize,
    /// Lines that name the level INFO or WARN. Without one the level may be too high for what is
    /// looked for.
    pub telling: usize,
    /// Lines that stand where something is missing.
    pub gaps: Vec<String>,
    /// Its last line.
    pub last: String,
}

impl LogRead {
    /// Reads a whole log.
    pub fn of(log: &str) -> Self {
        let level = |line: &&str| {
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| matches!(word, "INFO" | "WARN"))
        };
        let gap = |line: &&str| *line == CUT_OUT || line.starts_with(NOT_READ_ON);
        LogRead {
            lines: log.lines().count(),
            telling: log.lines().filter(level).count(),
            gaps: log.lines().filter(gap).map(str::to_owned).collect(),
            last: log.lines().next_back().unwrap_or_default().to_owned(),
        }
    }

    /// Why something may be missing in it.
    fn lacks(&self) -> Option<String> {
        match (self.lines, self.gaps.first(), self.telling) {
            (0, _, _) => Some("the driver's log is empty".to_owned()),
            (_, Some(gap), _) => Some(format!("the driver's log is not complete: {gap}")),
            (_, None, 0) => Some("no line of the driver's log is of level INFO or WARN".to_owned()),
            (_, None, _) => None,
        }
    }
}

impl fmt::Display for LogRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines read, the last: {}", self.lines, self.last)
    }
}

/// The lines of a log that have certain words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundLines {
    /// The log.
    pub log: LogRead,
    /// The first of the lines.
    pub lines: Vec<String>,
}

impl FoundLines {
    /// The lines of a log that have these words.
    pub fn of(log: &str, words: &str) -> Self {
        let lines = log.lines().filter(|line| line.contains(words)).take(KEPT);
        FoundLines { log: LogRead::of(log), lines: lines.map(str::to_owned).collect() }
    }

    pub(crate) fn first(&self, words: &str) -> Option<&str> {
        self.lines.iter().find(|line| line.contains(words)).map(String::as_str)
    }
}

/// What a driver was refused, which shows nowhere but in its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// The driver's log.
    pub log: LogRead,
    /// The refusals in it.
    pub refused: Vec<String>,
}

impl Observation for Refusals {
    type Expected = ();
    const KIND: &'static str = "driver.rights";

    fn judge(&self, (): &()) -> Judged {
        let judged = match (self.refused.is_empty(), self.log.lacks()) {
            (true, None) => Judged::green(),
            (false, _) => Judged::red(self.refused.join("\n"), "grant the verb that it names")
                .with("cause", "missing-verb"),
            (true, Some(why)) => Judged::red(
                format!("it cannot be seen whether the driver was refused a verb: {why}"),
                "let the driver log warnings, and read driver.log in the run directory",
            ),
        };
        judged.with("driver log", &self.log)
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let begun = "26/11/30 23:19:23 WARN Utils: Set SPARK_LOCAL_IP\n";
    let closed = "26/11/30 23:19:46 WARN ExecutorPodsWatchSnapshotSource: client closed\n";
    let verb = "system:serviceaccount:x:spark may not patch pods";
    let control = |name, log: &str, refused: &[&str], says| {
        let refused = refused.iter().map(|&verb| verb.to_owned()).collect();
        Control::seen(name, &(), &Refusals { log: LogRead::of(log), refused }, says)
    };
    let cut = |gap: &str| format!("{begun}{gap}\n{closed}");
    vec![
        control("a log without refusals", &format!("{begun}{closed}"), &[], Says::Green),
        control("a refusal", begun, &[verb], Says::Red("may not patch pods")),
        control("a refusal in a log that ends early", "", &[verb], Says::Red("may not patch pods")),
        control("an empty log", "", &[], Says::Red("the driver's log is empty")),
        control("a log cut short", &cut(CUT_OUT), &[], Says::Red("not complete: […]")),
        control(
            "a log that could not be read on",
            &cut("[sparkproof could not read on: closed]"),
            &[],
            Says::Red("not complete: [sparkproof could not read on: closed]"),
        ),
        control("a level above WARN", "Exception in x\n", &[], Says::Red("of level INFO or WARN")),
        Control::unseen::<Refusals>(&(), "the driver did not end"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_lines_with_the_words_the_first_are_kept() {
        let found = FoundLines::of(&"a word\nanother\n".repeat(9), "word");
        assert_eq!((found.lines.len(), found.log.lines), (KEPT, 18));
        assert_eq!(found.log.last, "another");
        assert_eq!(found.first("word"), Some("a word"));
        assert_eq!(found.first("words"), None);
    }
}
