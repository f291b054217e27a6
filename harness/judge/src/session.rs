//! When a session counts as started: what Spark and Kubernetes say of its executors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};
use sparkproof_catalog::SparkVersion;

use crate::control::{Control, Says};
use crate::words::list;

/// The description of a session, by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// `sparkContext.master`: where tasks run.
    pub context_master: String,
    /// `spark.master` of the session's configuration, which an existing session repeats without
    /// effect.
    pub conf_master: String,
    /// Application id.
    pub application: String,
    /// URL of the UI, which serves the REST API.
    pub ui: String,
    /// Spark's version.
    pub version: SparkVersion,
    /// The front end's language and its version, e.g. `Scala 2.12.18`.
    pub language: String,
    /// Java's version.
    pub java: String,
    /// The application id of reads without a session argument, in front ends that have such reads.
    #[serde(default)]
    pub implied_application: Option<String>,
}

impl Described {
    /// Why it is not the session that was asked for, if it is not.
    pub fn fault(&self) -> Option<String> {
        if !self.context_master.starts_with("k8s://") {
            return Some(format!(
                "sparkContext.master is {}, spark.conf says {}",
                self.context_master, self.conf_master
            ));
        }
        let implied = self.implied_application.as_ref().filter(|id| **id != self.application)?;
        Some(format!(
            "a read without a session argument is of application {implied}, the session is {}",
            self.application
        ))
    }
}

/// A session's executors in Spark's list and in Kubernetes: addresses by executor id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Active executors in Spark's list.
    pub registered: BTreeMap<u32, String>,
    /// Pods that are Running and not being deleted.
    pub running: BTreeMap<u32, String>,
}

impl Agreement {
    /// How the two differ from `n` equal executors, in words.
    pub fn difference(&self, n: usize) -> Option<String> {
        let Agreement { registered, running } = self;
        if registered.len() == n && registered == running {
            return None;
        }
        let words = |executors: &BTreeMap<u32, String>| {
            list(executors.iter().map(|(id, address)| format!("{id} at {address}")))
        };
        Some(format!("registered {}; Running {}; expected {n}", words(registered), words(running)))
    }
}

/// A session once its start has ended well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Its description.
    pub described: Described,
    /// Its executors.
    pub executors: Agreement,
    /// Seconds from the driver's launch.
    pub seconds: f64,
}

impl Observation for Started {
    /// How many executors.
    type Expected = u32;
    const KIND: &'static str = "session.started";

    fn judge(&self, executors: &u32) -> Judged {
        let fault = match executors {
            0 => Some("no executor was asked for".to_owned()),
            n => self.described.fault().or_else(|| self.executors.difference(*n as usize)),
        };
        let judged = match fault {
            None => Judged::green(),
            Some(fault) => Judged::red(fault, "compare the driver's log with the list of pods"),
        };
        let Described { context_master, application, version, language, java, .. } =
            &self.described;
        let registered = self.executors.registered.iter();
        let rows: Vec<String> =
            registered.map(|(id, address)| format!("executor {id} at {address}")).collect();
        judged
            .with("sparkContext.master", context_master)
            .with("application", application)
            .with("versions", format!("Spark {version}, {language}, Java {java}"))
            .with("seconds", format!("{:.1}", self.seconds))
            .with("executors", rows.join("\n"))
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let address = |id: u32| format!("10.244.0.{id}");
    let of = |ids: &[u32]| ids.iter().map(|&id| (id, address(id))).collect::<BTreeMap<_, _>>();
    let started = |change: &dyn Fn(&mut Started)| {
        let mut started = Started {
            described: Described {
                context_master: "k8s://https://127.0.0.1:6443".to_owned(),
                conf_master: "k8s://https://127.0.0.1:6443".to_owned(),
                application: "spark-1".to_owned(),
                ui: "http://172.18.0.1:4040".to_owned(),
                version: SparkVersion::new(3, 5, 9),
                language: "Python 3.11.2".to_owned(),
                java: "17.0.12".to_owned(),
                implied_application: None,
            },
            executors: Agreement { registered: of(&[1, 2, 3]), running: of(&[1, 2, 3]) },
            seconds: 11.2,
        };
        change(&mut started);
        started
    };
    let control =
        |name, says, change: &dyn Fn(&mut Started)| Control::seen(name, &3, &started(change), says);
    let red = |name, words, change: &dyn Fn(&mut Started)| control(name, Says::Red(words), change);
    let expected = "; expected 3";
    vec![
        control("three registered, three Running", Says::Green, &|_| {}),
        control("reads are of this session", Says::Green, &|s| {
            s.described.implied_application = Some("spark-1".to_owned());
        }),
        red("a local master", "sparkContext.master is local[*], spark.conf says k8s://", &|s| {
            "local[*]".clone_into(&mut s.described.context_master);
        }),
        red("reads are of another session", "is of application local-7, the session is", &|s| {
            s.described.implied_application = Some("local-7".to_owned());
        }),
        red("one registered too few", "registered 1 at 10.244.0.1, 2 at 10.244.0.2;", &|s| {
            s.executors.registered.remove(&3);
        }),
        red("one Running too few", "Running 1 at 10.244.0.1, 2 at 10.244.0.2;", &|s| {
            s.executors.running.remove(&3);
        }),
        red("one of each too few", expected, &|s| {
            s.executors = Agreement { registered: of(&[1, 2]), running: of(&[1, 2]) };
        }),
        red("one of each too many", expected, &|s| {
            s.executors = Agreement { registered: of(&[1, 2, 3, 4]), running: of(&[1, 2, 3, 4]) };
        }),
        red("another id", "4 at 10.244.0.4; expected 3", &|s| s.executors.running = of(&[1, 2, 4])),
        red("another address", "3 at 10.244.0.9; expected 3", &|s| {
            s.executors.running.insert(3, address(9));
        }),
        red("none registered", "registered none;", &|s| s.executors.registered.clear()),
        red("none at all", "registered none; Running none; expected 3", &|s| {
            s.executors = Agreement::default();
        }),
        Control::seen(
            "none expected, none there",
            &0,
            &started(&|s| s.executors = Agreement::default()),
            Says::Red("no executor was asked for"),
        ),
        Control::unseen::<Started>(&3, "0 of 3 executors registered after 41 s: wrong-image"),
    ]
}
