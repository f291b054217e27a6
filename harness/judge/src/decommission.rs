//! Executors that are decommissioned: what Spark says of them, how they end, and in which order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};
use crate::session::Agreement;
use crate::words::list;

/// An executor that Spark has removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// When, by the driver's clock, in Spark's format (GMT), which sorts by time.
    pub at: String,
    /// Why; empty if Spark does not say.
    pub reason: String,
}

/// The executors that Spark has removed, by id.
pub type RemovedExecutors = BTreeMap<u32, Removed>;

/// In words, or `none`.
pub(crate) fn words(removed: &RemovedExecutors) -> String {
    let all: Vec<String> =
        removed.iter().map(|(id, gone)| format!("{id} at {}: {}", gone.at, gone.reason)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join("\n") }
}

/// What Spark says of an executor that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparkSays {
    /// The executor's id.
    pub executor: u32,
    /// All removed executors.
    pub removed: RemovedExecutors,
}

/// The words that Spark must say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedReason {
    /// The words, in lower case.
    pub words: String,
    /// What to do if it says something else.
    pub remedy: String,
}

impl Observation for SparkSays {
    type Expected = ExpectedReason;
    const KIND: &'static str = "decommission.said";

    fn judge(&self, expected: &ExpectedReason) -> Judged {
        let SparkSays { executor, removed } = self;
        let Some(Removed { reason, .. }) = removed.get(executor) else {
            let reason = format!("Spark has not removed executor {executor}");
            return Judged::red(reason, &expected.remedy).with("removed", words(removed));
        };
        let judged = match reason.to_lowercase().contains(&expected.words) {
            true => Judged::green(),
            false => Judged::red(
                format!(
                    "executor {executor} is gone, and Spark says: {reason}; expected: {}",
                    expected.words
                ),
                &expected.remedy,
            ),
        };
        judged.with("reason", reason)
    }
}

/// For controls: an executor that was removed at this second.
fn gone(id: u32, second: u32, reason: &str) -> (u32, Removed) {
    let at = format!("2026-11-30T23:22:{second:02}.920GMT");
    (id, Removed { at, reason: reason.to_owned() })
}

pub(crate) fn said_controls() -> Vec<Control> {
    let remedy = "check that spark.decommission.enabled is in force".to_owned();
    let expected = ExpectedReason { words: "decommission".to_owned(), remedy };
    let control = |name, removed: &[(u32, Removed)], says| {
        let removed = removed.iter().cloned().collect();
        Control::seen(name, &expected, &SparkSays { executor: 1, removed }, says)
    };
    let said = "Executor decommission: Executor 1 is decommissioned.";
    vec![
        control("decommissioned", &[gone(1, 1, said)], Says::Green),
        control("finished", &[gone(1, 1, "Finished decommissioning")], Says::Green),
        control(
            "deleted",
            &[gone(1, 1, "The executor with id 1 was deleted by a user or the framework.")],
            Says::Red("executor 1 is gone, and Spark says: The executor with id 1 was deleted"),
        ),
        control(
            "killed",
            &[gone(1, 1, "Executor killed by driver.")],
            Says::Red("Spark says: Executor killed by driver.; expected: decommission"),
        ),
        control("no reason", &[gone(1, 1, "")], Says::Red("Spark says: ; expected")),
        control("another one", &[gone(2, 1, said)], Says::Red("has not removed executor 1")),
        control("none", &[], Says::Red("has not removed executor 1")),
        Control::unseen::<SparkSays>(&expected, "Spark's REST API does not answer"),
    ]
}

/// How the pod of an executor ended after its deletion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndOfPod {
    /// Name of the pod.
    pub pod: String,
    /// Grace period of its deletion in seconds.
    pub grace_seconds: u32,
    /// Seconds from its deletion until it was gone; `None` if it was not.
    pub gone_after_seconds: Option<f64>,
    /// Exit code of its container, if it was seen.
    pub exit_code: Option<i32>,
}

impl Observation for EndOfPod {
    /// Seconds within which it must be gone, far fewer than its grace period.
    type Expected = u32;
    const KIND: &'static str = "decommission.ended";

    fn judge(&self, within: &u32) -> Judged {
        let EndOfPod { pod, grace_seconds, gone_after_seconds, exit_code } = self;
        let code = exit_code.map_or("unknown".to_owned(), |code| code.to_string());
        let remedy = "check that spark.decommission.enabled is in force and that the image has \
                      decom.sh; read the executor's log";
        let judged = match gone_after_seconds {
            None => Judged::red(
                format!("{pod} is not gone {within} s after its deletion, exit code {code}"),
                remedy,
            ),
            Some(seconds) if *seconds >= f64::from(*within.min(grace_seconds)) => Judged::red(
                format!(
                    "{pod} was gone only after {seconds:.1} s, {} s expected",
                    within.min(grace_seconds)
                ),
                remedy,
            ),
            Some(_) if *exit_code != Some(0) => Judged::red(
                format!("{pod} ended with exit code {code}, not by itself with 0"),
                remedy,
            ),
            Some(_) => Judged::green(),
        };
        let after = gone_after_seconds.map_or("never".to_owned(), |s| format!("{s:.1} s"));
        judged
            .with("gone after", format!("{after}, of a grace period of {grace_seconds} s"))
            .with("exit code", code)
    }
}

pub(crate) fn ended_controls() -> Vec<Control> {
    let control = |name, says, gone_after_seconds, exit_code| {
        let pod = "x-exec-1".to_owned();
        let seen = EndOfPod { pod, grace_seconds: 300, gone_after_seconds, exit_code };
        Control::seen(name, &90, &seen, says)
    };
    let short = EndOfPod {
        pod: "x-exec-1".to_owned(),
        grace_seconds: 30,
        gone_after_seconds: Some(30.2),
        exit_code: Some(0),
    };
    let short_grace = Says::Red("only after 30.2 s, 30 s expected");
    let killed = Says::Red("x-exec-1 ended with exit code 137, not by itself");
    vec![
        control("by itself", Says::Green, Some(3.7), Some(0)),
        control("by SIGTERM", Says::Red("exit code 143, not by"), Some(1.0), Some(143)),
        control("killed before", killed, Some(31.0), Some(137)),
        control("killed after its grace", Says::Red("only after 301.0 s"), Some(301.0), Some(137)),
        control("by itself, but late", Says::Red("after 120.0 s, 90 s"), Some(120.0), Some(0)),
        Control::seen("late for a short grace", &90, &short, short_grace),
        control("still there", Says::Red("is not gone 90 s after its deletion"), None, None),
        control("ended and still there", Says::Red("is not gone 90 s after"), None, Some(0)),
        control("no exit code", Says::Red("exit code unknown"), Some(3.7), None),
        Control::unseen::<EndOfPod>(&90, "the watch was refused"),
    ]
}

/// The labels of a released executor's pod in its last state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLabels(pub Option<BTreeMap<String, String>>);

impl Observation for LastLabels {
    /// The label and its value.
    type Expected = (String, String);
    const KIND: &'static str = "decommission-scaling.label";

    fn judge(&self, (label, value): &(String, String)) -> Judged {
        let Some(labels) = &self.0 else {
            return Judged::red("its pod was not seen", "read the timeline of its pod");
        };
        let judged = match labels.get(label) {
            Some(seen) if seen == value => Judged::green(),
            seen => Judged::red(
                format!(
                    "label {label} of its pod: {}, expected: {value}",
                    seen.map_or("none", String::as_str)
                ),
                "check that the driver's account may get and patch pods",
            ),
        };
        let rows: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        judged.with("labels", rows.join("\n"))
    }
}

pub(crate) fn label_controls() -> Vec<Control> {
    let expected = ("x/decommissioned".to_owned(), "true".to_owned());
    let control = |name, labels: &[(&str, &str)], says| {
        let labels = labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned()));
        Control::seen(name, &expected, &LastLabels(Some(labels.collect())), says)
    };
    let (id, none) = (("spark-exec-id", "1"), Says::Red("of its pod: none, expected: true"));
    vec![
        control("the label", &[id, ("x/decommissioned", "true")], Says::Green),
        control("another value", &[id, ("x/decommissioned", "false")], Says::Red("pod: false,")),
        control("another label", &[id, ("y/decommissioned", "true")], none),
        control("without it", &[id], none),
        control("no labels", &[], none),
        Control::seen("no pod", &expected, &LastLabels(None), Says::Red("was not seen")),
        Control::unseen::<LastLabels>(&expected, "the watch was refused"),
    ]
}

/// The executors that were due to be rolled, and those that Spark has removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolled {
    /// Ids of those that were due.
    pub due: Vec<u32>,
    /// The removed ones.
    pub removed: RemovedExecutors,
}

impl Rolled {
    const REMEDY: &'static str = "check that spark.plugins has the plugin";

    /// Red if fewer than `least` were removed, or one for another reason.
    fn fault(&self, least: usize) -> Option<String> {
        if self.due.is_empty() {
            return Some("no executor was due".to_owned());
        }
        if self.removed.len() < least {
            return Some(format!(
                "executors that are due are not decommissioned; gone: {}",
                list(self.removed.keys())
            ));
        }
        let decommissioned = |gone: &Removed| gone.reason.to_lowercase().contains("decommission");
        let (id, gone) = self.removed.iter().find(|(_, gone)| !decommissioned(gone))?;
        Some(format!("executor {id} is gone, and Spark says: {}", gone.reason))
    }

    /// Red unless the one with the lowest id was removed before all others, by Spark's time.
    fn first(&self) -> Result<(), String> {
        if let Some(fault) = self.fault(1) {
            return Err(fault);
        }
        let mut by_time: Vec<(&str, u32)> =
            self.removed.iter().map(|(id, gone)| (gone.at.as_str(), *id)).collect();
        by_time.sort_unstable();
        let earliest = by_time.first().map_or("", |(at, _)| at);
        let first = by_time.iter().filter(|(at, _)| *at == earliest).map(|(_, id)| id);
        let (first, lowest) = (list(first), list(self.due.iter().min()));
        match first == lowest && !earliest.is_empty() {
            true => Ok(()),
            false if earliest.is_empty() => Err("Spark does not say when it removed it".to_owned()),
            false => Err(format!(
                "of {} executor {lowest} expected to go first, {first} did",
                list(&self.due)
            )),
        }
    }
}

impl Observation for Rolled {
    type Expected = ();
    const KIND: &'static str = "decommission-rolling.first";

    fn judge(&self, (): &()) -> Judged {
        let judged = match self.first() {
            Ok(()) => Judged::green(),
            Err(reason) => Judged::red(reason, Self::REMEDY),
        };
        judged.with("removed", words(&self.removed))
    }
}

pub(crate) fn first_controls() -> Vec<Control> {
    let said = "Executor decommission: Rolling via ID at 1796080951722";
    let control = |name, removed: &[(u32, Removed)], says| {
        let removed = removed.iter().cloned().collect();
        Control::seen(name, &(), &Rolled { due: vec![2, 1], removed }, says)
    };
    let timeless = (1, Removed { at: String::new(), reason: said.to_owned() });
    let two_first = Says::Red("of 2, 1 executor 1 expected to go first, 2 did");
    vec![
        control("the lowest id", &[gone(1, 31, said)], Says::Green),
        control(
            "the lowest id before the other",
            &[gone(1, 31, said), gone(2, 51, said)],
            Says::Green,
        ),
        control("the other one", &[gone(2, 31, said)], two_first),
        control("the other one before it", &[gone(1, 51, said), gone(2, 31, said)], two_first),
        control(
            "both at once",
            &[gone(1, 31, said), gone(2, 31, said)],
            Says::Red("expected to go first, 1, 2 did"),
        ),
        control("none", &[], Says::Red("that are due are not decommissioned; gone: none")),
        control(
            "killed",
            &[gone(1, 31, "Executor killed by driver.")],
            Says::Red("executor 1 is gone, and Spark says: Executor killed"),
        ),
        control("without a time", &[timeless], Says::Red("does not say when")),
        Control::seen(
            "none due",
            &(),
            &Rolled { due: Vec::new(), removed: [gone(1, 31, said)].into() },
            Says::Red("no executor was due"),
        ),
        Control::unseen::<Rolled>(&(), "Spark's REST API does not answer"),
    ]
}

/// The same, with the executors that are there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolledAndReplaced {
    /// The rolled ones.
    pub rolled: Rolled,
    /// Spark's list and the Running pods.
    pub executors: Agreement,
}

impl RolledAndReplaced {
    /// Why not all that were due are removed and replaced, if they are not.
    pub fn missing(&self) -> Option<String> {
        let Rolled { due, removed } = &self.rolled;
        if let Some(fault) = self.rolled.fault(due.len()) {
            return Some(fault);
        }
        if let Some(id) = due.iter().find(|id| !removed.contains_key(id)) {
            return Some(format!("executor {id} stays, gone: {}", list(removed.keys())));
        }
        let difference = self.executors.difference(due.len())?;
        Some(format!("the decommissioned executors are not replaced: {difference}"))
    }
}

impl Observation for RolledAndReplaced {
    type Expected = ();
    const KIND: &'static str = "decommission-rolling.replaced";

    fn judge(&self, (): &()) -> Judged {
        let judged = match self.missing() {
            None => Judged::green(),
            Some(reason) => Judged::red(reason, Rolled::REMEDY),
        };
        judged
            .with("Spark's reasons", words(&self.rolled.removed))
            .with("replacements", list(self.executors.registered.keys()))
    }
}

pub(crate) fn replaced_controls() -> Vec<Control> {
    let said = "Executor decommission: Rolling via ID at 1796080951722";
    let control = |name, says, change: &dyn Fn(&mut RolledAndReplaced)| {
        let of = |id: u32| (id, format!("10.244.0.{id}"));
        let both: BTreeMap<u32, String> = [of(3), of(4)].into();
        let removed = [gone(1, 31, said), gone(2, 51, said)].into();
        let mut seen = RolledAndReplaced {
            rolled: Rolled { due: vec![1, 2], removed },
            executors: Agreement { registered: both.clone(), running: both },
        };
        change(&mut seen);
        Control::seen(name, &(), &seen, says)
    };
    let not_replaced = Says::Red("the decommissioned executors are not replaced: registered");
    vec![
        control("both replaced", Says::Green, &|_| {}),
        control("one stays", Says::Red("not decommissioned; gone: 1"), &|seen| {
            drop(seen.rolled.removed.remove(&2));
        }),
        control(
            "a replacement instead of one",
            Says::Red("executor 2 stays, gone: 1, 3"),
            &|seen| {
                seen.rolled.removed.remove(&2);
                seen.rolled.removed.extend([gone(3, 59, said)]);
            },
        ),
        control("one killed", Says::Red("executor 2 is gone, and Spark says: Executor"), &|seen| {
            seen.rolled.removed.extend([gone(2, 51, "Executor killed by driver.")]);
        }),
        control("one not replaced", not_replaced, &|seen| {
            seen.executors.registered.pop_last();
            seen.executors.running.pop_last();
        }),
        control("one that did not register", not_replaced, &|seen| {
            drop(seen.executors.registered.pop_last());
        }),
        control("nothing", Says::Red("not decommissioned; gone: none"), &|seen| {
            seen.rolled.removed.clear();
            seen.executors = Agreement::default();
        }),
        Control::unseen::<RolledAndReplaced>(&(), "Spark's REST API does not answer"),
    ]
}
