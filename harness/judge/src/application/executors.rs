//! The executors of an application.

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::object::Object;
use crate::control::{Control, Says};

/// An executor's pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutorPod {
    /// The object.
    pub object: Object,
    /// Its account; empty if it has none.
    pub account: String,
}

/// The executors that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RanExecutors {
    /// The driver's pod.
    pub driver: Object,
    /// The StatefulSets of executors.
    pub stateful_sets: Vec<Object>,
    /// Every executor's pod that started.
    pub executors: Vec<ExecutorPod>,
    /// The most that ran at once.
    pub most_running: usize,
}

/// The executors that were requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedExecutors {
    /// Number.
    pub executors: usize,
    /// Their account.
    pub account: String,
}

impl RanExecutors {
    /// Whether Kubernetes deletes an executor's pod with the driver's: the driver's pod owns it, or
    /// owns the StatefulSet that owns it.
    fn goes_with_driver(&self, executor: &Object) -> bool {
        let mut sets = self.stateful_sets.iter().filter(|set| set.is_owned_by(&self.driver));
        executor.is_owned_by(&self.driver) || sets.any(|set| executor.is_owned_by(set))
    }
}

impl Observation for RanExecutors {
    type Expected = RequestedExecutors;
    const KIND: &'static str = "application.executors";

    fn judge(&self, expected: &RequestedExecutors) -> Judged {
        let RequestedExecutors { executors: n, account } = expected;
        let started = self.executors.len();
        let wrong =
            |pod: &&ExecutorPod| !self.goes_with_driver(&pod.object) || pod.account != *account;
        let wrong = self.executors.iter().filter(wrong);
        let wrong: Vec<&str> = wrong.map(|pod| pod.object.name.as_str()).collect();
        let judged = if !wrong.is_empty() {
            Judged::red(
                format!(
                    "not owned by the driver's pod, or not under account {account}: {}",
                    wrong.join(", ")
                ),
                "check what changes pods on this cluster",
            )
        } else if started != *n || self.most_running != *n || *n == 0 {
            Judged::red(
                format!(
                    "{n} executors expected, {started} started and at most {} ran at once",
                    self.most_running
                ),
                "check that the nodes have room for the driver and all executors",
            )
        } else {
            Judged::green()
        };
        let names: Vec<&str> = self.executors.iter().map(|pod| pod.object.name.as_str()).collect();
        judged.with("executors", names.join("\n"))
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let expected = RequestedExecutors { executors: 2, account: "spark".to_owned() };
    let pod = |name: &str, owner: &str| ExecutorPod {
        object: Object::named(name, &[owner]),
        account: "spark".to_owned(),
    };
    let control = |name, says, change: &dyn Fn(&mut RanExecutors)| {
        let mut seen = RanExecutors {
            driver: Object::named("d", &[]),
            stateful_sets: Vec::new(),
            executors: vec![pod("exec-1", "d"), pod("exec-2", "d")],
            most_running: 2,
        };
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    let of_set = |seen: &mut RanExecutors, owner: &str| {
        seen.stateful_sets = vec![Object::named("s", &[owner])];
        seen.executors = vec![pod("s-0", "s"), pod("s-1", "s")];
    };
    let few = Says::Red("2 executors expected, 1 started and at most 1 ran at once");
    vec![
        control("as requested", Says::Green, &|_| {}),
        control("of the driver's StatefulSet", Says::Green, &|seen| of_set(seen, "d")),
        control("of a StatefulSet of another", Says::Red("s-0, s-1"), &|seen| of_set(seen, "e")),
        control("one too few", few, &|seen| {
            seen.executors.truncate(1);
            seen.most_running = 1;
        }),
        control("one after the other", Says::Red("at most 1 ran at once"), &|seen| {
            seen.most_running = 1;
        }),
        control("one too many", Says::Red("3 started"), &|seen| {
            seen.executors.push(pod("exec-3", "d"));
        }),
        control("none", Says::Red("0 started"), &|seen| seen.executors.clear()),
        control("one without an owner", Says::Red("account spark: exec-2"), &|seen| {
            seen.executors[1].object.owners.clear();
        }),
        control("one of another pod", Says::Red("account spark: exec-1"), &|seen| {
            seen.executors[0] = pod("exec-1", "e");
        }),
        control("another account", Says::Red("not under account spark: exec-1"), &|seen| {
            "default".clone_into(&mut seen.executors[0].account);
        }),
        Control::unseen::<RanExecutors>(&expected, "the watch was refused"),
    ]
}
