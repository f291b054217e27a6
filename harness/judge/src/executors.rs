//! Whether each executor works, and whether a lost one is replaced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};
use crate::session::Agreement;
use crate::task::BarrierTask;

/// The tasks of a barrier stage, and the executors' pods when it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BarrierStage {
    /// Names of the pods by executor id.
    pub pods: BTreeMap<String, String>,
    /// The reports of its tasks.
    pub tasks: Vec<BarrierTask>,
}

impl Observation for BarrierStage {
    /// How many executors.
    type Expected = u32;
    const KIND: &'static str = "executors.barrier";

    fn judge(&self, executors: &u32) -> Judged {
        let rows = self.tasks.iter().map(|t| {
            let ip = t.pod_ip.as_deref().unwrap_or("no address");
            format!(
                "executor {} on {} ({ip}), Java {}, user {}",
                t.executor, t.host, t.java, t.user
            )
        });
        let table: Vec<String> = rows.collect();
        let n = *executors as usize;
        let ran: BTreeMap<String, String> =
            self.tasks.iter().map(|t| (t.executor.clone(), t.host.clone())).collect();
        let judged = match n > 0 && self.tasks.len() == n && ran.len() == n && ran == self.pods {
            true => Judged::green(),
            false => {
                let ran = if table.is_empty() { "none".to_owned() } else { table.join("; ") };
                Judged::red(
                    format!("{executors} executors expected to run one task each, ran on: {ran}"),
                    "compare with the list of pods, and read the executors' logs",
                )
                .with("pods", self.pods.values().cloned().collect::<Vec<_>>().join("\n"))
            }
        };
        judged.with("tasks", table.join("\n"))
    }
}

pub(crate) fn barrier_controls() -> Vec<Control> {
    let pod = |id: u32| format!("x-exec-{id}");
    let task = |id: u32| BarrierTask {
        partition: id - 1,
        executor: id.to_string(),
        host: pod(id),
        pod_name: Some(pod(id)),
        pod_ip: Some(format!("10.244.0.{id}")),
        java: "17.0.12".to_owned(),
        uid: 185,
        user: "spark".to_owned(),
        start_millis: 1_000,
        end_millis: 1_200,
    };
    let control = |name, says, change: &dyn Fn(&mut BarrierStage)| {
        let mut stage = BarrierStage {
            pods: (1..=3).map(|id| (id.to_string(), pod(id))).collect(),
            tasks: (1..=3).map(task).collect(),
        };
        change(&mut stage);
        Control::seen(name, &3, &stage, says)
    };
    let words = "3 executors expected to run one task each, ran on: executor 1 on x-exec-1";
    let red = |name, change: &dyn Fn(&mut BarrierStage)| control(name, Says::Red(words), change);
    vec![
        control("one task on each of three", Says::Green, &|_| {}),
        red("one task too few", &|stage| drop(stage.tasks.pop())),
        red("one task too many", &|stage| stage.tasks.push(task(3))),
        red("two tasks on one executor", &|stage| stage.tasks[2] = task(2)),
        red("a task on the driver", &|stage| "driver".clone_into(&mut stage.tasks[2].executor)),
        red("a task on another host", &|stage| "node-1".clone_into(&mut stage.tasks[2].host)),
        red("two ids in one pod", &|stage| {
            stage.tasks[2].host = pod(2);
            stage.pods.remove("3");
        }),
        red("hosts of one another", &|stage| {
            stage.tasks[1].host = pod(3);
            stage.tasks[2].host = pod(2);
        }),
        red("a pod more", &|stage| drop(stage.pods.insert("4".to_owned(), pod(4)))),
        red("a pod less", &|stage| drop(stage.pods.remove("3"))),
        control("no task", Says::Red("ran on: none"), &|stage| stage.tasks.clear()),
        control("neither tasks nor pods", Says::Red("ran on: none"), &|stage| {
            stage.tasks.clear();
            stage.pods.clear();
        }),
        Control::seen(
            "no executor expected, none there",
            &0,
            &BarrierStage { pods: BTreeMap::new(), tasks: Vec::new() },
            Says::Red("0 executors expected"),
        ),
        Control::unseen::<BarrierStage>(&3, "the barrier stage was not answered within 120 s"),
    ]
}

/// A session after one of its executors was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterLoss {
    /// Pod name of the lost executor.
    pub lost: String,
    /// State of each executor's pod, in kubectl's words, by name.
    pub pods: BTreeMap<String, String>,
    /// Spark's list and the Running pods.
    pub executors: Agreement,
    /// What the driver was refused without which no executor comes.
    pub refused: Option<String>,
}

impl AfterLoss {
    /// Whether nothing will change any more: the driver knows of the loss, and may not create a pod.
    pub fn is_final(&self) -> bool {
        let known = self.executors.registered == self.executors.running;
        self.refused.is_some() && known && !self.pods.contains_key(&self.lost)
    }

    /// Why the lost executor is not replaced, if it is not.
    pub fn missing(&self, executors: u32) -> Option<String> {
        let now = || {
            let pods = self.pods.iter().map(|(name, status)| format!("{name} {status}"));
            pods.collect::<Vec<_>>().join(", ")
        };
        let refused = || self.refused.iter().map(|refused| format!("; {refused}"));
        match self.executors.difference(executors as usize) {
            _ if executors == 0 => Some("no executor was expected".to_owned()),
            _ if self.pods.contains_key(&self.lost) => Some(format!("its pod stays: {}", now())),
            difference => difference
                .map(|how| format!("{how}; pods: {}{}", now(), refused().collect::<String>())),
        }
    }
}

impl Observation for AfterLoss {
    /// How many executors.
    type Expected = u32;
    const KIND: &'static str = "executors.replaced";

    fn judge(&self, executors: &u32) -> Judged {
        let judged = match self.missing(*executors) {
            None => Judged::green(),
            Some(how) => Judged::red(
                format!("executor {} was not replaced: {how}", self.lost),
                "read the driver's log; check that the account may create pods",
            ),
        };
        let rows = self.pods.iter().map(|(name, status)| format!("{name} {status}"));
        judged.with("lost", &self.lost).with("now", rows.collect::<Vec<_>>().join(", "))
    }
}

pub(crate) fn replaced_controls() -> Vec<Control> {
    let address = |id: u32| (id, format!("10.244.0.{id}"));
    let pod = |id: u32| (format!("x-exec-{id}"), "Running".to_owned());
    let observed = |change: &dyn Fn(&mut AfterLoss)| {
        let mut seen = AfterLoss {
            lost: "x-exec-1".to_owned(),
            pods: [2, 3].map(pod).into(),
            executors: Agreement {
                registered: [2, 3].map(address).into(),
                running: [2, 3].map(address).into(),
            },
            refused: None,
        };
        change(&mut seen);
        seen
    };
    let control = |name, says, change: &dyn Fn(&mut AfterLoss)| {
        Control::seen(name, &2, &observed(change), says)
    };
    let red =
        |name, words, change: &dyn Fn(&mut AfterLoss)| control(name, Says::Red(words), change);
    let alone = |seen: &AfterLoss| AfterLoss {
        pods: [pod(2)].into(),
        executors: Agreement { registered: [address(2)].into(), running: [address(2)].into() },
        ..seen.clone()
    };
    vec![
        control("another registered in its place", Says::Green, &|_| {}),
        red("none came", "x-exec-1 was not replaced: registered 2 at 10.244.0.2; Running", &|s| {
            *s = alone(s);
        }),
        red("the driver may not create pods", "Running; spark may not create pods", &|s| {
            *s = alone(s);
            s.refused = Some("spark may not create pods".to_owned());
        }),
        red("a Running pod that does not register", "registered 2 at 10.244.0.2; Running", &|s| {
            s.executors.registered.remove(&3);
        }),
        red("a pod that is Pending", "x-exec-3 Pending", &|s| {
            s.pods.insert("x-exec-3".to_owned(), "Pending".to_owned());
            s.executors =
                Agreement { registered: [address(2)].into(), running: [address(2)].into() };
        }),
        red("the lost one is still listed by Spark", "registered 1 at 10.244.0.1, 2", &|s| {
            s.executors.registered.extend([address(1)]);
        }),
        red("the lost one's pod stays", "its pod stays: x-exec-1 Terminating", &|s| {
            s.pods.insert("x-exec-1".to_owned(), "Terminating".to_owned());
        }),
        red("one too many", "3 at 10.244.0.3, 4 at 10.244.0.4; expected 2", &|s| {
            s.executors.registered.extend([address(4)]);
            s.executors.running.extend([address(4)]);
            s.pods.extend([pod(4)]);
        }),
        red("another address", "3 at 10.244.0.9; expected 2", &|s| {
            s.executors.running.insert(3, address(9).1);
        }),
        red("none", "registered none; Running none", &|s| {
            (s.pods, s.executors) = (BTreeMap::new(), Agreement::default());
        }),
        Control::seen(
            "none expected, none there",
            &0,
            &observed(&|s| (s.pods, s.executors) = (BTreeMap::new(), Agreement::default())),
            Says::Red("no executor was expected"),
        ),
        Control::unseen::<AfterLoss>(&2, "asking Spark's REST API for the executors of spark-1"),
    ]
}
