//! The variants of the five strategies and what each is expected to do, from
//! `harness/versions/strategies.toml`.

use std::sync::LazyLock;

use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::store::StoreKind;

/// One way of reading files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its strategy's number and a name, e.g. `3-hostpath`.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// Variants of the same session share one.
    #[serde(default)]
    pub session: SessionKind,
    /// The servers it reads from.
    #[serde(default)]
    pub stores: Vec<StoreKind>,
    expect: Vec<Rule>,
}

/// What a variant's session must be like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// As any other.
    #[default]
    Shared,
    /// All executors on the node that has the volume.
    Pinned,
    /// Privileged executors that mount for themselves.
    FuseExecutor,
    /// Pods that stay Pending where a node cannot mount NFS.
    Nfs,
}

/// What is expected of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Every executor reads the right bytes.
    Green,
    /// The same, with all executors on one node, where the volume is.
    Pinned,
    /// Spark refuses, with these words in its message.
    Refused(String),
    /// This Spark has no such way, for this reason: skipped.
    Absent(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    spark: VersionReq,
    nodes: Option<Nodes>,
    verdict: Verdict,
    message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Nodes {
    One,
    Several,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Green,
    Pinned,
    Refused,
    Absent,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    variant: Vec<Variant>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../../versions/strategies.toml"))
        .expect("strategies.toml is valid")
});

/// All of them, by strategy.
pub fn variants() -> &'static [Variant] {
    &TABLE.variant
}

/// What `--strategies` selects: numbers of strategies and ids of variants; everything without it,
/// nothing for `none`. Another word is bad input.
pub fn select(words: Option<&[String]>) -> Result<Vec<&'static Variant>> {
    let Some(words) = words else { return Ok(variants().iter().collect()) };
    let none = |word: &String| word == "none";
    if words.iter().all(none) {
        return Ok(Vec::new());
    }
    let fits = |word: &str, v: &Variant| v.id == word || v.number() == word;
    for word in words {
        if !variants().iter().any(|v| fits(word, v)) {
            let ids: Vec<&str> = variants().iter().map(|v| v.id.as_str()).collect();
            let near = ids.iter().max_by(|a, b| {
                strsim::jaro_winkler(word, a).total_cmp(&strsim::jaro_winkler(word, b))
            });
            return Err(Error::input(format!("--strategies {word}: no such strategy or variant"))
                .remedy(format!(
                    "did you mean {}? A number from 0 to 4, none, or one of {}",
                    near.unwrap_or(&""),
                    ids.join(", ")
                )));
        }
    }
    Ok(variants().iter().filter(|v| words.iter().any(|word| fits(word, v))).collect())
}

impl Variant {
    /// Its strategy, `0` to `4`.
    pub fn number(&self) -> &str {
        self.id.split('-').next().unwrap_or_default()
    }

    /// What it is expected to do with this Spark on so many nodes that executors can run on.
    pub fn expected(&self, spark: &str, nodes: usize) -> Result<Expected> {
        let version = Version::parse(spark)
            .map_err(|e| Error::input(format!("Spark's version {spark}")).because(e))?;
        let topology = if nodes > 1 { Nodes::Several } else { Nodes::One };
        let fits = |rule: &&Rule| {
            rule.spark.matches(&version) && rule.nodes.is_none_or(|nodes| nodes == topology)
        };
        let rule = self.expect.iter().find(fits).ok_or_else(|| {
            Error::input(format!("{}: nothing is declared for Spark {spark}", self.id))
                .remedy("leave it out by --strategies, or declare it in strategies.toml")
        })?;
        Ok(match rule.verdict {
            Verdict::Green => Expected::Green,
            Verdict::Pinned => Expected::Pinned,
            Verdict::Refused => Expected::Refused(rule.message.clone().unwrap_or_default()),
            Verdict::Absent => Expected::Absent(rule.message.clone().unwrap_or_default()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        select(Some(&words)).expect("known").iter().map(|v| v.id.as_str()).collect()
    }

    #[test]
    fn every_variant_is_declared_for_every_spark_that_can_be_asked_for() {
        for variant in variants() {
            assert!(["0", "1", "2", "3", "4"].contains(&variant.number()), "{}", variant.id);
            for spark in crate::images::spark::known() {
                for nodes in [1, 2] {
                    let expected = variant.expected(&spark.version, nodes).expect("declared");
                    assert_ne!(expected, Expected::Refused(String::new()), "{}", variant.id);
                    assert_ne!(expected, Expected::Absent(String::new()), "{}", variant.id);
                }
            }
        }
    }

    #[test]
    fn a_number_selects_a_strategy_and_an_id_one_variant() {
        assert_eq!(ids(&["0", "4-s3"]), ["0-copy", "4-s3"]);
        assert!(ids(&["3"]).len() > 4);
        assert!(ids(&["none"]).is_empty());
        assert_eq!(select(None).expect("all").len(), variants().len());
        let error = select(Some(&["4-s3a".to_owned()])).expect_err("unknown");
        assert_eq!(error.exit, crate::Exit::BadInput);
        assert!(error.remedy.expect("a remedy").contains("4-s3"));
    }

    #[test]
    fn what_is_expected_depends_on_version_and_topology() {
        let find = |id: &str| variants().iter().find(|v| v.id == id).expect("known");
        assert_eq!(find("4-wasb").expected("3.5.9", 1).expect("declared"), Expected::Green);
        let refused = find("4-wasb").expected("4.3.0", 1).expect("declared");
        assert!(matches!(refused, Expected::Refused(words) if words.contains("WASB")));
        assert_eq!(find("3-pvc-static").expected("3.5.9", 2).expect("d"), Expected::Pinned);
        assert_eq!(find("3-pvc-static").expected("3.5.9", 1).expect("d"), Expected::Green);
    }
}
