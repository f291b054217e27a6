//! Whether each executor works, and whether a lost one is replaced.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};
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
