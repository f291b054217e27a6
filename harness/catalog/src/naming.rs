//! Names of the strategies, and the variant of a check.

use crate::variant_id::{STRATEGIES, StrategyName, VariantId};

/// A check of reading, parsed from its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadCheck<'a> {
    /// Its strategy.
    pub strategy: &'static StrategyName,
    /// Its variant. Text, since a report may be of another version of sparkproof.
    pub variant: &'a str,
    /// What is checked, e.g. `frame`; `None` if the variant was skipped as a whole.
    pub subject: Option<&'a str>,
}

/// Parses `read.3-hostpath.frame`, or `read.3-nfs` for a variant that was skipped as a whole.
/// `None` for other checks, also for `read.spread`, which is of no variant.
pub fn read_check(id: &str) -> Option<ReadCheck<'_>> {
    let rest = id.strip_prefix("read.")?;
    let (variant, subject) = match rest.split_once('.') {
        Some((variant, subject)) => (variant, Some(subject)),
        None => (rest, None),
    };
    Some(ReadCheck { strategy: strategy_of_id(variant)?, variant, subject })
}

/// The strategy of a variant's id. By its form, not by a list, since a report may be of another
/// version of sparkproof.
pub fn strategy_of_id(variant: &str) -> Option<&'static StrategyName> {
    let (number, name) = variant.split_once('-')?;
    STRATEGIES.iter().find(|strategy| strategy.number == number && !name.is_empty())
}

/// The order of a variant among all; unknown ones come at the end of their strategy.
pub fn order_of(variant: &str) -> impl Ord + use<> {
    let known = variant.parse::<VariantId>();
    (strategy_of_id(variant).map(|strategy| strategy.number), known.is_err(), known.ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_tells_its_variant() {
        let parsed = read_check("read.2-rclone-azure-node.frame").expect("of reading");
        assert_eq!((parsed.strategy.word, parsed.variant), ("mount", "2-rclone-azure-node"));
        assert_eq!(parsed.subject, Some("frame"));
        assert_eq!(read_check("read.3-nfs").map(|parsed| parsed.subject), Some(None));
        for other in ["read.spread", "read.copy", "session.started", "read.9-x.frame", "read"] {
            assert_eq!(read_check(other), None, "{other}");
        }
    }

    #[test]
    fn variants_have_an_order_whatever_session_they_were_in() {
        let mut ids = ["4-http", "3-of-another-version", "3-nfs", "3-hostpath", "0-copy"];
        ids.sort_by_key(|id| order_of(id));
        assert_eq!(ids, ["0-copy", "3-hostpath", "3-nfs", "3-of-another-version", "4-http"]);
    }
}
