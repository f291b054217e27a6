//! Parts of what a session is about to make, which is judged before its driver starts.

use serde::{Deserialize, Serialize};

/// A toleration of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Toleration {
    /// The taint's key; empty for all.
    pub key: String,
    /// `Exists`, or `Equal`, the default.
    pub operator: String,
    /// The taint's value.
    pub value: String,
    /// The taint's effect; empty for all.
    pub effect: String,
}

/// A claim on demand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PlannedClaim {
    /// Its StorageClass; empty for the default one.
    pub class: String,
    /// Its size, e.g. `10Gi`.
    pub size: String,
}

impl Toleration {
    /// Whether a taint, as `key=value:Effect`, is tolerated (`Toleration.ToleratesTaint`).
    pub(super) fn covers(&self, taint: &str) -> bool {
        let (taint, effect) = taint.rsplit_once(':').unwrap_or((taint, ""));
        let (key, value) = taint.split_once('=').unwrap_or((taint, ""));
        (self.effect.is_empty() || self.effect == effect)
            && (self.key.is_empty() || self.key == key)
            && (self.operator == "Exists" || (!self.key.is_empty() && self.value == value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(("a", "Equal", "b", ""), true)]
    #[case(("a", "", "b", "NoSchedule"), true)]
    #[case(("a", "Equal", "c", ""), false)]
    #[case(("a", "Exists", "", ""), true)]
    #[case(("", "Exists", "", ""), true)]
    #[case(("a", "Exists", "", "NoExecute"), false)]
    #[case(("x", "Exists", "", ""), false)]
    fn taints_are_tolerated_as_kubernetes_does(
        #[case] (key, operator, value, effect): (&str, &str, &str, &str),
        #[case] covers: bool,
    ) {
        let text = str::to_owned;
        let toleration = Toleration {
            key: text(key),
            operator: text(operator),
            value: text(value),
            effect: text(effect),
        };
        assert_eq!(toleration.covers("a=b:NoSchedule"), covers);
    }
}
