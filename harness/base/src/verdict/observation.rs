//! Checks that observe, then judge: the complete observation is recorded; the judgement is a pure
//! function of observation and expectation.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::check::check;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::events::{EvidenceItem, Looked, Observed};

/// The observation of a kind of check.
pub trait Observation: Serialize + DeserializeOwned {
    /// What the observation is compared with.
    type Expected: Serialize + DeserializeOwned;

    /// The kind's id, e.g. `pods.list`. Checks of one kind may have ids of their own.
    const KIND: &'static str;

    /// Judges the observation; uses nothing but its arguments.
    fn judge(&self, expected: &Self::Expected) -> Judged;
}

/// The result of a judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// The evidence.
    pub evidence: Vec<EvidenceItem>,
    /// Why it is red (observed against expected) and the remedy; `None` if it is green.
    pub red: Option<(String, Option<String>)>,
}

impl Judged {
    /// Observed as expected.
    pub fn green() -> Self {
        Judged::default()
    }

    /// Not as expected.
    pub fn red(reason: impl Into<String>, remedy: &str) -> Self {
        Judged { evidence: Vec::new(), red: Some((reason.into(), Some(remedy.to_owned()))) }
    }

    /// Adds a piece of evidence.
    #[must_use]
    pub fn with(mut self, name: &str, text: impl ToString) -> Self {
        self.evidence.push(EvidenceItem { name: name.to_owned(), text: text.to_string() });
        self
    }
}

/// Runs a check: observes, records the observation with secrets masked, and judges what was
/// recorded. If nothing could be observed, the check is red with the reason.
///
/// # Errors
/// Red. An interruption is no verdict.
pub async fn judged<O: Observation>(
    context: &Context,
    (id, title): (&str, &str),
    expected: O::Expected,
    look: impl AsyncFnOnce() -> Result<O>,
) -> Result<O> {
    check(context, id, title, async |findings| {
        let looked = look().await;
        let seen = match &looked {
            Ok(seen) => Looked::Seen(json(seen)?),
            // As in a check without an observation: what failed during one is no verdict.
            Err(_) if context.cancel.interruption().is_some() => return looked,
            Err(error) if error.is_interruption() => return looked,
            Err(error) => Looked::Unseen(error.to_string()),
        };
        let (check, kind) = (id.to_owned(), O::KIND.to_owned());
        let (expected, sha256) = (json(&expected)?, String::new());
        let observed = Observed { check, kind, expected, seen, sha256 };
        let observed = context.recorder.observed(observed);
        let looked = looked?;
        let judged = judge::<O>(&observed)?;
        judged.evidence.iter().for_each(|piece| findings.add(&piece.name, &piece.text));
        match judged.red {
            None => Ok(looked),
            Some((reason, remedy)) => {
                let red = Error::red(reason);
                Err(match remedy {
                    Some(remedy) => red.remedy(remedy),
                    None => red,
                })
            }
        }
    })
    .await
}

/// Judges a recorded observation. Red if nothing could be observed.
///
/// # Errors
/// Internal: it does not have the form of this kind.
pub fn judge<O: Observation>(observed: &Observed) -> Result<Judged> {
    let form = |error| {
        Error::internal(format!("the observation of {} has another form", observed.check))
            .with_source(error)
    };
    let expected = O::Expected::deserialize(&observed.expected).map_err(form)?;
    match &observed.seen {
        Looked::Seen(seen) => Ok(O::deserialize(seen).map_err(form)?.judge(&expected)),
        Looked::Unseen(why) => Ok(Judged { evidence: Vec::new(), red: Some((why.clone(), None)) }),
    }
}

fn json(value: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(value)
        .map_err(|e| Error::internal("writing an observation").with_source(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{Body, Event, Outcome};
    use crate::testing::test_context;
    use crate::verdict::{Cause, Diagnosis};

    #[derive(Debug, Serialize, Deserialize)]
    struct Words(Vec<String>);

    impl Observation for Words {
        type Expected = usize;
        const KIND: &'static str = "words";

        fn judge(&self, expected: &usize) -> Judged {
            if self.0.len() == *expected {
                return Judged::green().with("words", self.0.join(" "));
            }
            Judged::red(format!("{} words, expected {expected}", self.0.len()), "say more")
        }
    }

    fn events(keep: &tempfile::TempDir) -> Vec<Body> {
        let file = keep.path().join(format!("run/events-{}.jsonl", std::process::id()));
        let text = std::fs::read_to_string(file).expect("events");
        let bodies = text.lines().map(|line| serde_json::from_str::<Event>(line).expect("event"));
        bodies.map(|event| event.body).collect()
    }

    #[tokio::test]
    async fn what_is_judged_is_what_was_written_and_secrets_are_masked_in_it() {
        let (context, keep) = test_context();
        context.recorder.secrets().register("hunter2");
        let look = async || Ok(Words(vec!["hunter2".to_owned()]));
        judged(&context, ("a.b", "a does b"), 1, look).await.expect("green");
        let events = events(&keep);
        let [Body::Observed(observed), Body::Check(verdict)] = &events[..] else {
            panic!("{events:?}")
        };
        assert_eq!(observed.seen, Looked::Seen(serde_json::json!(["[secret]"])));
        assert_eq!(observed.sha256, observed.digest());
        assert_eq!((&*verdict.evidence[0].text, &verdict.outcome), ("[secret]", &Outcome::Green));
    }

    #[tokio::test]
    async fn a_look_that_fails_keeps_cause_evidence_and_remedy() {
        let (context, keep) = test_context();
        let (name, text) = ("log of x-exec-1".to_owned(), "no such image".to_owned());
        let diagnosis = Diagnosis {
            cause: Cause::WrongImage,
            says: "no such image".to_owned(),
            evidence: vec![EvidenceItem { name, text }],
            remedy: "push it".to_owned(),
            also: Vec::new(),
        };
        let look = async || Err::<Words, _>(diagnosis.error("0 of 3 executors registered"));
        let red = judged(&context, ("a.b", "a does b"), 0, look).await.expect_err("red");
        let diagnosis = Diagnosis::from_error(&red).expect("it stays the error's source");
        assert_eq!(diagnosis.cause, Cause::WrongImage);
        let [Body::Observed(observed), Body::Check(verdict)] = &events(&keep)[..] else { panic!() };
        let names: Vec<&str> = verdict.evidence.iter().map(|piece| piece.name.as_str()).collect();
        assert_eq!(names, ["cause", "log of x-exec-1"]);
        let Outcome::Red { reason, remedy } = &verdict.outcome else { panic!("{verdict:?}") };
        assert_eq!(reason, "0 of 3 executors registered: wrong-image: no such image");
        assert_eq!(
            (&observed.seen, remedy.as_deref()),
            (&Looked::Unseen(reason.clone()), Some("push it"))
        );
    }

    #[tokio::test]
    async fn what_fails_during_an_interruption_is_neither_observed_nor_judged() {
        let (context, keep) = test_context();
        let look = async || {
            context.cancel.cancel(crate::Exit::Interrupt);
            Err::<Words, _>(Error::environment("the driver was ended"))
        };
        let ended = judged(&context, ("a.b", "a does b"), 0, look).await.expect_err("ended");
        assert!(ended.is_interruption());
        let file = keep.path().join(format!("run/events-{}.jsonl", std::process::id()));
        assert_eq!(std::fs::read_to_string(file).unwrap_or_default(), "");
    }

    #[tokio::test]
    async fn what_could_not_be_looked_at_is_red_and_says_why() {
        let (context, keep) = test_context();
        let look = async || Err::<Words, _>(Error::environment("no answer within 20 s"));
        let red = judged(&context, ("a.b", "a does b"), 0, look).await.expect_err("red");
        assert_eq!(red.exit, crate::Exit::Red);
        let [Body::Observed(observed), Body::Check(_)] = &events(&keep)[..] else { panic!() };
        let again = judge::<Words>(observed).expect("its form");
        assert_eq!(again.red.map(|red| red.0).as_deref(), Some("no answer within 20 s"));
    }
}
