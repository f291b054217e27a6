//! docs/coverage.md: Spark's own integration tests, and the checks that were green in a run.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;
use sparkproof_base::error::{Error, ErrorContext, Result};

use crate::pages::blocks;
use crate::{CheckOutcome, SUMMARY, Summary};

const TABLE: &str = include_str!("../../coverage.toml");
/// The block of the page.
const BLOCK: &str = "coverage";

/// A test of Spark's suite, and the checks that cover it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    suite: String,
    name: String,
    /// Ids of checks; `*` stands for any part.
    #[serde(default)]
    checks: Vec<String>,
    /// What these checks assert.
    asserts: Option<String>,
    /// Why there are no such checks.
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverageTable {
    test: Vec<Test>,
}

/// Writes into the marked block of a page which tests of Spark's own suite a run covered, with its
/// scenarios. Returns a line for each test whose checks were not all green in the run.
///
/// # Errors
/// Bad input: no such page, a page without the block, a directory without reports.
pub fn write_coverage(run: &Path, page: &Path) -> Result<Vec<String>> {
    let green = green_in(run)?;
    let text = fs_err::read_to_string(page).or_input("reading the page")?;
    let (content, missing) = rows(&table()?, &green);
    let written = blocks::replace(&text, BLOCK, &content)?;
    fs_err::write(page, written).or_environment("writing the page")?;
    Ok(missing)
}

fn table() -> Result<Vec<Test>> {
    let table: CoverageTable = toml::from_str(TABLE).or_internal("coverage.toml")?;
    Ok(table.test)
}

/// Ids of the checks that were green in a run or in one of its scenarios.
fn green_in(run: &Path) -> Result<BTreeSet<String>> {
    let mut green = BTreeSet::new();
    for file in walkdir::WalkDir::new(run).max_depth(3) {
        let file = file.or_input("looking for reports")?;
        if file.file_name() != SUMMARY {
            continue;
        }
        let text = fs_err::read(file.path()).or_input("reading a report")?;
        let summary: Summary = serde_json::from_slice(&text).or_input("reading a report")?;
        let of = summary.model.checks.into_iter().filter(|c| c.outcome == CheckOutcome::Green);
        green.extend(of.map(|check| check.id));
    }
    match green.is_empty() {
        true => Err(Error::input(format!("{} holds no report of a green check", run.display()))),
        false => Ok(green),
    }
}

fn rows(tests: &[Test], green: &BTreeSet<String>) -> (String, Vec<String>) {
    let mut text =
        "| Spark's suite | its test | here | what is asserted |\n| --- | --- | --- | --- |\n"
            .to_owned();
    let mut missing = Vec::new();
    for Test { suite, name, checks, asserts, reason } in tests {
        let found = |check: &String| green.iter().any(|id| fits(check, id));
        let (seen, unseen): (Vec<_>, Vec<_>) = checks.iter().partition(|check| found(check));
        if !unseen.is_empty() {
            missing.push(format!("{suite}, {name}: not green in this run: {unseen:?}"));
        }
        let here = seen.iter().map(|check| format!("`{check}`")).collect::<Vec<_>>().join(", ");
        let here = if here.is_empty() { "–".to_owned() } else { here };
        let words = match (seen.is_empty(), asserts, reason) {
            (false, Some(asserts), _) => asserts.as_str(),
            (_, _, Some(reason)) => reason.as_str(),
            _ => "not green in the run that this page was made from",
        };
        let _ = writeln!(text, "| {suite} | {name} | {here} | {words} |");
    }
    (text, missing)
}

/// Whether an id matches a pattern, in which `*` stands for anything.
fn fits(pattern: &str, id: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == id,
        Some((start, end)) => {
            id.len() >= start.len() + end.len() && id.starts_with(start) && id.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_is_covered_or_has_a_reason() {
        for test in table().expect("valid") {
            let covered = !test.checks.is_empty() && test.asserts.is_some();
            assert!(covered != test.reason.is_some(), "{test:?}");
        }
    }

    #[test]
    fn a_row_says_what_was_green_and_no_more() {
        let test = |checks: &[&str]| Test {
            suite: "S".into(),
            name: "n".into(),
            checks: checks.iter().map(|c| (*c).to_owned()).collect(),
            asserts: Some("words".into()),
            reason: None,
        };
        let green = ["a.b.c".to_owned(), "x".to_owned()].into();
        let (text, missing) = rows(&[test(&["a.*.c", "y"]), test(&["y"])], &green);
        assert!(text.contains("| S | n | `a.*.c` | words |"), "{text}");
        assert!(text.contains("| S | n | – | not green in the run"), "{text}");
        assert_eq!(missing.len(), 2);
    }
}
