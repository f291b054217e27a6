//! `junit.xml`: phases and checks as test cases.
//!
//! A red check is a *failure*. A phase that failed, and a run that was interrupted or killed, is an
//! *error*, so that a reader of this file alone does not take an unfinished run for a green one.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use sparkproof_base::error::{ErrorContext, Exit, Result};
use sparkproof_catalog::{ReadCheck, read_check};

use super::Summary;
use super::model::{Check, CheckOutcome, Phase, State};

pub(super) fn junit(summary: &Summary) -> Result<String> {
    let model = &summary.model;
    let mut report = Report::new("sparkproof");
    report.set_time(Duration::from_secs_f64(model.seconds));

    let mut phases = TestSuite::new("phases");
    phases.set_time(Duration::from_secs_f64(model.seconds));
    phases.add_property(("run", model.run.as_str()));
    phases.add_property(("title", model.title.as_str()));
    if let Some(started) = model.started {
        phases.add_property(("started", started.to_string().as_str()));
    }
    phases.add_properties(model.facts.iter().map(|f| (f.name.as_str(), f.value.as_str())));
    phases.add_test_cases(model.phases.iter().map(phase));
    phases.add_test_case(end(summary));

    let mut checks = TestSuite::new("checks");
    checks.set_time(Duration::from_secs_f64(model.checks.iter().map(|c| c.seconds.max(0.0)).sum()));
    checks.add_test_cases(model.checks.iter().map(|c| check(c, model.is_unproven(c))));

    report.add_test_suites([phases, checks]);
    report.to_string().or_internal("writing JUnit")
}

fn case(class: &str, name: &str, status: TestCaseStatus, seconds: f64) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("sparkproof.{class}"));
    case.set_time(Duration::from_secs_f64(seconds.max(0.0)));
    case
}

fn phase(phase: &Phase) -> TestCase {
    let status = match phase.state {
        State::Ok | State::Cached => TestCaseStatus::success(),
        State::Failed | State::Interrupted | State::NotEnded => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            let message = if phase.detail.is_empty() { "did not end" } else { &phase.detail };
            status.set_message(message);
            status
        }
    };
    let good = matches!(status, TestCaseStatus::Success { .. });
    let mut case = case("phase", &phase.name, status, phase.seconds);
    if good {
        case.set_system_out(phase.detail.as_str());
    }
    case
}

/// The run as a whole: an error, unless it is green or red for a reason that has its own case.
fn end(summary: &Summary) -> TestCase {
    let status = match summary.exit {
        Some(Exit::Green | Exit::Red) if summary.model.exit() == Some(summary.model.found()) => {
            TestCaseStatus::success()
        }
        exit => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(summary.headline());
            status.set_type(exit.map_or("not ended", Exit::meaning));
            let error = summary.model.end.as_ref().and_then(|end| end.error.as_deref());
            status.set_description(error.unwrap_or_default());
            status
        }
    };
    case("run", "run", status, summary.model.seconds)
}

/// A variant that was requested by its id and skipped is a failure, too.
fn check(check: &Check, unproven: bool) -> TestCase {
    let reason = check.reason.as_deref().unwrap_or_default();
    let evidence: Vec<_> =
        check.evidence.iter().map(|e| format!("{}: {}", e.name, e.text)).collect();
    let mut status = match check.outcome {
        CheckOutcome::Green => TestCaseStatus::success(),
        CheckOutcome::Skipped if !unproven => TestCaseStatus::skipped(),
        CheckOutcome::Skipped | CheckOutcome::Red => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
    };
    if check.outcome != CheckOutcome::Green {
        status.set_message(reason);
    }
    if check.outcome == CheckOutcome::Red {
        let lines = check.lines().into_iter().map(|(name, text)| format!("{name}: {text}"));
        status.set_description(lines.collect::<Vec<_>>().join("\n"));
    }
    // Checks of reading have the variant as class name, so that a CI server groups them.
    let class = match read_check(&check.id) {
        Some(ReadCheck { variant, .. }) => format!("read.{variant}"),
        None => "check".to_owned(),
    };
    let mut case = case(&class, &check.id, status, check.seconds);
    case.add_property(("title", check.title.as_str()));
    if !evidence.is_empty() {
        case.set_system_out(evidence.join("\n"));
    }
    case
}
