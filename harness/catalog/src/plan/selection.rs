//! Which ways of reading are asked for, and which of them by name.

use std::collections::BTreeSet;

use sparkproof_base::error::{Error, Result};

use crate::{Given, SparkVersion, Variant, VariantId, select};

/// What `--strategies` asks for.
#[derive(Debug)]
pub(super) struct Selection {
    variants: Vec<&'static Variant>,
    by_name: BTreeSet<VariantId>,
}

impl Selection {
    /// The id of a variant is a name; a number, `none` and the default are not.
    ///
    /// # Errors
    /// Bad input: a word that is neither.
    pub(super) fn of(words: Option<&[String]>) -> Result<Self> {
        let variants = select(words)?;
        let words = words.unwrap_or_default();
        let by_name = words.iter().filter_map(|word| word.parse().ok()).collect();
        Ok(Selection { variants, by_name })
    }

    /// Whether nothing is to be read.
    pub(super) fn is_empty(&self) -> bool {
        self.variants.is_empty()
    }

    /// Whether this variant is one of them.
    pub(super) fn has(&self, id: VariantId) -> bool {
        self.variants.iter().any(|variant| variant.id == id)
    }

    /// Ids of all, and of those that were asked for by name.
    ///
    /// # Errors
    /// Environment: one asked for by name is known not to be provable with this Spark on so many nodes
    /// that executors can run on, or not by any machine, unless the image or the store is the user's and
    /// may bring what is missing.
    pub(super) fn accept(
        self,
        spark: &SparkVersion,
        nodes: usize,
        given: &Given,
    ) -> Result<(Vec<VariantId>, BTreeSet<VariantId>)> {
        let Selection { variants, by_name } = self;
        for variant in variants.iter().filter(|variant| by_name.contains(&variant.id)) {
            if let Some(reason) = variant.impossible(spark, nodes, given)? {
                let place = if given.cluster { " on a cluster of yours" } else { "" };
                return Err(Error::environment(format!(
                    "--strategies {}: cannot be proven with Spark {spark}{place}: {reason}",
                    variant.id
                ))
                .remedy(format!(
                    "leave it out; asked for by its number ({}) it is skipped with this reason",
                    variant.id.strategy().number
                )));
            }
        }
        Ok((variants.into_iter().map(|variant| variant.id).collect(), by_name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::Exit;

    fn selection(words: &[&str]) -> Selection {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Selection::of(Some(&words)).expect("known")
    }

    #[test]
    fn an_id_is_a_name_and_a_number_is_not() {
        let (all, by_name) = selection(&["0", "4-s3"])
            .accept(&SparkVersion::new(3, 5, 9), 1, &Given::default())
            .expect("possible");
        assert_eq!(all, [VariantId::Copy, VariantId::S3]);
        assert_eq!(by_name, [VariantId::S3].into());
        let (_, by_name) = Selection::of(None)
            .expect("all")
            .accept(&SparkVersion::new(3, 5, 9), 1, &Given::default())
            .expect("possible");
        assert!(by_name.is_empty());
    }

    #[test]
    fn what_is_asked_for_by_name_and_impossible_is_an_environment_error() {
        let error = selection(&["4-s3"])
            .accept(&SparkVersion::new(3, 0, 1), 1, &Given::default())
            .expect_err("absent");
        assert_eq!(error.exit, Exit::Environment);
        assert!(error.to_string().contains("4-s3") && error.to_string().contains("3.0.1"));
        let image = Given { image: true, ..Given::default() };
        let error = selection(&["3-nfs"])
            .accept(&SparkVersion::new(3, 5, 9), 1, &image)
            .expect_err("unprovable");
        assert_eq!(error.exit, Exit::Environment);
        let (all, _) = selection(&["4"])
            .accept(&SparkVersion::new(3, 0, 1), 1, &Given::default())
            .expect("skipped later");
        assert!(all.contains(&VariantId::S3));
    }
}
