//! Applications whose executor pods a StatefulSet creates.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::features::{all_seen, in_log, judged};
use super::object::Object;
use crate::control::{Control, Says};
use crate::log::FoundLines;
use crate::words::list;

/// A StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetOfExecutors {
    /// The object.
    pub object: Object,
    /// The number of pods that it wants.
    pub replicas: Option<i32>,
}

/// The StatefulSets of an application, and its executors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatefulSets {
    /// The driver's pod.
    pub driver: Object,
    /// The sets, in their first state.
    pub sets: Vec<SetOfExecutors>,
    /// Each executor's pod that started.
    pub executors: Vec<Object>,
}

impl StatefulSets {
    fn holds(&self, executors: u32) -> Result<String, String> {
        let [set] = &self.sets[..] else {
            let names = list(self.sets.iter().map(|set| &set.object.name));
            return Err(format!("one StatefulSet expected, seen of executors: {names}"));
        };
        let (set, replicas) = (&set.object, set.replicas);
        if !set.is_owned_by(&self.driver) {
            return Err(format!("{} is not owned by {}", set.name, self.driver.name));
        }
        if replicas.and_then(|n| u32::try_from(n).ok()) != Some(executors) {
            let replicas = replicas.map_or("unknown".to_owned(), |n| n.to_string());
            return Err(format!("{} has {replicas} replicas, {executors} expected", set.name));
        }
        all_seen(self.executors.len(), executors)?;
        match self.executors.iter().find(|pod| !pod.is_owned_by(set)) {
            Some(other) => Err(format!("{} is not owned by {}", other.name, set.name)),
            None => {
                let names = list(self.executors.iter().map(|pod| &pod.name));
                Ok(format!("{} of {}: {names}", set.name, self.driver.name))
            }
        }
    }
}

impl Observation for StatefulSets {
    /// Number of executors.
    type Expected = u32;
    const KIND: &'static str = "application.stateful-set";

    fn judge(&self, executors: &u32) -> Judged {
        judged(self.holds(*executors))
    }
}

pub(crate) fn set_controls() -> Vec<Control> {
    let control = |name, says, change: &dyn Fn(&mut StatefulSets)| {
        let set = SetOfExecutors { object: Object::named("s", &["d"]), replicas: Some(2) };
        let executors = vec![Object::named("s-0", &["s"]), Object::named("s-1", &["s"])];
        let mut seen = StatefulSets { driver: Object::named("d", &[]), sets: vec![set], executors };
        change(&mut seen);
        Control::seen(name, &2, &seen, says)
    };
    vec![
        control("one set of two", Says::Green, &|_| {}),
        control("no set", Says::Red("seen of executors: none"), &|seen| seen.sets.clear()),
        control("two sets", Says::Red("seen of executors: s, s"), &|seen| {
            seen.sets.push(seen.sets[0].clone());
        }),
        control("a set of another", Says::Red("s is not owned by d"), &|seen| {
            seen.sets[0].object.owners = vec!["e".to_owned()];
        }),
        control("another number", Says::Red("s has 3 replicas, 2 expected"), &|seen| {
            seen.sets[0].replicas = Some(3);
        }),
        control("no number", Says::Red("s has unknown replicas"), &|seen| {
            seen.sets[0].replicas = None;
        }),
        control("an executor of the driver", Says::Red("s-0 is not owned by s"), &|seen| {
            seen.executors[0].owners = vec!["d".to_owned()];
        }),
        control("one executor too few", Says::Red("2 executors expected, 1 seen"), &|seen| {
            seen.executors.truncate(1);
        }),
        control("no executors", Says::Red("2 executors expected, 0 seen"), &|seen| {
            seen.executors.clear();
        }),
        Control::unseen::<StatefulSets>(&2, "the watch was refused"),
    ]
}

/// The label `spark-exec-id` of each executor's pod. It is a placeholder until the executor has
/// asked the driver for an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorIds(pub BTreeMap<String, Option<String>>);

impl Observation for ExecutorIds {
    /// Number of executors.
    type Expected = u32;
    const KIND: &'static str = "application.executor-ids";

    fn judge(&self, executors: &u32) -> Judged {
        let labels = list(self.0.values().map(|id| id.as_deref().unwrap_or("none")));
        let ids: BTreeSet<u32> =
            self.0.values().flatten().filter_map(|id| id.parse().ok()).collect();
        judged(all_seen(self.0.len(), *executors).and_then(|()| match ids.len() == self.0.len() {
            true => Ok(format!("spark-exec-id {labels}")),
            false => {
                Err(format!("a different number expected on each pod, spark-exec-id is {labels}"))
            }
        }))
    }
}

pub(crate) fn id_controls() -> Vec<Control> {
    let control = |name, ids: &[Option<&str>], says| {
        let of = |(n, id): (usize, &Option<&str>)| (format!("s-{n}"), id.map(str::to_owned));
        Control::seen(name, &2, &ExecutorIds((0..).zip(ids).map(of).collect()), says)
    };
    let (one, two) = (Some("1"), Some("2"));
    vec![
        control("two numbers", &[one, two], Says::Green),
        control("placeholders", &[Some("EXECID"); 2], Says::Red("is EXECID, EXECID")),
        control("one placeholder", &[one, Some("EXECID")], Says::Red("is 1, EXECID")),
        control("the same number", &[one, one], Says::Red("is 1, 1")),
        control("no label", &[one, None], Says::Red("is 1, none")),
        control("one executor too few", &[one], Says::Red("2 executors expected, 1 seen")),
        control("no executors", &[], Says::Red("2 executors expected, 0 seen")),
        Control::unseen::<ExecutorIds>(&2, "the watch was refused"),
    ]
}

/// The claims of an executor's pod, and the lines of its log about its local directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodClaims {
    /// Names of the claims.
    pub claims: Vec<String>,
    /// The lines; `None` if its log was not read.
    pub log: Option<FoundLines>,
}

/// The claims of each executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims(pub BTreeMap<String, PodClaims>);

/// The claim that each executor must have and use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedClaims {
    /// Name of the volume. Kubernetes' controller derives the claim's from it and the pod's.
    pub volume: String,
    /// The words of the log that show that the volume is mounted and writable.
    pub words: String,
    /// Number of executors.
    pub executors: u32,
}

impl Claims {
    fn holds(&self, expected: &ExpectedClaims) -> Result<String, String> {
        all_seen(self.0.len(), expected.executors)?;
        let lines = self.0.iter().map(|(name, pod)| {
            let claim = format!("{}-{name}", expected.volume);
            if !pod.claims.contains(&claim) {
                return Err(format!("{name} has no claim {claim}"));
            }
            in_log(name, pod.log.as_ref(), &expected.words)
        });
        Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }
}

impl Observation for Claims {
    type Expected = ExpectedClaims;
    const KIND: &'static str = "application.claims";

    fn judge(&self, expected: &ExpectedClaims) -> Judged {
        judged(self.holds(expected))
    }
}

pub(crate) fn claim_controls() -> Vec<Control> {
    let words = "Created local directory at /mine/".to_owned();
    let volume = "spark-local-dir-1".to_owned();
    let expected = ExpectedClaims { volume, words: words.clone(), executors: 2 };
    let control = |name, says, change: &dyn Fn(&mut BTreeMap<String, PodClaims>)| {
        let pod = |name: &str| {
            let log = FoundLines::of(&format!("INFO begun\nINFO {words}blockmgr-1\n"), &words);
            let claims = vec![format!("spark-local-dir-1-{name}")];
            (name.to_owned(), PodClaims { claims, log: Some(log) })
        };
        let mut pods = ["s-0", "s-1"].map(pod).into();
        change(&mut pods);
        Control::seen(name, &expected, &Claims(pods), says)
    };
    let first = |pods: &mut BTreeMap<String, PodClaims>, change: &dyn Fn(&mut PodClaims)| {
        pods.get_mut("s-0").into_iter().for_each(change);
    };
    let none = Says::Red("s-0 has no claim spark-local-dir-1-s-0");
    vec![
        control("a claim for each pod", Says::Green, &|_| {}),
        control("no claim", none, &|pods| first(pods, &|pod| pod.claims.clear())),
        control("the claim of another pod", none, &|pods| {
            first(pods, &|pod| pod.claims = vec!["spark-local-dir-1-s-1".to_owned()]);
        }),
        control("a directory elsewhere", Says::Red("log of s-0 has no `Created local"), &|pods| {
            let elsewhere = "INFO Created local directory at /tmp/blockmgr-1\n";
            first(pods, &|pod| pod.log = Some(FoundLines::of(elsewhere, "/mine/")));
        }),
        control("a log that was not read", Says::Red("no log of s-0 was read"), &|pods| {
            first(pods, &|pod| pod.log = None);
        }),
        control("one executor too few", Says::Red("2 executors expected, 1 seen"), &|pods| {
            drop(pods.pop_first());
        }),
        control("no executors", Says::Red("2 executors expected, 0 seen"), &BTreeMap::clear),
        Control::unseen::<Claims>(&expected, "the watch was refused"),
    ]
}
