//! The variants of the five strategies and what each is expected to do, from
//! `harness/catalog/versions/strategies.toml`.

use std::sync::LazyLock;

use semver::VersionReq;
use serde::Deserialize;
use sparkproof_base::error::{Error, Result};

use crate::variant_id::VariantId;
use crate::{SparkVersion, StoreKind};

/// A variant: one way of reading files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// Its strategy's number and a name, e.g. `3-hostpath`.
    pub id: VariantId,
    /// A short description.
    pub title: String,
    /// Its kind of session; variants of the same kind share one session.
    #[serde(default)]
    pub session: SessionKind,
    /// The kinds of storage servers it reads from.
    #[serde(default)]
    pub stores: Vec<StoreKind>,
    /// What executors see of a file; `None` if Spark never reads it.
    pub reads: Option<SeenBy>,
    unprovable: Option<String>,
    #[serde(default)]
    image_may_bring: bool,
    own_nodes: Option<String>,
    restricted: Option<String>,
    expect: Vec<Rule>,
}

/// What an executor sees of a file that it reads by a variant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenBy {
    /// Hadoop's class for the URL's scheme, without its package.
    pub file_system: String,
    /// The kind of mount for local paths, otherwise the URL's scheme.
    pub on: String,
}

/// The kind of session that a variant needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// An ordinary session.
    #[default]
    Shared,
    /// All executors on the node that has the volume.
    Pinned,
    /// Privileged executors that mount for themselves.
    FuseExecutor,
}

/// The expected result of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Every executor reads the correct bytes.
    Green,
    /// The same, with all executors on one node, where the volume is.
    Pinned,
    /// Spark refuses, with this text in its message.
    Refused(String),
    /// Skipped, because this Spark does not have it; the reason.
    Absent(String),
    /// Skipped: Spark has it, but the emulator of the storage server lacks what this Spark needs; the
    /// reason.
    Unserved(String),
}

/// What the user provides instead of sparkproof.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Whether the Spark image is the user's.
    pub image: bool,
    /// Kinds of the user's stores.
    pub stores: Vec<StoreKind>,
    /// Whether the cluster is the user's.
    pub cluster: bool,
    /// Whether pods must comply with Pod Security `restricted`.
    pub restricted: bool,
    /// Kinds of stores without a server: sparkproof cannot start one, and the user provides none.
    pub no_server: Vec<StoreKind>,
}

/// Why a kind of store has no server on the user's cluster.
pub const NO_SERVER: &str = "sparkproof starts servers only beside its own nodes; here it needs your \
                             server, or an image from --store-image or --registry (docs/stores.md)";

impl Expected {
    /// Why it is always skipped, which is known before anything is created.
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
    verdict: RuleVerdict,
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
enum RuleVerdict {
    Green,
    Pinned,
    Refused,
    Absent,
    Unserved,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantTable {
    variant: Vec<Variant>,
}

static TABLE: LazyLock<VariantTable> = LazyLock::new(|| {
    // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
    toml::from_str(include_str!("../versions/strategies.toml")).expect("strategies.toml is valid")
});

/// All variants, ordered by strategy.
pub fn variants() -> &'static [Variant] {
    &TABLE.variant
}

/// The variants that `--strategies` selects by numbers of strategies and ids of variants: all without
/// the option, none for `none`.
///
/// # Errors
/// Bad input: another word.
pub fn select(words: Option<&[String]>) -> Result<Vec<&'static Variant>> {
    let Some(words) = words else { return Ok(variants().iter().collect()) };
    let none = |word: &String| word == "none";
    if words.iter().all(none) {
        return Ok(Vec::new());
    }
    let fits = |word: &str, v: &Variant| {
        v.id.strategy().number == word || word.parse().is_ok_and(|id: VariantId| id == v.id)
    };
    for word in words {
        if !variants().iter().any(|v| fits(word, v)) {
            let ids: Vec<String> = variants().iter().map(|v| v.id.to_string()).collect();
            let near = ids.iter().max_by(|a, b| {
                strsim::jaro_winkler(word, a).total_cmp(&strsim::jaro_winkler(word, b))
            });
            return Err(Error::input(format!("--strategies {word}: no such strategy or variant"))
                .remedy(format!(
                    "did you mean {}? A number from 0 to 4, none, or one of {}",
                    near.map_or("", String::as_str),
                    ids.join(", ")
                )));
        }
    }
    Ok(variants().iter().filter(|v| words.iter().any(|word| fits(word, v))).collect())
}

impl Variant {
    /// The title of the variant with this id; empty for an id of another version of sparkproof.
    pub fn title_of(id: &str) -> &'static str {
        id.parse().map_or("", |id| Variant::get(id).title.as_str())
    }

    /// The variant with this id.
    pub fn get(id: VariantId) -> &'static Variant {
        // The table has all ids in this order; a test checks that.
        &variants()[id as usize]
    }

    /// Its expected result with this Spark on this number of nodes for executors.
    ///
    /// # Errors
    /// Bad input: nothing is declared for this Spark.
    pub fn expected(&self, spark: &SparkVersion, nodes: usize) -> Result<Expected> {
        let topology = if nodes > 1 { Nodes::Several } else { Nodes::One };
        let fits = |rule: &&Rule| {
            spark.is_in(&rule.spark) && rule.nodes.is_none_or(|nodes| nodes == topology)
        };
        let rule = self.expect.iter().find(fits).ok_or_else(|| {
            Error::input(format!("{}: nothing is declared for Spark {spark}", self.id))
                .remedy("leave it out by --strategies, or declare it in strategies.toml")
        })?;
        Ok(match rule.verdict {
            RuleVerdict::Green => Expected::Green,
            RuleVerdict::Pinned => Expected::Pinned,
            RuleVerdict::Refused => Expected::Refused(rule.message.clone().unwrap_or_default()),
            RuleVerdict::Absent => Expected::Absent(rule.message.clone().unwrap_or_default()),
            RuleVerdict::Unserved => Expected::Unserved(rule.message.clone().unwrap_or_default()),
        })
    }

    /// As [`Variant::expected`], with what the user provides: the user's own store is expected to have
    /// what sparkproof's emulator lacks.
    pub fn expected_with(
        &self,
        spark: &SparkVersion,
        nodes: usize,
        given: &Given,
    ) -> Result<Expected> {
        let own = self.stores.iter().any(|kind| given.stores.contains(kind));
        Ok(match self.expected(spark, nodes)? {
            Expected::Unserved(_) if own => Expected::Green,
            expected => expected,
        })
    }

    /// Why this version of sparkproof cannot prove it on any machine. For some variants, the user's image
    /// may have what is missing.
    pub fn unprovable(&self, image_given: bool) -> Option<&str> {
        self.unprovable.as_deref().filter(|_| !(image_given && self.image_may_bring))
    }

    /// Why it will be skipped, known before anything is created: it is unprovable, or this Spark, its
    /// server or the user's cluster does not support it.
    pub fn impossible(
        &self,
        spark: &SparkVersion,
        nodes: usize,
        given: &Given,
    ) -> Result<Option<String>> {
        let expected = self.expected_with(spark, nodes, given)?;
        let foreign = || self.own_nodes.as_deref().filter(|_| given.cluster);
        let restricted = || self.restricted.as_deref().filter(|_| given.restricted);
        let unserved = || self.stores.iter().any(|kind| given.no_server.contains(kind));
        let reason = expected.impossible().or_else(|| self.unprovable(given.image));
        let reason =
            reason.or_else(foreign).or_else(restricted).or_else(|| unserved().then_some(NO_SERVER));
        Ok(reason.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    fn ids(words: &[&str]) -> Vec<VariantId> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        select(Some(&words)).expect("known").iter().map(|v| v.id).collect()
    }

    #[test]
    fn each_id_has_its_row_and_the_rows_are_in_the_order_of_the_ids() {
        let rows: Vec<VariantId> = variants().iter().map(|variant| variant.id).collect();
        assert_eq!(rows, VariantId::value_variants());
    }

    #[test]
    fn every_variant_is_declared_for_every_spark_that_can_be_asked_for() {
        for variant in variants() {
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
        assert_eq!(ids(&["0", "4-s3"]), [VariantId::Copy, VariantId::S3]);
        assert!(ids(&["3"]).len() > 4);
        assert!(ids(&["none"]).is_empty());
        assert_eq!(select(None).expect("all").len(), variants().len());
        let error = select(Some(&["4-s3a".to_owned()])).expect_err("unknown");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(error.remedy.expect("a remedy").contains("4-s3"));
    }

    #[test]
    fn what_no_machine_can_prove_has_its_reason() {
        let of = |id: VariantId, spark: SparkVersion, image: bool| {
            let variant = Variant::get(id);
            let given = Given { image, ..Given::default() };
            variant.impossible(&spark, 1, &given).expect("declared")
        };
        assert!(
            of(VariantId::Nfs, SparkVersion::new(3, 5, 9), true)
                .is_some_and(|reason| reason.contains("no NFS server"))
        );
        assert!(
            of(VariantId::Blobfuse2Node, SparkVersion::new(3, 5, 9), false)
                .is_some_and(|r| r.contains("no build of it"))
        );
        assert_eq!(
            of(VariantId::Blobfuse2Node, SparkVersion::new(3, 5, 9), true),
            None,
            "the image may bring it"
        );
        assert_eq!(of(VariantId::RcloneAzureNode, SparkVersion::new(3, 5, 9), false), None);
        assert!(
            of(VariantId::PvcDynamic, SparkVersion::new(3, 0, 1), false)
                .is_some_and(|r| r.contains("since 3.1"))
        );
    }

    /// A feature that the emulator lacks does not count as a refusal by Spark.
    #[test]
    fn abfs_is_refused_by_no_spark() {
        let abfs = Variant::get(VariantId::Abfs);
        for spark in crate::spark::known() {
            let expected = abfs.expected(&spark.version, 1).expect("declared");
            assert!(!matches!(expected, Expected::Refused(_)), "{}", spark.version);
        }
        let gap = abfs.impossible(&SparkVersion::new(3, 5, 9), 1, &Given::default());
        let gap = gap.expect("declared").expect("skipped");
        assert!(gap.contains("Azurite"), "{gap}");
        let s3 = Given { stores: vec![StoreKind::S3], ..Given::default() };
        assert!(
            abfs.impossible(&SparkVersion::new(3, 5, 9), 1, &s3).expect("declared").is_some(),
            "another store"
        );
        let own = Given { stores: vec![StoreKind::Azure], ..Given::default() };
        assert_eq!(
            abfs.impossible(&SparkVersion::new(3, 5, 9), 1, &own).expect("declared"),
            None,
            "no Azurite"
        );
        assert_eq!(
            abfs.expected_with(&SparkVersion::new(3, 5, 9), 1, &own).expect("declared"),
            Expected::Green
        );
        assert!(
            abfs.impossible(&SparkVersion::new(3, 0, 1), 1, &own).expect("declared").is_some(),
            "no driver"
        );
        assert_eq!(
            abfs.expected(&SparkVersion::new(4, 3, 0), 1).expect("declared"),
            Expected::Green
        );
    }

    /// A refusal is recognised by a text that no other message has: more than a class name.
    #[test]
    fn a_declared_refusal_is_more_than_one_bare_word() {
        for variant in variants() {
            for rule in
                variant.expect.iter().filter(|rule| matches!(rule.verdict, RuleVerdict::Refused))
            {
                let words = rule.message.as_deref().unwrap_or_default();
                assert!(words.contains([' ', '.']), "{}: {words}", variant.id);
            }
        }
    }

    #[test]
    fn what_is_expected_depends_on_version_and_topology() {
        use VariantId::{PvcStatic, Wasb};
        assert_eq!(
            Variant::get(Wasb).expected(&SparkVersion::new(3, 5, 9), 1).expect("declared"),
            Expected::Green
        );
        let refused =
            Variant::get(Wasb).expected(&SparkVersion::new(4, 3, 0), 1).expect("declared");
        assert!(matches!(refused, Expected::Refused(words) if words.contains("WASB")));
        assert_eq!(
            Variant::get(PvcStatic).expected(&SparkVersion::new(3, 5, 9), 2).expect("d"),
            Expected::Pinned
        );
        assert_eq!(
            Variant::get(PvcStatic).expected(&SparkVersion::new(3, 5, 9), 1).expect("d"),
            Expected::Green
        );
    }
}
