//! Names of the strategies, and the variant of a check.

use crate::Variant;

/// A strategy of reading files, with the guide's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrategyName {
    /// `0` to `4`.
    pub number: &'static str,
    /// A short name, for lines such as `0 copy 5/5`.
    pub word: &'static str,
    /// A description.
    pub title: &'static str,
}

/// The five, in the guide's order.
pub const STRATEGIES: [StrategyName; 5] = [
    StrategyName { number: "0", word: "copy", title: "copied into every pod and to the driver" },
    StrategyName { number: "1", word: "baked", title: "baked into the image" },
    StrategyName { number: "2", word: "mount", title: "a file system mounted by the OS" },
    StrategyName { number: "3", word: "volume", title: "a Kubernetes volume" },
    StrategyName { number: "4", word: "remote", title: "a remote file system by its URL" },
];

/// Variant and subject of a check: `read.3-hostpath.frame`, or `read.3-nfs` for a variant that was
/// skipped as a whole. `None` for other checks, also for `read.spread`, which is of no variant.
pub fn variant_of_check(id: &str) -> Option<(&str, Option<&str>)> {
    let rest = id.strip_prefix("read.")?;
    let (variant, what) = match rest.split_once('.') {
        Some((variant, what)) => (variant, Some(what)),
        None => (rest, None),
    };
    // By its form, not by a list, since a report may be of another version of sparkproof.
    let (number, name) = variant.split_once('-')?;
    let fits = STRATEGIES.iter().any(|s| s.number == number) && !name.is_empty();
    fits.then_some((variant, what))
}

/// The order of a variant among all; unknown ones come at the end of their strategy.
pub fn order_of(variant: &str) -> (&str, usize) {
    let known = crate::variants().iter().position(|known| known.id == variant);
    (variant.split('-').next().unwrap_or_default(), known.unwrap_or(usize::MAX))
}

impl Variant {
    /// The variant with this id.
    pub fn of_id(id: &str) -> Option<&'static Variant> {
        crate::variants().iter().find(|variant| variant.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_tells_its_variant() {
        let parsed = variant_of_check("read.2-rclone-azure-node.frame");
        assert_eq!(parsed, Some(("2-rclone-azure-node", Some("frame"))));
        assert_eq!(variant_of_check("read.3-nfs"), Some(("3-nfs", None)));
        for other in ["read.spread", "read.copy", "session.started", "read.9-x.frame", "read"] {
            assert_eq!(variant_of_check(other), None, "{other}");
        }
    }

    #[test]
    fn variants_have_an_order_whatever_session_they_were_in() {
        let mut ids = ["4-http", "3-of-another-version", "3-nfs", "3-hostpath", "0-copy"];
        ids.sort_by_key(|id| order_of(id));
        assert_eq!(ids, ["0-copy", "3-hostpath", "3-nfs", "3-of-another-version", "4-http"]);
    }

    #[test]
    fn every_variant_is_of_a_strategy() {
        for variant in crate::variants() {
            let id = format!("read.{}.frame", variant.id);
            assert_eq!(variant_of_check(&id), Some((variant.id.as_str(), Some("frame"))));
            assert_eq!(Variant::of_id(&variant.id).map(|v| &v.title), Some(&variant.title));
        }
    }
}
