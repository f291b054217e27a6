//! Controls of judgements.

use serde::Serialize;
use serde_json::Value;
use sparkproof_base::events::{Looked, Observed};
use sparkproof_base::verdict::Observation;

/// What a judgement must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// As expected.
    Green,
    /// Red, with these words in its reason.
    Red(&'static str),
}

/// An observation, true or perturbed, and what must be said of it.
#[derive(Debug)]
pub struct Control {
    /// What was done to it, in words.
    pub name: &'static str,
    /// It.
    pub observed: Observed,
    /// What must be said.
    pub says: Says,
}

impl Control {
    /// Of something that was seen.
    pub(crate) fn of<O: Observation>(
        name: &'static str,
        expected: &O::Expected,
        seen: &O,
        says: Says,
    ) -> Self {
        Self::looked::<O>(name, expected, Looked::Seen(json(seen)), says)
    }

    /// Of something that could not be looked at.
    pub(crate) fn unseen<O: Observation>(expected: &O::Expected, why: &'static str) -> Self {
        let looked = Looked::Unseen(why.to_owned());
        Self::looked::<O>("could not be looked at", expected, looked, Says::Red(why))
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
    // Types of this crate, with text as keys.
    serde_json::to_value(value).unwrap_or_default()
}
