//! Events: a run directory replayed into the report's model, and the masking of secrets.

use std::fmt::Write as _;
use std::hint::black_box;

use jiff::{SignedDuration, Timestamp};
use sparkproof_base::events::{Body, Event, PodMoment, Secrets};
use sparkproof_report::Model;

use crate::Call;

/// The events of a run with this many pods, each created, scheduled, started, ready and deleted.
pub(crate) fn replayed(pods: usize) -> Call {
    let dir = tempfile::tempdir().expect("a directory");
    let mut text = String::new();
    let mut at = Timestamp::UNIX_EPOCH;
    let mut put = |body| {
        at += SignedDuration::from_millis(1);
        let line = serde_json::to_string(&Event { at, pid: 1, body }).expect("JSON");
        writeln!(text, "{line}").expect("a String");
    };
    let (run, title, plan) = ("7f3a".to_owned(), "a run".to_owned(), serde_json::Value::Null);
    put(Body::RunStarted { run, title, plan });
    for moment in [
        PodMoment::Created,
        PodMoment::Scheduled,
        PodMoment::Started,
        PodMoment::Ready,
        PodMoment::Deleted,
    ] {
        for pod in 0..pods {
            let pod = format!("my-app-0123456789abcdef-exec-{pod}");
            put(Body::Pod { pod, moment, detail: String::new() });
        }
    }
    std::fs::write(dir.path().join("events-1.jsonl"), text).expect("written");
    Box::new(move || {
        let model = Model::read(dir.path()).expect("events");
        assert_eq!(black_box(model).pods.len(), pods);
    })
}

/// 100 kB of a driver's log, with this many registered secrets, the first of them in every tenth line.
pub(crate) fn masked(registered: usize) -> Call {
    let secrets = Secrets::default();
    for secret in 0..registered {
        assert!(secrets.register(&format!("s3cret/{secret:04}+\"quoted\"")));
    }
    let line = |number: usize| {
        let secret = if number.is_multiple_of(10) {
            "s3cret/0000+\"quoted\""
        } else {
            "nothing of the kind"
        };
        format!("26/12/01 10:00:00 INFO TaskSetManager: Finished task {number} ({secret})\n")
    };
    let log: String = (0..1_200).map(line).collect();
    Box::new(move || assert!(black_box(secrets.scrub(&log)).contains(Secrets::MASK)))
}
