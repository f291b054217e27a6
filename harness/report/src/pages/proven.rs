//! The proven configurations of a run, as blocks of the pages.

use std::fmt::Write;
use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::events::Configuration;
use sparkproof_catalog::{ReadCheck, read_check};

use crate::{Check, CheckOutcome, Model};

/// The block of a variant.
pub(super) enum ProvenBlock {
    /// The block's content.
    Proven(String),
    /// The run has nothing for the page, for this reason.
    Unproven(String),
}

/// A block for each variant that was checked, with its key, which has Spark's version:
/// `proven:3-hostpath:3.5.9`.
pub(super) fn proven(model: &Model, spark: &str) -> Vec<(String, ProvenBlock)> {
    let mut variants: Vec<&str> = Vec::new();
    for check in &model.checks {
        if let Some(ReadCheck { variant, .. }) = read_check(&check.id)
            && !variants.contains(&variant)
        {
            variants.push(variant);
        }
    }
    let blocks =
        variants.into_iter().map(|variant| (key(variant, spark), proven_block(model, variant)));
    blocks.collect()
}

/// The key of a variant's block.
pub(super) fn key(variant: &str, spark: &str) -> String {
    format!("proven:{variant}:{spark}")
}

/// The Spark version of the run's sessions.
pub(super) fn spark_of(model: &Model) -> Option<&str> {
    model.configurations.first().map(|got| got.spark.as_str())
}

fn proven_block(model: &Model, variant: &str) -> ProvenBlock {
    let of = |check: &&Check| read_check(&check.id).is_some_and(|of| of.variant == variant);
    let checks: Vec<&Check> = model.checks.iter().filter(of).collect();
    let with = |outcome: CheckOutcome| checks.iter().find(|check| check.outcome == outcome);
    if let Some(red) = with(CheckOutcome::Red) {
        return ProvenBlock::Unproven(format!("{} is red", red.id));
    }
    if let Some(skipped) = checks.iter().find(|c| c.id == format!("read.{variant}")) {
        let reason = skipped.reason.as_deref().unwrap_or("no reason was given");
        return ProvenBlock::Proven(format!(
            "Skipped where this page was made: {}.\n",
            plain(reason)
        ));
    }
    // The latest configuration, since the latest verdict counts.
    match model.configurations.iter().rfind(|got| got.variant == variant) {
        Some(got) => ProvenBlock::Proven(block(model, got, &checks)),
        None => ProvenBlock::Unproven("the run has no configuration of it".to_owned()),
    }
}

/// A reason in one line, without the hosts of URLs, which differ between machines.
fn plain(reason: &str) -> String {
    static HOST: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(https?://)[^/\s]+").expect("a valid expression"));
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    HOST.replace_all(line.trim_end_matches('.'), "${1}HOST").into_owned()
}

fn block(model: &Model, got: &Configuration, checks: &[&Check]) -> String {
    let refused = checks.iter().find(|check| check.id.ends_with(".refused"));
    let green = checks.iter().filter(|check| check.outcome == CheckOutcome::Green).count();
    let verdict = match refused {
        Some(_) => "refused as declared".to_owned(),
        None => format!("{green} checks green"),
    };
    let mut text = format!("Spark {}: {verdict} ({}).\n", got.spark, model.title);
    for part in &got.parts {
        let _ = write!(text, "\n{}:\n```{}\n{}\n```\n", part.name, part.language, part.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_no_mirror() {
        let said = "go mod download x: reading https://proxy.example.org/x/@v/v2.info: 403\n\tNo.";
        let expected = "go mod download x: reading https://HOST/x/@v/v2.info: 403 No";
        assert_eq!(plain(said), expected);
    }
}
