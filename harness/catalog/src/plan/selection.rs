//! The selected variants, and which of them were selected by their id.

use std::collections::BTreeSet;

use sparkproof_base::error::{Error, Result};

use crate::{Given, SparkVersion, Variant, VariantId, select};

/// The variants that `--strategies` selects.
#[derive(Debug)]
pub(super) struct Selection {
    variants: Vec<&'static Variant>,
    by_name: BTreeSet<VariantId>,
}

impl Selection {
    /// Only a variant's id counts as a name; a number, `none` and the default do not.
    ///
    /// # Errors
    /// Bad input: a word that is not an id, a number or `none`.
    pub(super) fn of(words: Option<&[String]>) -> Result<Self> {
        let variants = select(words)?;
        let words = words.unwrap_or_default();
        let by_name = words.iter().filter_map(|word| word.parse().ok()).collect();
        Ok(Selection { variants, by_name })
    }

    /// Whether no variant is selected.
    pub(super) fn is_empty(&self) -> bool {
        self.variants.is_empty()
    }

    /// Whether this variant is selected.
    pub(super) fn has(&self, id: VariantId) -> bool {
        self.variants.iter().any(|variant| variant.id == id)
    }

    /// The ids of all selected variants, and of those that were selected by their id.
    ///
    /// # Errors
    /// Environment: a variant that was selected by its id cannot be proven with this Spark, this number of
    /// nodes for executors and what the user provides.
    pub(super) fn accept(
        self,
        spark: &SparkVersion,
        nodes: usize,
        given: &Given,
    ) -> Result<(Vec<VariantId>, BTreeSet<VariantId>)> {
        let Selection { variants, by_name } = self;
        for variant in variants.iter().filter(|variant| by_name.contains(&variant.id)) {
            if let Some(reason) = variant.impossible(spark, nodes, given)? {
                let place = if given.cluster { " on your cluster" } else { "" };
                return Err(Error::environment(format!(
                    "--strategies {}: cannot be proven with Spark {spark}{place}: {reason}",
                    variant.id
                ))
                .remedy(format!(
                    "leave it out, or select its number ({}): then it is skipped with this reason",
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
