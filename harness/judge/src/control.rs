//! Controls of judgements: observations with the verdict that each must get.

use serde::Serialize;
use serde_json::Value;
use sparkproof_base::events::{Looked, Observed};
use sparkproof_base::verdict::Observation;

/// The verdict that a judgement must give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// As expected.
    Green,
    /// Red, with these words in its reason.
    Red(&'static str),
}

/// An observation, true or perturbed, and the verdict that it must get.
#[derive(Debug)]
pub struct Control {
    /// The perturbation, in words.
    pub name: &'static str,
    /// The observation, as it would be stored.
    pub observed: Observed,
    /// The verdict.
    pub says: Says,
}

impl Control {
    /// A control with an observation.
    pub(crate) fn seen<O: Observation>(
        name: &'static str,
        expected: &O::Expected,
        seen: &O,
        says: Says,
    ) -> Self {
        Self::looked::<O>(name, expected, Looked::Seen(json(seen)), says)
    }

    /// A control in which nothing could be observed, for the reason `why`: it must be red.
    pub(crate) fn unseen<O: Observation>(expected: &O::Expected, why: &'static str) -> Self {
        let looked = Looked::Unseen(why.to_owned());
        Self::looked::<O>("could not be observed", expected, looked, Says::Red(why))
    }

    fn looked<O: Observation>(
        name: &'static str,
        expected: &O::Expected,
        seen: Looked,
        says: Says,
    ) -> Self {
        let (check, kind, expected) = (O::KIND.to_owned(), O::KIND.to_owned(), json(expected));
        let mut observed = Observed { check, kind, expected, seen, sha256: String::new() };
        observed.sha256 = observed.digest();
        Control { name, observed, says }
    }
}

fn json(value: &impl Serialize) -> Value {
    // Cannot fail: types of this crate, with text as keys.
    serde_json::to_value(value).unwrap_or_default()
}
