//! `report.html`: one file that works offline, with everything in the events.

use askama::Template;
use sparkproof_base::error::{ErrorContext, Exit, Result};

use super::chart::{Chart, LIFE};
use super::groups::{Group, groups};
use super::model::{Check, CheckOutcome, Failure, Model, Phase};
use super::reading::{COLUMNS, Plot, Proofs, figures, plots, proofs};
use super::text::duration;
use super::{Counts, Summary, chart};

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
    proofs: Option<Proofs<'a>>,
    plots: Vec<Plot>,
    compared: Vec<(&'a str, [String; COLUMNS.len()])>,
    phases: Chart,
    stepped: Vec<&'a Phase>,
    pods: Chart,
    lives: Vec<(&'a str, Vec<String>)>,
    plan: Option<String>,
}

impl Page<'_> {
    // Askama passes references to filters and methods.
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
        groups: groups(model),
        proofs: proofs(&model.checks),
        plots: plots(&model.reading),
        compared: model.reading.iter().map(|f| (f.variant.as_str(), figures(f))).collect(),
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
