//! Small pieces of evidence for tests of rules.

use sparkproof_base::events::Looked;

use super::evidence::{
    Asked, Condition, ContainerFacts, DriverFacts, Ended, EventFacts, Evidence, PodFacts, Waits,
};

/// Evidence of one executor, `x-exec-1`, which never registered.
pub(super) fn pod(change: impl FnOnce(&mut PodFacts)) -> Evidence {
    let container = ContainerFacts { name: "c".into(), image: "i:1".into(), ..Default::default() };
    let mut pod =
        PodFacts { name: "x-exec-1".into(), containers: vec![container], ..PodFacts::default() };
    change(&mut pod);
    Evidence {
        asked: Asked {
            image: "i:1".into(),
            driver_host: "192.0.2.2".into(),
            executors: 1,
            ..Asked::default()
        },
        driver: DriverFacts { ended_by: "the deadline passed".into(), ..DriverFacts::default() },
        pods: vec![pod],
        events: Looked::Seen(Vec::new()),
        ..Evidence::default()
    }
}

/// Its container waits for this reason.
pub(super) fn waiting(reason: &str) -> Evidence {
    pod(|pod| pod.waits(reason, "message"))
}

/// Its log has this line.
pub(super) fn said(log: &str) -> Evidence {
    pod(|pod| pod.log = format!("+ exec tini\n{log}\n"))
}

/// The scheduler says this of it.
pub(super) fn unscheduled(message: &str) -> Evidence {
    pod(|pod| pod.has_no_node(message))
}

pub(super) fn event(object: &str, reason: &str, message: &str) -> EventFacts {
    EventFacts {
        kind: "Pod".into(),
        object: object.into(),
        reason: reason.into(),
        message: message.into(),
        count: 3,
        from: "kubelet".into(),
    }
}

impl PodFacts {
    fn container(&mut self) -> &mut ContainerFacts {
        if self.containers.is_empty() {
            self.containers.push(ContainerFacts::default());
        }
        &mut self.containers[0]
    }

    pub(super) fn waits(&mut self, reason: &str, message: &str) {
        self.phase = "Pending".into();
        self.container().waiting = Some(Waits { reason: reason.into(), message: message.into() });
    }

    pub(super) fn ends(&mut self, code: i32, reason: &str) {
        self.container().ended = Some(Ended { code, reason: reason.into(), ..Ended::default() });
    }

    pub(super) fn has_no_node(&mut self, message: &str) {
        self.phase = "Pending".into();
        self.conditions.push(Condition {
            kind: "PodScheduled".into(),
            status: "False".into(),
            reason: "Unschedulable".into(),
            message: message.into(),
        });
    }
}
