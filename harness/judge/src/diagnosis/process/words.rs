//! Finds the words of the table in logs.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};
use sparkproof_base::verdict::Cause;

use super::super::evidence::{Evidence, PodRole};
use super::super::finding::Finding;
use super::exit;
use super::table::{Scope, WORDS, Words};

static COMPILED: LazyLock<Vec<(Regex, &'static Words)>> = LazyLock::new(|| {
    let compiled =
        |words: &'static Words| (Regex::new(words.line).expect("a valid expression"), words);
    WORDS.iter().map(compiled).collect()
});

/// Whether a line matches any: few lines of a log do.
static ANY: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(WORDS.iter().map(|words| words.line)).expect("valid expressions")
});

/// Lines that have such words and say nothing: the JVM's own file in /tmp, which it does without.
const HARMLESS: [&str; 2] = ["hsperfdata", "perf memory"];

/// What some line says.
pub(super) struct Found<'a> {
    pub(super) cause: Cause,
    pub(super) line: &'a str,
    words: &'static Words,
    what: &'a str,
    caller: Option<&'a str>,
}

/// The most specific words of some lines; of equal ones the last.
pub(super) fn find<'a>(lines: &[&'a str], scope: Scope) -> Option<Found<'a>> {
    let is_harmless = |line: &str| HARMLESS.iter().any(|words| line.contains(words));
    let says = |(_, line): &(usize, &&str)| ANY.is_match(line) && !is_harmless(line);
    let saying: Vec<_> = lines.iter().enumerate().filter(says).collect();
    let mut all = COMPILED.iter().filter(|(_, words)| words.scopes.contains(&scope));
    all.find_map(|(regex, words)| {
        let (at, line) = saying.iter().rfind(|(_, line)| regex.is_match(line))?;
        let found = regex.captures(line)?;
        let named = ["what", "in_words", "quoted"];
        let what = named.iter().find_map(|name| found.name(name)).map_or("", |m| m.as_str());
        let next = lines.get(at + 1).and_then(|next| next.trim().strip_prefix("at "));
        let caller = next.map(|frame| frame.split('(').next().unwrap_or(frame));
        Some(Found { cause: words.cause, line: line.trim(), words, what, caller })
    })
}

impl Found<'_> {
    pub(super) fn finding(&self, evidence: &Evidence, role: PodRole) -> Finding {
        let says = self.words.says.replace("{what}", self.what);
        let mut says = says.trim_end().to_owned();
        if let Some(caller) = self.caller.filter(|_| self.cause == Cause::JarMismatch) {
            says.push_str(&format!(", used by {caller}"));
        }
        let heap = exit::raise_heap(role);
        let remedy =
            self.words.remedy.replace("{heap}", heap).replace("{image}", &evidence.asked.image);
        Finding::new(self.cause, says, remedy.replace("PATH", directory(self.what)))
    }
}

/// The directory to put into a remedy.
fn directory(what: &str) -> &str {
    match what.rsplit_once('/') {
        Some(("", _)) => what,
        Some((directory, _)) if what.starts_with('/') => directory,
        _ => "PATH",
    }
}
