//! Features of executor pods.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// The longest host name (RFC 1123) and label value, in characters.
const NAME: usize = 63;

/// The values of a feature on each executor's pod: by pod, then by what they are values of. A
/// Secret's value is there as its SHA-256 only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown(pub BTreeMap<String, BTreeMap<String, Option<String>>>);

/// The expectation of a feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedFeature {
    /// How many executors.
    pub executors: u32,
    /// What each value must be.
    pub values: BTreeMap<String, Must>,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Must {
    /// Exactly this.
    Be(String),
    /// A name of 1 to 63 characters that begins so.
    BeName(String),
}

impl Must {
    fn holds(&self, seen: Option<&str>) -> bool {
        seen.is_some_and(|seen| match self {
            Must::Be(expected) => seen == expected,
            Must::BeName(begin) => (1..=NAME).contains(&seen.len()) && seen.starts_with(begin),
        })
    }
}

impl fmt::Display for Must {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Must::Be(expected) => write!(f, "`{expected}`"),
            Must::BeName(begin) if begin.is_empty() => {
                write!(f, "a name of 1 to {NAME} characters")
            }
            Must::BeName(begin) => write!(f, "`{begin}…`, 1 to {NAME} characters,"),
        }
    }
}

impl Observation for Shown {
    type Expected = ExpectedFeature;
    const KIND: &'static str = "feature";

    fn judge(&self, expected: &ExpectedFeature) -> Judged {
        let ExpectedFeature { executors, values } = expected;
        let mut wrong = self.0.iter().flat_map(|(pod, shown)| {
            values.iter().filter_map(move |(what, must)| {
                let seen = shown.get(what).and_then(Option::as_deref);
                let words = || match seen {
                    Some(seen) => format!("`{seen}`"),
                    None => "nothing".to_owned(),
                };
                (!must.holds(seen))
                    .then(|| format!("{pod}: {what}: {must} expected, {} seen", words()))
            })
        });
        let fault = match self.0.len() {
            _ if values.is_empty() => Some("no value was expected".to_owned()),
            pods if pods == 0 || pods != *executors as usize => {
                Some(format!("{executors} executor pods expected, {pods} looked at"))
            }
            _ => wrong.next(),
        };
        let judged = match fault {
            None => Judged::green(),
            Some(fault) => Judged::red(
                fault,
                "compare the pod with the session's settings: a template or a webhook may have \
                 changed it",
            ),
        };
        self.0.iter().fold(judged, |judged, (pod, shown)| {
            let line = |(what, seen): (&String, &Option<String>)| {
                format!("{what}: {}", seen.as_deref().unwrap_or("nothing"))
            };
            judged.with(pod, shown.iter().map(line).collect::<Vec<_>>().join("\n"))
        })
    }
}

pub(crate) fn controls() -> Vec<Control> {
    const LABEL: &str = "label sparkproof-label";
    const DIGEST: &str = "SHA-256 of the Secret";
    const NAME: &str = "label spark-app-name";
    let (digest, another) = ("5e88".repeat(16), "9f86".repeat(16));
    let expected = ExpectedFeature {
        executors: 2,
        values: BTreeMap::from([
            (LABEL.to_owned(), Must::Be("labelled".to_owned())),
            (DIGEST.to_owned(), Must::Be(digest.clone())),
            (NAME.to_owned(), Must::BeName("long".to_owned())),
        ]),
    };
    let pod = || {
        let values = [(LABEL, "labelled"), (DIGEST, &digest), (NAME, "longlong")];
        BTreeMap::from(values.map(|(what, seen)| (what.to_owned(), Some(seen.to_owned()))))
    };
    let control = |name, says, change: &dyn Fn(&mut Shown)| {
        let pods = ["x-exec-1", "x-exec-2"].map(|name| (name.to_owned(), pod()));
        let mut shown = Shown(pods.into());
        change(&mut shown);
        Control::seen(name, &expected, &shown, says)
    };
    // Of the second pod only: each is looked at.
    let with = |name, words, what: &str, value: Option<String>| {
        control(name, Says::Red(words), &|shown| {
            let pod = shown.0.get_mut("x-exec-2").expect("two pods");
            pod.insert(what.to_owned(), value.clone());
        })
    };
    let other = "x-exec-2: label sparkproof-label: `labelled` expected, `other` seen";
    let none = "x-exec-2: label sparkproof-label: `labelled` expected, nothing seen";
    let name = "x-exec-2: label spark-app-name: `long…`, 1 to 63 characters, expected";
    vec![
        control("as asked on both pods", Says::Green, &|_| {}),
        with("another value", other, LABEL, Some("other".to_owned())),
        with("no value", none, LABEL, None),
        control("not looked for", Says::Red(none), &|shown| {
            shown.0.get_mut("x-exec-2").expect("two pods").remove(LABEL);
        }),
        with("a Secret of the same length", "x-exec-2: SHA-256", DIGEST, Some(another.clone())),
        with("63 of 64 digits", "x-exec-2: SHA-256", DIGEST, Some(digest[..63].to_owned())),
        with("a name of 64 characters", name, NAME, Some("long".repeat(16))),
        with("a name of another", name, NAME, Some("sparkproof".to_owned())),
        with("an empty name", name, NAME, Some(String::new())),
        Control::seen(
            "any name expected",
            &ExpectedFeature {
                executors: 1,
                values: [(NAME.to_owned(), Must::BeName(String::new()))].into(),
            },
            &Shown([("x-exec-1".to_owned(), BTreeMap::new())].into()),
            Says::Red("a name of 1 to 63 characters expected, nothing seen"),
        ),
        control("one pod too few", Says::Red("2 executor pods expected, 1 looked at"), &|shown| {
            shown.0.remove("x-exec-2");
        }),
        control("one pod too many", Says::Red("2 executor pods expected, 3 looked at"), &|shown| {
            shown.0.insert("x-exec-3".to_owned(), pod());
        }),
        control("no pods", Says::Red("2 executor pods expected, 0 looked at"), &|shown| {
            shown.0.clear();
        }),
        Control::seen(
            "none expected, none there",
            &ExpectedFeature { executors: 0, ..expected.clone() },
            &Shown(BTreeMap::new()),
            Says::Red("0 executor pods expected, 0 looked at"),
        ),
        Control::seen(
            "nothing expected of a pod",
            &ExpectedFeature { executors: 1, values: BTreeMap::new() },
            &Shown([("x-exec-1".to_owned(), pod())].into()),
            Says::Red("no value was expected"),
        ),
        Control::unseen::<Shown>(&expected, "`sh` in the pod x-exec-1 had not ended after 60 s"),
    ]
}
