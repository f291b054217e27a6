//! The counters of each way of reading.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::VariantId;
use sparkproof_judge::{COUNTERS_SCHEMA, ExpectedCounters, REQUESTS};

use super::conditions::Conditions;

static BASELINES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/baselines");

/// The version of the form of these files.
pub const BASELINES_SCHEMA: u32 = 1;

/// The committed counters of one way of reading, `<variant>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadBaseline {
    /// The version of its form.
    pub schema: u32,
    /// The version of what is counted, and under which names.
    pub counters_schema: u32,
    /// The variant.
    pub variant: VariantId,
    /// Its counters, one set for each condition, in their order.
    pub sets: Vec<CounterSet>,
}

/// The counters of one variant under one condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterSet {
    /// Under which condition.
    #[serde(flatten)]
    pub conditions: Conditions,
    /// The counters, by name.
    pub counters: BTreeMap<String, u64>,
}

impl ReadBaseline {
    /// One without counters.
    pub fn new(variant: VariantId) -> Self {
        ReadBaseline {
            schema: BASELINES_SCHEMA,
            counters_schema: COUNTERS_SCHEMA,
            variant,
            sets: Vec::new(),
        }
    }

    /// The name of a variant's file.
    pub fn file_name(variant: VariantId) -> String {
        format!("{variant}.json")
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Bad input: it is not of this form, or of another schema.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let what = || format!("{name} is not a baseline of reading");
        let value: serde_json::Value = serde_json::from_str(text).or_input(what())?;
        if value["schema"] != BASELINES_SCHEMA {
            let theirs = &value["schema"];
            return Err(Error::input(format!(
                "{name} has schema {theirs}, this version reads {BASELINES_SCHEMA}"
            ))
            .remedy("write it anew by this version: sparkproof bench bless"));
        }
        serde_json::from_value(value).or_input(what())
    }

    /// Its text, as committed.
    pub fn text(&self) -> String {
        // Cannot fail: numbers and text.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Puts counters in place of those under the same condition.
    pub fn put(&mut self, set: CounterSet) {
        self.sets.retain(|had| had.conditions != set.conditions);
        self.sets.push(set);
        self.sets.sort_by(|a, b| a.conditions.cmp(&b.conditions));
    }

    /// Its counters under a condition.
    pub fn under(&self, conditions: &Conditions) -> Option<&CounterSet> {
        self.sets.iter().find(|set| set.conditions == *conditions)
    }
}

/// The embedded baseline of a variant, if there is one.
///
/// # Errors
/// Bad input: its form.
pub fn embedded(variant: VariantId) -> Result<Option<ReadBaseline>> {
    let name = ReadBaseline::file_name(variant);
    let text = BASELINES.get_file(&name).and_then(|file| file.contents_utf8());
    text.map(|text| ReadBaseline::parse(&name, text)).transpose()
}

/// The counters that a variant's reads must have under these conditions, or why none are known.
/// Without `log` nobody sees the store's requests, and they are left out.
///
/// # Errors
/// Bad input: the form of the embedded file.
pub fn counters_of(
    variant: VariantId,
    conditions: &Conditions,
    log: bool,
) -> Result<std::result::Result<ExpectedCounters, String>> {
    let baseline = embedded(variant)?;
    let under =
        baseline.as_ref().and_then(|baseline| Some((baseline, baseline.under(conditions)?)));
    let Some((baseline, set)) = under else {
        return Ok(Err(format!("there is no baseline for {conditions}")));
    };
    let mut counters = set.counters.clone();
    counters.retain(|name, _| log || !name.starts_with(REQUESTS));
    Ok(Ok(ExpectedCounters {
        schema: baseline.counters_schema,
        baseline: format!("{}, {conditions}", ReadBaseline::file_name(variant)),
        counters,
    }))
}

#[cfg(test)]
mod tests {
    use sparkproof_catalog::spark::default_version;
    use sparkproof_catalog::{Expected, variants};

    use super::*;
    use crate::baseline::Files;

    fn conditions(executors: u32) -> Conditions {
        Conditions { spark: default_version().clone(), executors, files: Files::Default }
    }

    /// README's table has each variant that the default Spark reads on one node.
    #[test]
    fn each_variant_of_the_default_run_has_a_baseline() {
        let mut compared = 0;
        for variant in variants() {
            let expected = variant.expected(default_version(), 1).expect("declared");
            let read = matches!(expected, Expected::Green | Expected::Pinned);
            if !read || variant.unprovable(false).is_some() {
                continue;
            }
            let known = counters_of(variant.id, &conditions(3), true).expect("its form");
            let known = known.unwrap_or_else(|why| panic!("{}: {why}", variant.id));
            assert!(known.counters.len() > 20, "{}: {known:?}", variant.id);
            compared += 1;
        }
        assert!(compared >= 16, "{compared} variants");
    }

    #[test]
    fn the_committed_files_are_as_they_are_written_and_lie_in_benches() {
        let benches = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/baselines");
        for variant in variants() {
            let Some(baseline) = embedded(variant.id).expect("its form") else { continue };
            let name = ReadBaseline::file_name(variant.id);
            let text = std::fs::read_to_string(format!("{benches}/{name}")).expect("committed");
            assert_eq!(baseline.text(), text, "{name}");
            assert_eq!(baseline.variant, variant.id);
            assert_eq!(baseline.counters_schema, COUNTERS_SCHEMA);
        }
    }

    #[test]
    fn without_a_log_no_requests_are_expected() {
        let of = |log| {
            let known = counters_of(VariantId::S3, &conditions(3), log).expect("its form");
            let counters = known.expect("a baseline").counters;
            counters.keys().filter(|name| name.starts_with(REQUESTS)).count()
        };
        assert!(of(true) >= 2);
        assert_eq!(of(false), 0);
    }

    #[test]
    fn other_conditions_have_no_baseline_and_that_is_said() {
        let why = counters_of(VariantId::Copy, &conditions(47), true).expect("its form");
        let version = default_version();
        assert_eq!(
            why.expect_err("none"),
            format!(
                "there is no baseline for Spark {version}, 47 executors and the files of the default suite"
            )
        );
    }

    #[test]
    fn a_set_replaces_the_one_under_the_same_condition() {
        let mut baseline = ReadBaseline::new(VariantId::Copy);
        let set = |executors, n| CounterSet {
            conditions: conditions(executors),
            counters: BTreeMap::from([("csv-big files".to_owned(), n)]),
        };
        [set(3, 1), set(1, 1), set(3, 2)].into_iter().for_each(|set| baseline.put(set));
        assert_eq!(baseline.sets, [set(1, 1), set(3, 2)]);
        let again = ReadBaseline::parse("0-copy.json", &baseline.text()).expect("its form");
        assert_eq!(again, baseline);
    }

    #[test]
    fn a_file_of_another_schema_is_refused() {
        let other = ReadBaseline { schema: 7, ..ReadBaseline::new(VariantId::Copy) };
        let refused = ReadBaseline::parse("0-copy.json", &other.text()).expect_err("another");
        assert_eq!(refused.exit, sparkproof_base::error::Exit::BadInput);
        assert_eq!(refused.to_string(), "0-copy.json has schema 7, this version reads 1");
        assert!(ReadBaseline::parse("x.json", "[]").is_err());
    }
}
