//! `report.html`: one file that works offline, with all that the events say.

use askama::Template;

use super::chart::{self, Chart, LIFE};
use super::model::{Check, CheckOutcome, Failure, Model, Phase};
use super::text::duration;
use super::{Counts, Summary};
use crate::error::{Exit, OrFail, Result};

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    version: &'static str,
    headline: String,
    tone: &'static str,
    exit: String,
    counts: Counts,
    warnings: usize,
    model: &'a Model,
    failures: Vec<Failure>,
    groups: Vec<Group<'a>>,
    phases: Chart,
    stepped: Vec<&'a Phase>,
    pods: Chart,
    lives: Vec<(&'a str, Vec<String>)>,
    plan: Option<String>,
}

/// Checks of one topic: what stands before the dot of their ids.
struct Group<'a> {
    topic: &'a str,
    checks: Vec<&'a Check>,
}

impl Page<'_> {
    // Templates pass references.
    fn duration(&self, seconds: &f64) -> String {
        duration(*seconds)
    }
}

pub(super) fn page(summary: &Summary) -> Result<String> {
    let model = &summary.model;
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        headline: summary.headline(),
        tone: tone(summary.exit),
        exit: summary.exit_code.map_or("none".to_owned(), |code| code.to_string()),
        counts: summary.counts,
        warnings: model.notes.iter().filter(|n| n.warning).count(),
        model,
        failures: model.failures(),
        groups: groups(&model.checks),
        phases: chart::phases(model),
        stepped: model.phases.iter().filter(|p| !p.steps.is_empty()).collect(),
        pods: chart::pods(model),
        lives: lives(model),
        plan: (!model.plan.is_null()).then(|| format!("{:#}", model.plan)),
    };
    page.render().or_internal("rendering the report")
}

fn tone(exit: Option<Exit>) -> &'static str {
    match exit {
        Some(Exit::Green) => "green",
        Some(exit) if exit.is_interruption() => "amber",
        _ => "red",
    }
}

/// By topic as they first came; within a topic what needs a look first.
fn groups(checks: &[Check]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for check in checks {
        let topic = check.id.split('.').next().unwrap_or_default();
        match groups.iter_mut().find(|g| g.topic == topic) {
            Some(group) => group.checks.push(check),
            None => groups.push(Group { topic, checks: vec![check] }),
        }
    }
    for group in &mut groups {
        group.checks.sort_by_key(|c| match c.outcome {
            CheckOutcome::Red => 0,
            CheckOutcome::Skipped => 1,
            CheckOutcome::Green => 2,
        });
    }
    groups
}

/// The moments of each pod in the columns of [`LIFE`].
fn lives(model: &Model) -> Vec<(&str, Vec<String>)> {
    let cell = |at: Option<f64>| at.map_or("–".to_owned(), |at| format!("{at:.2}"));
    let row = |pod: &super::PodLife| LIFE.iter().map(|(m, ..)| cell(pod.first(*m))).collect();
    model.pods.iter().map(|pod| (pod.pod.as_str(), row(pod))).collect()
}

impl Check {
    fn class(&self) -> &'static str {
        match self.outcome {
            CheckOutcome::Green => "green",
            CheckOutcome::Red => "red",
            CheckOutcome::Skipped => "skipped",
        }
    }

    fn mark(&self) -> &'static str {
        match self.outcome {
            CheckOutcome::Green => "✓",
            CheckOutcome::Red => "✗",
            CheckOutcome::Skipped => "–",
        }
    }
}
