//! The variants of the five strategies and what each is expected to do, from
//! `harness/catalog/versions/strategies.toml`.

use std::sync::LazyLock;

use semver::{Version, VersionReq};
use serde::Deserialize;
use sparkproof_base::error::{Error, Result};

use crate::StoreKind;

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
    /// What executors see of it; none where Spark never reads it.
    pub reads: Option<Seen>,
    unprovable: Option<String>,
    #[serde(default)]
    image_may_bring: bool,
    own_nodes: Option<String>,
    expect: Vec<Rule>,
}

/// What an executor sees of a file that it reads by a variant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Hadoop's class for the scheme, without its package.
    pub file_system: String,
    /// For local paths the kind of mount, else the scheme.
    pub on: String,
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
    /// Spark has it, but the server that stands for the real one lacks what this Spark asks of it, for
    /// this reason: skipped.
    Unserved(String),
}

/// What the user brings in place of what sparkproof would make.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// An image of Spark.
    pub image: bool,
    /// Stores, of these kinds.
    pub stores: Vec<StoreKind>,
    /// The cluster, with its nodes.
    pub cluster: bool,
    /// Kinds of stores of which no server can be there: nothing of them is given.
    pub no_server: Vec<StoreKind>,
}

/// Why there is no server on a cluster of the user's.
pub const NO_SERVER: &str = "sparkproof starts servers beside nodes of its own; here it needs one of \
                             yours, or an image by --store-image or --registry (docs/stores.md)";

impl Expected {
    /// Why it is skipped wherever it is tried, as is known before anything is made.
    pub fn impossible(&self) -> Option<&str> {
        match self {
            Expected::Absent(reason) | Expected::Unserved(reason) => Some(reason),
            Expected::Green | Expected::Pinned | Expected::Refused(_) => None,
        }
    }
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
    Unserved,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    variant: Vec<Variant>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../versions/strategies.toml")).expect("strategies.toml is valid")
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
            .map_err(|e| Error::input(format!("Spark's version {spark}")).with_source(e))?;
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
            Verdict::Unserved => Expected::Unserved(rule.message.clone().unwrap_or_default()),
        })
    }

    /// The same with what the user brings: only sparkproof's own server lacks what a store of the user's
    /// has.
    pub fn expected_with(&self, spark: &str, nodes: usize, given: &Given) -> Result<Expected> {
        let own = self.stores.iter().any(|kind| given.stores.contains(kind));
        Ok(match self.expected(spark, nodes)? {
            Expected::Unserved(_) if own => Expected::Green,
            expected => expected,
        })
    }

    /// Why no machine can prove it with this version of sparkproof. An image of the user's, where one is
    /// given, may bring what is missing.
    pub fn unprovable(&self, image_given: bool) -> Option<&str> {
        self.unprovable.as_deref().filter(|_| !(image_given && self.image_may_bring))
    }

    /// Why it is certain to be skipped, before anything is made: it is unprovable, or this Spark, its
    /// server or the user's cluster has no such way.
    pub fn impossible(&self, spark: &str, nodes: usize, given: &Given) -> Result<Option<String>> {
        let expected = self.expected_with(spark, nodes, given)?;
        let not_ours = || self.own_nodes.as_deref().filter(|_| given.cluster);
        let unserved = || self.stores.iter().any(|kind| given.no_server.contains(kind));
        let reason = expected.impossible().or_else(|| self.unprovable(given.image));
        let reason = reason.or_else(not_ours).or_else(|| unserved().then_some(NO_SERVER));
        Ok(reason.map(str::to_owned))
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
            for spark in crate::spark::known() {
                for nodes in [1, 2] {
                    let expected = variant.expected(&spark.version, nodes).expect("declared");
                    assert_ne!(expected, Expected::Refused(String::new()), "{}", variant.id);
                    assert_ne!(expected.impossible(), Some(""), "{}", variant.id);
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
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(error.remedy.expect("a remedy").contains("4-s3"));
    }

    #[test]
    fn what_no_machine_can_prove_has_its_reason() {
        let of = |id: &str, spark: &str, image: bool| {
            let variant = Variant::of_id(id).expect("known");
            let given = Given { image, ..Given::default() };
            variant.impossible(spark, 1, &given).expect("declared")
        };
        assert!(of("3-nfs", "3.5.9", true).is_some_and(|reason| reason.contains("no NFS server")));
        assert!(
            of("2-blobfuse2-node", "3.5.9", false).is_some_and(|r| r.contains("no build of it"))
        );
        assert_eq!(of("2-blobfuse2-node", "3.5.9", true), None, "the image may bring it");
        assert_eq!(of("2-rclone-azure-node", "3.5.9", false), None);
        assert!(of("3-pvc-dynamic", "3.0.1", false).is_some_and(|r| r.contains("since 3.1")));
    }

    /// What an emulator lacks is no refusal of Spark's.
    #[test]
    fn abfs_is_refused_by_no_spark() {
        let abfs = Variant::of_id("4-abfs").expect("known");
        for spark in crate::spark::known() {
            let expected = abfs.expected(&spark.version, 1).expect("declared");
            assert!(!matches!(expected, Expected::Refused(_)), "{}", spark.version);
        }
        let gap = abfs.impossible("3.5.9", 1, &Given::default());
        let gap = gap.expect("declared").expect("skipped");
        assert!(gap.contains("Azurite"), "{gap}");
        let s3 = Given { stores: vec![StoreKind::S3], ..Given::default() };
        assert!(abfs.impossible("3.5.9", 1, &s3).expect("declared").is_some(), "another store");
        let own = Given { stores: vec![StoreKind::Azure], ..Given::default() };
        assert_eq!(abfs.impossible("3.5.9", 1, &own).expect("declared"), None, "no Azurite");
        assert_eq!(abfs.expected_with("3.5.9", 1, &own).expect("declared"), Expected::Green);
        assert!(abfs.impossible("3.0.1", 1, &own).expect("declared").is_some(), "no driver");
        assert_eq!(abfs.expected("4.3.0", 1).expect("declared"), Expected::Green);
    }

    /// A refusal is told by words that nothing else says: more than the name of a class.
    #[test]
    fn a_declared_refusal_is_more_than_one_bare_word() {
        for variant in variants() {
            for rule in
                variant.expect.iter().filter(|rule| matches!(rule.verdict, Verdict::Refused))
            {
                let words = rule.message.as_deref().unwrap_or_default();
                assert!(words.contains([' ', '.']), "{}: {words}", variant.id);
            }
        }
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
