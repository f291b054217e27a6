//! Derives the verdicts of a finished run again, from its stored observations.

use std::collections::BTreeMap;

use sparkproof_base::events::{Body, Event, Observed, Outcome, Verdict};

use crate::kind::{find, is_registered, needs_no_observation};

/// The result of judging a run again.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rejudged {
    /// How many verdicts are the same as stored.
    pub agreed: usize,
    /// Verdicts that differ, and observations that were changed, in words.
    pub differing: Vec<String>,
    /// Checks that should have a stored observation and have none: their ids, with counts.
    pub without: BTreeMap<String, usize>,
}

/// Judges the observations in a run's events again. Events of one process must be in their order.
pub fn rejudge<'a>(events: impl IntoIterator<Item = &'a Event>) -> Rejudged {
    let mut rejudged = Rejudged::default();
    // The last observation of a process: its verdict follows.
    let mut looked: BTreeMap<(u32, &str), &Observed> = BTreeMap::new();
    for event in events {
        match &event.body {
            Body::Observed(observed) => {
                looked.insert((event.pid, &observed.check), observed);
            }
            Body::Check(verdict) if matches!(verdict.outcome, Outcome::Skipped { .. }) => {
                let known = is_registered(&verdict.id);
                let words = format!("{}: skipped, but no kind has such checks", verdict.id);
                rejudged.differing.extend((!known).then_some(words));
            }
            Body::Check(verdict) => match looked.remove(&(event.pid, verdict.id.as_str())) {
                Some(observed) => match difference(observed, verdict) {
                    None => rejudged.agreed += 1,
                    Some(difference) => {
                        rejudged.differing.push(format!("{}: {difference}", verdict.id));
                    }
                },
                None if needs_no_observation(&verdict.id) => {}
                None => *rejudged.without.entry(verdict.id.clone()).or_default() += 1,
            },
            _ => {}
        }
    }
    let left =
        looked.into_keys().map(|(_, check)| format!("{check}: observed, but without a verdict"));
    rejudged.differing.extend(left);
    rejudged
}

/// How the stored verdict differs from the derived one, if it does.
fn difference(observed: &Observed, stored: &Verdict) -> Option<String> {
    if observed.digest() != observed.sha256 {
        return Some("its observation was changed after it was written".to_owned());
    }
    let Some(kind) = find(&observed.kind) else {
        return Some(format!("there is no kind of check `{}`", observed.kind));
    };
    if !kind.has(&stored.id) {
        return Some(format!("it is not an id of the kind `{}`", kind.id));
    }
    let judged = match (kind.judge)(observed) {
        Ok(judged) => judged,
        Err(error) => return Some(error.to_string()),
    };
    let again = judged.red.as_ref().map(|(reason, _)| reason.as_str());
    let then = match &stored.outcome {
        Outcome::Red { reason, .. } => Some(reason.as_str()),
        Outcome::Green | Outcome::Skipped { .. } => None,
    };
    let words = |reason: Option<&str>| match reason {
        Some(reason) => format!("red ({reason})"),
        None => "green".to_owned(),
    };
    (again != then)
        .then(|| format!("stored {}, derived from its observation {}", words(then), words(again)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Says;
    use crate::kind::kinds;

    fn event(body: Body) -> Event {
        Event { at: "2026-01-01T00:00:00Z".parse().expect("a time"), pid: 7, body }
    }

    fn verdict(id: &str, outcome: Outcome) -> Event {
        let (id, title) = (id.to_owned(), String::new());
        event(Body::Check(Verdict { id, title, outcome, evidence: Vec::new(), seconds: 0.0 }))
    }

    /// The first control of a kind is green.
    fn observed(kind: &str) -> Observed {
        let control = (find(kind).expect("known").controls)().remove(0);
        assert_eq!(control.says, Says::Green);
        control.observed
    }

    #[test]
    fn a_run_that_told_the_truth_agrees() {
        for kind in kinds() {
            let id = kind.ids.first().unwrap_or(&kind.id).replace('*', "x");
            let observed = Observed { check: id.clone(), ..observed(kind.id) };
            let sha256 = observed.digest();
            let events = [
                event(Body::Observed(Observed { sha256, ..observed })),
                verdict(&id, Outcome::Green),
            ];
            assert_eq!(rejudge(&events), Rejudged { agreed: 1, ..Rejudged::default() });
        }
    }

    #[test]
    fn ids_that_are_not_registered_are_found() {
        let observed = Observed { check: "pods.lists".to_owned(), ..observed("pods.list") };
        let sha256 = observed.digest();
        let events = [
            event(Body::Observed(Observed { sha256, ..observed })),
            verdict("pods.lists", Outcome::Green),
            verdict("x.y", Outcome::Skipped { reason: "it cannot be had".to_owned() }),
            verdict("feature", Outcome::Skipped { reason: "it cannot be had".to_owned() }),
        ];
        assert_eq!(
            rejudge(&events).differing,
            [
                "pods.lists: it is not an id of the kind `pods.list`",
                "x.y: skipped, but no kind has such checks"
            ]
        );
    }

    #[test]
    fn a_verdict_that_its_observation_does_not_bear_is_found() {
        let red = Outcome::Red { reason: "it was red".to_owned(), remedy: None };
        let events = [event(Body::Observed(observed("pods.list"))), verdict("pods.list", red)];
        let differing = rejudge(&events).differing;
        assert_eq!(differing.len(), 1);
        assert!(
            differing[0].contains("stored red (it was red), derived from its observation green")
        );
    }

    #[test]
    fn one_changed_byte_of_an_observation_is_found_though_the_verdict_is_the_same() {
        let written = serde_json::to_string(&observed("pods.list")).expect("JSON");
        let changed = written.replacen("12s", "13s", 1);
        assert_ne!(written, changed);
        let changed: Observed = serde_json::from_str(&changed).expect("JSON");
        let events = [event(Body::Observed(changed)), verdict("pods.list", Outcome::Green)];
        let differing = rejudge(&events).differing;
        assert!(differing[0].contains("was changed after it was written"), "{differing:?}");
    }

    #[test]
    fn an_observation_without_a_verdict_or_of_no_kind_is_found() {
        let differing = |events: &[Event]| rejudge(events).differing;
        let alone = [event(Body::Observed(observed("pods.list")))];
        assert_eq!(differing(&alone), ["pods.list: observed, but without a verdict"]);
        let other = Observed { kind: "pods.lists".to_owned(), ..observed("pods.list") };
        let sha256 = other.digest();
        let events = [
            event(Body::Observed(Observed { sha256, ..other })),
            verdict("pods.list", Outcome::Green),
        ];
        assert_eq!(differing(&events), ["pods.list: there is no kind of check `pods.lists`"]);
    }

    #[test]
    fn checks_that_store_no_observation_are_counted() {
        let green = |id| verdict(id, Outcome::Green);
        let skipped = Outcome::Skipped { reason: "phase-ended".to_owned() };
        let skipped = verdict("feature", skipped);
        let events = [green("x.y"), green("x.y"), green("read.0-copy.prepared"), skipped];
        let rejudged = rejudge(&events);
        assert_eq!(rejudged.without, BTreeMap::from([("x.y".to_owned(), 2)]));
        assert!(rejudged.differing.is_empty());
    }
}
