//! The duration of tests, printed after they ran, from nextest's JUnit file.

use std::path::Path;
use std::time::Duration;

use miette::IntoDiagnostic;
use quick_junit::{Report, TestCaseStatus};

/// How many of the slowest tests are listed.
const LISTED: usize = 10;

/// A summary of the tests of a run: how many, how long, and the slowest.
///
/// # Errors
/// The file cannot be read or is not JUnit.
pub(crate) fn summary(junit: &Path) -> miette::Result<String> {
    let text = std::fs::read_to_string(junit).into_diagnostic()?;
    let report = Report::deserialize_from_str(&text).into_diagnostic()?;
    Ok(render(&report))
}

fn render(report: &Report) -> String {
    let mut tests: Vec<(bool, Duration, String)> = Vec::new();
    for suite in &report.test_suites {
        let live = suite.name.as_str().starts_with("scenarios");
        for case in &suite.test_cases {
            if !matches!(case.status, TestCaseStatus::Skipped { .. }) {
                tests.push((live, case.time.unwrap_or_default(), case.name.to_string()));
            }
        }
    }
    tests.sort_by_key(|(_, time, _)| std::cmp::Reverse(*time));
    let sum = |live: bool| tests.iter().filter(|t| t.0 == live).map(|t| t.1).sum::<Duration>();
    let count = |live: bool| tests.iter().filter(|t| t.0 == live).count();
    let mut text = format!(
        "{} live scenarios took {}, one after the other; {} other tests {} of CPU; the slowest:",
        count(true),
        minutes(sum(true)),
        count(false),
        minutes(sum(false))
    );
    for (_, time, name) in tests.iter().take(LISTED) {
        text += &format!("\n  {:>6.1} s  {name}", time.as_secs_f64());
    }
    text
}

fn minutes(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearest_come_first_and_live_ones_are_summed_apart() {
        let junit = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" failures="0" errors="0" time="70">
  <testsuite name="scenarios::live" tests="2" disabled="0" errors="0" failures="0">
    <testcase name="a::short" classname="scenarios::live" time="20.5"></testcase>
    <testcase name="a::long" classname="scenarios::live" time="45.25"></testcase>
  </testsuite>
  <testsuite name="sparkproof" tests="1" disabled="0" errors="0" failures="0">
    <testcase name="unit" classname="sparkproof" time="0.5"></testcase>
  </testsuite>
</testsuites>"#;
        let report = Report::deserialize_from_str(junit).expect("JUnit");
        let text = render(&report);
        assert!(text.starts_with("2 live scenarios took 1 min 05 s"), "{text}");
        let at = |name: &str| text.find(name).expect("listed");
        assert!(at("a::long") < at("a::short") && at("a::short") < at("unit"), "{text}");
    }
}
