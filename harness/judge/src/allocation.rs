//! Executors that dynamic allocation requests and releases, seen over a time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};
use crate::decommission::{Removed, RemovedExecutors, words};
use crate::session::Agreement;
use crate::words::list;

/// The executors at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutorsLook {
    /// Seconds since the first look.
    pub seconds: f64,
    /// Ids of their pods, whatever their state.
    pub pods: BTreeSet<u32>,
    /// Spark's list and the Running pods.
    pub executors: Agreement,
}

/// The looks from the first on of which `done` holds; else the last state in words.
fn since(
    looks: &[ExecutorsLook],
    done: impl Fn(&ExecutorsLook) -> bool,
) -> Result<&[ExecutorsLook], String> {
    match looks.iter().position(done) {
        Some(first) => Ok(&looks[first..]),
        None => Err(looks.last().map_or("no look".to_owned(), |look| {
            format!("after {:.1} s the pods are of executors {}", look.seconds, list(&look.pods))
        })),
    }
}

/// Red unless each look is as `fault` wants, for so many seconds.
fn stays(
    looks: &[ExecutorsLook],
    seconds: u32,
    fault: impl Fn(&ExecutorsLook) -> Option<String>,
) -> Result<f64, String> {
    if let Some(fault) = looks.iter().find_map(fault) {
        return Err(fault);
    }
    let at = |look: Option<&ExecutorsLook>| look.map_or(0.0, |look| look.seconds);
    let seen = at(looks.last()) - at(looks.first());
    match seen >= f64::from(seconds) {
        true => Ok(seen),
        false => Err(format!("they were seen to stay for {seen:.1} s, {seconds} s expected")),
    }
}

/// The executors after all work was taken away, some of which hold blocks that are needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdleExecutors {
    /// Ids of the pods before.
    pub before: BTreeSet<u32>,
    /// Ids of those that hold shuffle blocks.
    pub holders: BTreeSet<String>,
    /// The looks, in their order.
    pub looks: Vec<ExecutorsLook>,
    /// The executors that Spark has removed.
    pub removed: RemovedExecutors,
}

/// What must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedToStay {
    /// Number of executors.
    pub executors: usize,
    /// Seconds for which they must be seen to stay.
    pub seconds: u32,
}

impl IdleExecutors {
    /// Whether no executor without blocks has a pod or is registered.
    pub fn only_holders(&self, look: &ExecutorsLook) -> bool {
        let mut all = look.pods.iter().chain(look.executors.registered.keys());
        all.all(|id| self.holds_blocks(*id))
    }

    fn holds_blocks(&self, id: u32) -> bool {
        self.holders.contains(&id.to_string())
    }

    fn holds(&self, expected: &ExpectedToStay) -> Result<f64, String> {
        let holders = list(&self.holders);
        let ExpectedToStay { executors, seconds } = *expected;
        if self.holders.len() < executors || executors == 0 {
            return Err(format!("{executors} executors expected to hold blocks, of {holders}"));
        }
        let after = since(&self.looks, |look| self.only_holders(look))
            .map_err(|state| format!("idle executors stay: {state}"))?;
        let seen = stays(after, seconds, |look| {
            let difference = look.executors.difference(self.holders.len());
            let difference = difference.or_else(|| {
                let registered = || list(look.executors.registered.keys());
                (!self.only_holders(look)).then(|| format!("others: {}", registered()))
            })?;
            Some(format!("{holders} should have stayed; after {:.1} s: {difference}", look.seconds))
        })?;
        let killed = |gone: &Removed| gone.reason.contains("killed by driver");
        let mut idle = self.before.iter().filter(|id| !self.holds_blocks(**id)).peekable();
        if idle.peek().is_none() {
            return Err("no executor without blocks was there before".to_owned());
        }
        for id in idle {
            let gone = self.removed.get(id);
            if !gone.is_some_and(killed) {
                let says = gone.map_or("nothing", |gone| gone.reason.as_str());
                return Err(format!(
                    "expected that Spark says of executor {id} `killed by driver`, it says: {says}"
                ));
            }
        }
        Ok(seen)
    }
}

impl Observation for IdleExecutors {
    type Expected = ExpectedToStay;
    const KIND: &'static str = "dynamic-allocation.go";

    fn judge(&self, expected: &ExpectedToStay) -> Judged {
        let judged = match self.holds(expected) {
            Ok(seen) => {
                Judged::green().with("stay", format!("{}, for {seen:.1} s", list(&self.holders)))
            }
            Err(reason) => Judged::red(
                reason,
                "check that spark.dynamicAllocation.shuffleTracking.enabled is in force",
            ),
        };
        judged
            .with("hold shuffle blocks", list(&self.holders))
            .with("Spark's reasons", words(&self.removed))
    }
}

/// For controls: at this second, pods with these ids, all of them registered and Running.
fn look(seconds: f64, of: &[u32]) -> ExecutorsLook {
    let all: BTreeMap<u32, String> = of.iter().map(|id| (*id, format!("10.244.0.{id}"))).collect();
    let executors = Agreement { registered: all.clone(), running: all };
    ExecutorsLook { seconds, pods: of.iter().copied().collect(), executors }
}

pub(crate) fn idle_controls() -> Vec<Control> {
    let expected = ExpectedToStay { executors: 2, seconds: 6 };
    let control = |name, says, change: &dyn Fn(&mut IdleExecutors)| {
        let reason = "Executor killed by driver.".to_owned();
        let mut seen = IdleExecutors {
            before: [1, 2, 3].into(),
            holders: ["1", "2"].map(str::to_owned).into(),
            looks: vec![
                look(0.0, &[1, 2, 3]),
                look(5.3, &[1, 2]),
                look(8.3, &[1, 2]),
                look(11.4, &[1, 2]),
            ],
            removed: [(3, Removed { at: "2026-11-30T23:23:35.100GMT".to_owned(), reason })].into(),
        };
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    let should = Says::Red("1, 2 should have stayed; after 11.4 s: registered 1 at");
    vec![
        control("the idle one goes, the others stay", Says::Green, &|_| {}),
        control("the idle one stays", Says::Red("idle executors stay: after 11.4 s"), &|seen| {
            seen.looks.iter_mut().for_each(|at| *at = look(at.seconds, &[1, 2, 3]));
        }),
        control("one goes later", should, &|seen| seen.looks[3] = look(11.4, &[1])),
        control("one goes and comes back", Says::Red("after 8.3 s: registered 2 at"), &|seen| {
            seen.looks[2] = look(8.3, &[2]);
        }),
        control("one is registered no more", should, &|seen| {
            drop(seen.looks[3].executors.registered.remove(&2));
        }),
        control("another one comes", Says::Red("after 11.4 s: registered 1 at"), &|seen| {
            seen.looks[3] = look(11.4, &[1, 2, 4]);
        }),
        control("another one in place of one", Says::Red("after 11.4 s: others: 1, 4"), &|seen| {
            seen.looks[3] = look(11.4, &[1, 4]);
        }),
        control("all go at once", Says::Red("after 5.3 s: registered none"), &|seen| {
            seen.looks[1] = look(5.3, &[]);
        }),
        control("looked at once", Says::Red("seen to stay for 0.0 s, 6 s expected"), &|seen| {
            seen.looks.truncate(2);
        }),
        control("looked not long enough", Says::Red("to stay for 3.0 s"), &|seen| {
            seen.looks.truncate(3);
        }),
        control("no look", Says::Red("idle executors stay: no look"), &|seen| seen.looks.clear()),
        control("one holder", Says::Red("2 executors expected to hold blocks, of 1"), &|seen| {
            drop(seen.holders.pop_last());
        }),
        control("no holder", Says::Red("expected to hold blocks, of none"), &|seen| {
            seen.holders.clear();
        }),
        control("no idle one before", Says::Red("no executor without blocks was there"), &|seen| {
            seen.before.remove(&3);
        }),
        control("registered a little longer", Says::Green, &|seen| {
            seen.looks[1].executors.registered.insert(3, "10.244.0.3".to_owned());
            seen.looks[3].seconds = 14.4;
        }),
        control("Spark does not say why", Says::Red("driver`, it says: nothing"), &|seen| {
            seen.removed.clear();
        }),
        control("Spark says otherwise", Says::Red("it says: worker lost"), &|seen| {
            seen.removed.values_mut().for_each(|gone| "worker lost".clone_into(&mut gone.reason));
        }),
        Control::unseen::<IdleExecutors>(&expected, "Spark's REST API does not answer"),
    ]
}

/// The executors while one with unused blocks is to be released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleasedExecutor {
    /// Ids of the pods before.
    pub before: BTreeSet<u32>,
    /// The looks, in their order.
    pub looks: Vec<ExecutorsLook>,
}

impl ReleasedExecutor {
    /// The first executor whose pod is gone.
    pub fn gone(&self) -> Option<u32> {
        let gone = |look: &ExecutorsLook| self.before.difference(&look.pods).next().copied();
        self.looks.iter().find_map(gone)
    }

    fn holds(&self, seconds: u32) -> Result<(u32, f64), String> {
        let id = self.gone();
        let after = since(&self.looks, |look| id.is_some_and(|id| !look.pods.contains(&id)))
            .map_err(|state| format!("no executor is released: {state}"))?;
        let stay = self.before.len().saturating_sub(1);
        if stay == 0 {
            return Err(format!("only one executor was there before: {}", list(&self.before)));
        }
        let seen = stays(after, seconds, |look| {
            let after = look.seconds;
            match look.pods.difference(&self.before).next() {
                Some(other) => {
                    Some(format!("after {after:.1} s it was replaced by executor {other}"))
                }
                None => look.executors.difference(stay).map(|difference| {
                    format!("{stay} should have stayed; after {after:.1} s: {difference}")
                }),
            }
        })?;
        Ok((id.unwrap_or_default(), seen))
    }
}

impl Observation for ReleasedExecutor {
    /// Seconds for which the others must be seen to stay.
    type Expected = u32;
    const KIND: &'static str = "decommission-scaling.gone";

    fn judge(&self, seconds: &u32) -> Judged {
        match self.holds(*seconds) {
            Ok((id, seen)) => {
                let stay = list(self.before.iter().filter(|of| **of != id));
                Judged::green().with("gone", id).with("stay", format!("{stay}, for {seen:.1} s"))
            }
            Err(reason) => {
                Judged::red(reason, "check spark.dynamicAllocation.minExecutors and its timeouts")
            }
        }
    }
}

pub(crate) fn released_controls() -> Vec<Control> {
    let control = |name, says, change: &dyn Fn(&mut Vec<ExecutorsLook>)| {
        let mut looks =
            vec![look(0.0, &[1, 2]), look(12.1, &[2]), look(14.0, &[2]), look(17.2, &[2])];
        change(&mut looks);
        Control::seen(name, &5, &ReleasedExecutor { before: [1, 2].into(), looks }, says)
    };
    let alone = ReleasedExecutor {
        before: [1].into(),
        looks: vec![look(0.0, &[1]), look(12.1, &[]), look(17.2, &[])],
    };
    vec![
        control("one goes, the other stays", Says::Green, &|_| {}),
        control("the other goes", Says::Green, &|looks| {
            looks[1..].iter_mut().for_each(|at| *at = look(at.seconds, &[1]));
        }),
        control("none goes", Says::Red("no executor is released: after 17.2 s"), &|looks| {
            looks.iter_mut().for_each(|at| *at = look(at.seconds, &[1, 2]));
        }),
        control(
            "replaced later",
            Says::Red("after 17.2 s it was replaced by executor 3"),
            &|looks| {
                looks[3] = look(17.2, &[2, 3]);
            },
        ),
        control("replaced for a moment", Says::Red("was replaced by executor 3"), &|looks| {
            looks[2] = look(14.0, &[2, 3]);
        }),
        control("both go", Says::Red("1 should have stayed; after 17.2 s"), &|looks| {
            looks[3] = look(17.2, &[]);
        }),
        control("both go at once", Says::Red("1 should have stayed; after 12.1 s"), &|looks| {
            looks[1] = look(12.1, &[]);
        }),
        control("the other is not registered", Says::Red("registered none; Running 2"), &|looks| {
            looks[3].executors.registered.clear();
        }),
        Control::seen("the only one goes", &5, &alone, Says::Red("only one executor was there")),
        control("looked at once", Says::Red("to stay for 0.0 s, 5 s expected"), &|looks| {
            looks.truncate(2);
        }),
        control("no look", Says::Red("no executor is released: no look"), &Vec::clear),
        Control::unseen::<ReleasedExecutor>(&5, "Spark's REST API does not answer"),
    ]
}

/// The executors while there is work for more than there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorsAtWork {
    /// Number of pods before.
    pub before: usize,
    /// The most pods that there were since.
    pub most_pods: usize,
    /// State of each executor's pod by name, in kubectl's words, with the reason why it has no node.
    pub pods: BTreeMap<String, String>,
    /// Spark's list and the Running pods.
    pub executors: Agreement,
    /// Number of running tasks of each registered executor.
    pub tasks: BTreeMap<u32, u32>,
}

impl ExecutorsAtWork {
    /// Why there is not one task on each of `most` executors, if there is not.
    pub fn missing(&self, most: u32) -> Option<String> {
        let difference = self.executors.difference(most as usize);
        let tasks = || {
            let registered = self.tasks.keys().eq(self.executors.registered.keys());
            let busy = registered && self.tasks.values().all(|tasks| *tasks == 1);
            (!busy).then(|| {
                let rows = self.tasks.iter().map(|(id, tasks)| format!("{tasks} on {id}"));
                format!("tasks: {}", list(rows))
            })
        };
        let what = difference.or_else(tasks)?;
        let pods = self.pods.iter().map(|(name, state)| format!("{name} {state}"));
        Some(format!("{what}; pods: {}", list(pods)))
    }
}

impl Observation for ExecutorsAtWork {
    /// Number of tasks.
    type Expected = u32;
    const KIND: &'static str = "dynamic-allocation.come";

    fn judge(&self, most: &u32) -> Judged {
        let before = self.before;
        let missing = self.missing(*most);
        let judged = match missing {
            Some(missing) if self.most_pods <= before => Judged::red(
                format!("no executor was requested besides {before}, for {most} tasks: {missing}"),
                "check that spark.dynamicAllocation.enabled is in force",
            ),
            Some(missing) => Judged::red(
                format!("{most} tasks did not bring {most} executors: {missing}"),
                "check that the nodes have room for all executors",
            ),
            None if self.most_pods <= before => Judged::red(
                format!("{before} executors were there before, for {most} tasks"),
                "start with fewer executors",
            ),
            None => Judged::green(),
        };
        let rows =
            self.executors.registered.iter().map(|(id, at)| format!("executor {id} at {at}"));
        judged.with("executors", rows.collect::<Vec<_>>().join("\n"))
    }
}

pub(crate) fn come_controls() -> Vec<Control> {
    let control = |name, says, change: &dyn Fn(&mut ExecutorsAtWork)| {
        let pod = |id: u32| (format!("x-exec-{id}"), "Running".to_owned());
        let mut seen = ExecutorsAtWork {
            before: 1,
            most_pods: 3,
            pods: [1, 2, 3].map(pod).into(),
            executors: look(0.0, &[1, 2, 3]).executors,
            tasks: [1, 2, 3].map(|id| (id, 1)).into(),
        };
        change(&mut seen);
        Control::seen(name, &3, &seen, says)
    };
    let few = Says::Red("3 tasks did not bring 3 executors: ");
    vec![
        control("three at work", Says::Green, &|_| {}),
        control("none requested", Says::Red("no executor was requested besides 1"), &|seen| {
            seen.most_pods = 1;
            seen.pods.retain(|name, _| name == "x-exec-1");
            seen.executors = look(0.0, &[1]).executors;
            seen.tasks = [(1, 1)].into();
        }),
        control("one has no node", Says::Red("x-exec-3 Pending: Insufficient cpu"), &|seen| {
            seen.pods.insert("x-exec-3".to_owned(), "Pending: Insufficient cpu".to_owned());
            seen.executors = look(0.0, &[1, 2]).executors;
            seen.tasks.pop_last();
        }),
        control("one does not register", few, &|seen| {
            seen.executors.registered.pop_last();
            seen.tasks.pop_last();
        }),
        control("one has no task", Says::Red("tasks: 1 on 1, 1 on 2, 0 on 3"), &|seen| {
            seen.tasks.insert(3, 0);
        }),
        control("one has two tasks", Says::Red("tasks: 1 on 1, 1 on 2, 2 on 3"), &|seen| {
            seen.tasks.insert(3, 2);
        }),
        control("no tasks known", Says::Red("tasks: none"), &|seen| seen.tasks.clear()),
        control("one too many", few, &|seen| {
            seen.executors = look(0.0, &[1, 2, 3, 4]).executors;
            seen.tasks.insert(4, 1);
        }),
        control("all there before", Says::Red("3 executors were there before"), &|seen| {
            seen.before = 3;
        }),
        control("nothing", Says::Red("no executor was requested besides 1"), &|seen| {
            seen.most_pods = 0;
            seen.pods.clear();
            seen.executors = Agreement::default();
            seen.tasks.clear();
        }),
        Control::unseen::<ExecutorsAtWork>(&3, "Spark's REST API does not answer"),
    ]
}
