//! Events of a made-up run, with fixed times (the recorder would write the present time).

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use sparkproof_base::error::Exit;
use sparkproof_base::events::{
    Body, Event, EvidenceItem, Level, Outcome, PodMoment, StepState, Verdict,
};

/// Writes events files of several processes.
pub(super) struct Tape {
    pub(super) dir: PathBuf,
}

/// Ids of the process that owns the run, and of one that it started.
pub(super) const OWNER: u32 = 100;
pub(super) const OTHER: u32 = 200;

fn event(pid: u32, at: f64, body: Body) -> Event {
    let start: Timestamp = "2026-03-01T10:00:00Z".parse().expect("a time");
    Event { at: start + SignedDuration::from_millis((at * 1000.0) as i64), pid, body }
}

impl Tape {
    pub(super) fn new(dir: &Path) -> Self {
        Tape { dir: dir.to_owned() }
    }

    pub(super) fn raw(&self, pid: u32, text: &str) {
        let path = self.dir.join(format!("events-{pid}.jsonl"));
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, old + text).expect("written");
    }

    pub(super) fn put(&self, pid: u32, at: f64, body: Body) {
        let line = serde_json::to_string(&event(pid, at, body)).expect("JSON");
        self.raw(pid, &format!("{line}\n"));
    }

    pub(super) fn begin(&self) {
        let run = "7f3a".to_owned();
        let title =
            "kind v0.33.0 · Kubernetes v1.34.4 · Spark 3.5.9 · 3 executors · driver outside";
        let plan = serde_json::json!({"executors": 3, "rbac": "minimal", "spark": "3.5.9"});
        self.put(OWNER, 0.0, Body::RunStarted { run, title: title.to_owned(), plan });
    }

    pub(super) fn end(&self, at: f64, exit: Exit, error: Option<&str>) {
        self.put(OWNER, at, Body::RunEnded { exit, error: error.map(str::to_owned) });
    }

    pub(super) fn phase(&self, name: &str, from: f64, to: f64, ok: bool, detail: &str) {
        let (phase, detail) = (name.to_owned(), detail.to_owned());
        self.put(OWNER, from, Body::PhaseStarted { phase: phase.clone() });
        self.put(OWNER, to, Body::PhaseEnded { phase, detail, seconds: to - from, ok });
    }

    pub(super) fn step(&self, at: f64, phase: &str, step: &str, state: StepState, seconds: f64) {
        let (phase, step) = (phase.to_owned(), step.to_owned());
        self.put(OWNER, at, Body::Step { phase, step, state, seconds });
    }

    pub(super) fn check(&self, pid: u32, at: f64, id: &str, title: &str, outcome: Outcome) {
        let evidence = Vec::new();
        self.verdict(pid, at, id, title, outcome, evidence);
    }

    pub(super) fn verdict(
        &self,
        pid: u32,
        at: f64,
        id: &str,
        title: &str,
        outcome: Outcome,
        evidence: Vec<(&str, &str)>,
    ) {
        let evidence = evidence
            .into_iter()
            .map(|(name, text)| EvidenceItem { name: name.to_owned(), text: text.to_owned() })
            .collect();
        let (id, title) = (id.to_owned(), title.to_owned());
        self.put(pid, at, Body::Check(Verdict { id, title, outcome, evidence, seconds: 0.4 }));
    }

    fn pod(&self, name: &str, moments: &[(f64, PodMoment, &str)]) {
        for (at, moment, detail) in moments {
            let (pod, detail) = (name.to_owned(), (*detail).to_owned());
            self.put(OWNER, *at, Body::Pod { pod, moment: *moment, detail });
        }
    }

    /// The events up to the session, which all fixtures share.
    pub(super) fn set_up(&self) {
        self.begin();
        let fact = |name: &str, value: &str| {
            self.put(OWNER, 0.1, Body::Fact { name: name.to_owned(), value: value.to_owned() });
        };
        fact("Docker", "20.10.24, API 1.41, started by sparkproof");
        fact("node image", &format!("kindest/node:v1.34.4-5c1f@sha256:{}", "5c1f09".repeat(10)));
        fact("Spark image", &format!("spark:3.5.9-81ab@sha256:{}", "81ab37".repeat(10)));
        let note = |level, text: &str| {
            self.put(OWNER, 2.2, Body::Note { level, text: text.to_owned() });
        };
        note(Level::Info, "no image registry answers: the node image is assembled from packages");
        note(Level::Warning, "2 CPUs instead of 3: executors request 400m each");
        self.phase("engine", 0.1, 2.2, true, "Docker 20.10.24, started by sparkproof");
        let node = |body| self.put(OWNER, 2.2, body);
        node(Body::PhaseStarted { phase: "node".to_owned() });
        let kube = "go build kubernetes v1.34.4";
        self.step(2.3, "node", kube, StepState::Started, 0.0);
        self.step(2.3, "node", "apt: 112 packages", StepState::Started, 0.0);
        self.step(30.3, "node", kube, StepState::Progress("kubelet".to_owned()), 28.0);
        self.step(40.3, "node", "apt: 112 packages", StepState::Done("98 MB".to_owned()), 38.0);
        self.step(40.4, "node", "etcd", StepState::Cached, 0.1);
        self.step(95.3, "node", kube, StepState::Done("456 MB".to_owned()), 93.0);
        let detail = "kindest/node:v1.34.4-5c1f, assembled".to_owned();
        let phase = "node".to_owned();
        self.put(OWNER, 98.0, Body::PhaseEnded { phase, detail, seconds: 95.8, ok: true });
        let cluster = "1 node Ready, DNS, storage, default account";
        self.phase("cluster", 98.0, 109.9, true, cluster);
        self.phase("image", 109.9, 122.3, true, "spark:3.5.9-81ab, 687 MB sent");
        let access = "namespace, account, role: 9 verbs, all granted";
        self.phase("access", 122.3, 122.6, true, access);
        let verbs = "create  pods  yes\ndelete  pods  yes\nlist    pods  yes\n";
        let title = "The account may do all that Spark does";
        self.verdict(OWNER, 122.5, "access.verbs", title, Outcome::Green, vec![("can-i", verbs)]);
    }

    /// All checks green, one skipped. The read checks come from another process that was killed
    /// while writing.
    pub(super) fn green(&self) {
        self.set_up();
        self.phase("session", 122.6, 133.5, true, "k8s://…, 3/3 executors registered");
        for n in 1..=3 {
            let o = f64::from(n) * 0.3;
            self.pod(
                &format!("proof/my-app-8c1b-exec-{n}"),
                &[
                    (126.0 + o, PodMoment::Created, ""),
                    (126.1 + o, PodMoment::Scheduled, "sparkproof-7f3a-control-plane"),
                    (127.4 + o, PodMoment::Started, ""),
                    (127.5 + o, PodMoment::Ready, ""),
                    (131.0 + o, PodMoment::Registered, ""),
                    (171.0, PodMoment::Ended, "exit code 0"),
                    (171.5 + o, PodMoment::Deleted, ""),
                ],
            );
        }
        let text = "NAME                 READY   STATUS    RESTARTS   AGE\n\
                    my-app-8c1b-exec-1   1/1     Running   0          7s\n\
                    my-app-8c1b-exec-2   1/1     Running   0          7s\n\
                    my-app-8c1b-exec-3   1/1     Running   0          7s\n";
        let (title, text) = ("3 executors registered".to_owned(), text.to_owned());
        self.put(OWNER, 133.5, Body::PodList { title, text });
        let title = "Every executor registered and runs in a pod of its own";
        self.check(OWNER, 133.5, "session.executors-registered", title, Outcome::Green);
        self.phase("pods", 133.5, 133.6, true, "3 Running, as snapshot");
        let (title, path) = ("Log of the driver".to_owned(), "logs/the driver.log".to_owned());
        self.put(OWNER, 133.6, Body::Artifact { title, path });
        self.put(OTHER, 133.7, Body::PhaseStarted { phase: "read".to_owned() });
        let copy = "Files copied into the pods are read";
        self.verdict(
            OTHER,
            150.0,
            "read.copy",
            copy,
            Outcome::Green,
            vec![("log", "\u{1b}[32mINFO\u{1b}[0m read <4> & counted 4")],
        );
        let reason = "NFS: no kernel client".to_owned();
        let nfs = "Files on an NFS volume are read";
        self.check(OTHER, 150.1, "read.nfs", nfs, Outcome::Skipped { reason });
        let detail = "0 copy 4/4 · 3 volume 8/9".to_owned();
        let phase = "read".to_owned();
        self.put(OTHER, 170.0, Body::PhaseEnded { phase, detail, seconds: 36.3, ok: true });
        self.raw(
            OTHER,
            "{\"at\":\"2026-03-01T10:02:50Z\",\"pid\":200,\"body\":{\"event\":\"sky\"}}\n",
        );
        self.raw(OTHER, "{\"at\":\"2026-03-01T10:02:51Z\",\"pid\":200,\"bo");
        self.phase("teardown", 171.0, 173.6, true, "0 pods after 1.3 s, inventory as before");
        let title = "Nothing is left behind";
        self.check(OWNER, 173.6, "teardown.inventory", title, Outcome::Green);
        self.end(173.7, Exit::Green, None);
    }

    /// The executors never reach the driver.
    pub(super) fn red(&self) {
        self.set_up();
        let reason = "0 of 3 executors registered after 41 s";
        self.phase("session", 122.6, 163.6, false, reason);
        for n in 1..=3 {
            let o = f64::from(n) * 6.0;
            self.pod(
                &format!("proof/my-app-8c1b-exec-{n}"),
                &[
                    (126.0 + o, PodMoment::Created, ""),
                    (126.3 + o, PodMoment::Scheduled, "sparkproof-7f3a-control-plane"),
                    (128.0 + o, PodMoment::Started, ""),
                    (132.0 + o, PodMoment::Ended, "exit code 1"),
                    (165.0, PodMoment::Deleted, ""),
                ],
            );
        }
        let fail = "my-app-8c1b-exec-1..3 exited 1 within 4 s: \"Failed to connect to \
                    /192.0.2.2:41233\"; pods route to the host by 172.18.0.1";
        let evidence = vec![
            ("cause", "executors cannot reach the driver at 192.0.2.2:41233"),
            ("evidence", fail),
            ("log of exec-1", "\u{1b}[31mERROR\u{1b}[0m <init> Failed to connect & gave up\n"),
        ];
        let remedy = "--driver-host 172.18.0.1, or run the driver in the cluster (--driver pod)";
        let title = "Every executor registered and runs in a pod of its own";
        let outcome = Outcome::Red { reason: reason.to_owned(), remedy: Some(remedy.to_owned()) };
        self.verdict(OWNER, 163.6, "session.executors-registered", title, outcome, evidence);
        self.phase("teardown", 163.7, 166.3, true, "0 pods after 1.3 s, inventory as before");
        self.check(OWNER, 166.3, "teardown.inventory", "Nothing is left behind", Outcome::Green);
        self.end(166.4, Exit::Red, Some(reason));
    }
}
