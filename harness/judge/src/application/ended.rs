//! How an application ends, what its driver says, and what it leaves.

use serde::{Deserialize, Serialize};
use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::{Cause, Diagnosis, Judged, Observation};

use crate::control::{Control, Says};
use crate::log::FoundLines;
use crate::teardown::Leftovers;

/// A driver's pod that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completed {
    /// Its phase.
    pub phase: String,
    /// Exit code of its container, if known.
    pub exit_code: Option<i32>,
    /// Seconds from the submission to its end.
    pub seconds: f64,
    /// Why it failed, if it did.
    pub diagnosis: Option<Diagnosis>,
}

impl Observation for Completed {
    /// Name of the application.
    type Expected = String;
    const KIND: &'static str = "application.completed";

    fn judge(&self, name: &String) -> Judged {
        let code = self.exit_code.map_or("unknown".to_owned(), |code| code.to_string());
        let mut judged = match (&*self.phase, self.exit_code) {
            ("Succeeded", Some(0)) => Judged::green(),
            ("Succeeded" | "Failed", _) => {
                let what = format!("the driver's pod of {name} failed with exit code {code}");
                let reason = match &self.diagnosis {
                    Some(diagnosis) => format!("{what}: {diagnosis}"),
                    None => what,
                };
                let remedy = self.diagnosis.as_ref().map(|diagnosis| diagnosis.remedy.clone());
                Judged { evidence: Vec::new(), red: Some((reason, remedy)) }
            }
            (phase, _) => Judged::red(
                format!("the driver's pod of {name} is {phase}, expected Succeeded"),
                "read driver.log in the run directory",
            ),
        };
        judged = judged.with("seconds", format!("{:.1}", self.seconds)).with("exit code", code);
        if let Some(diagnosis) = &self.diagnosis {
            judged = judged.with("cause", diagnosis);
            judged.evidence.extend(diagnosis.evidence.iter().cloned());
        }
        judged
    }
}

pub(crate) fn completed_controls() -> Vec<Control> {
    let name = "pi".to_owned();
    let control = |name_of, says, phase: &str, exit_code| {
        let failed = exit_code != Some(0);
        let diagnosis = failed.then(|| Diagnosis {
            cause: Cause::Unknown,
            says: "ClassNotFoundException: org.example.None".to_owned(),
            evidence: vec![EvidenceItem { name: "driver log".to_owned(), text: "…".to_owned() }],
            remedy: "read driver.log".to_owned(),
            also: Vec::new(),
        });
        let seen = Completed { phase: phase.to_owned(), exit_code, seconds: 23.04, diagnosis };
        Control::seen(name_of, &name, &seen, says)
    };
    vec![
        control("ended well", Says::Green, "Succeeded", Some(0)),
        control("failed", Says::Red("exit code 101: unknown: ClassNotFound"), "Failed", Some(101)),
        control("killed", Says::Red("failed with exit code 137"), "Failed", Some(137)),
        control("failed with exit code 0", Says::Red("exit code 0"), "Failed", Some(0)),
        control("no exit code", Says::Red("exit code unknown"), "Succeeded", None),
        control("runs on", Says::Red("pi is Running"), "Running", None),
        Control::unseen::<Completed>(&name, "the application did not end"),
    ]
}

/// The lines of a driver's log with the expected words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said(pub FoundLines);

impl Observation for Said {
    /// The words.
    type Expected = String;
    const KIND: &'static str = "application.said";

    fn judge(&self, words: &String) -> Judged {
        let Said(found) = self;
        match found.first(words) {
            Some(line) if !words.is_empty() => Judged::green().with("said", line),
            _ if found.log.lines == 0 => Judged::red(
                "the driver's pod succeeded, but its log is empty",
                "check that the account may read the logs of pods",
            ),
            _ => Judged::red(
                format!("the driver's pod succeeded, but its log has no `{words}`"),
                "read driver.log in the run directory",
            ),
        }
        .with("driver log", &found.log)
    }
}

pub(crate) fn said_controls() -> Vec<Control> {
    let words = "Pi is roughly 3.1".to_owned();
    let control = |name, words: &String, log: &str, says| {
        Control::seen(name, words, &Said(FoundLines::of(log, words)), says)
    };
    let missing = Says::Red("its log has no `Pi is roughly 3.1`");
    vec![
        control("the words", &words, "INFO begun\nPi is roughly 3.145535\nend\n", Says::Green),
        control("another result", &words, "INFO begun\nPi is roughly 4.2\n", missing),
        control("the words on two lines", &words, "Pi is roughly\n3.1\n", missing),
        control("an empty log", &words, "", Says::Red("its log is empty")),
        control("no words", &String::new(), "INFO begun\n", Says::Red("its log has no ``")),
        Control::unseen::<Said>(&words, "the driver's log could not be read"),
    ]
}

/// The objects in the namespace after an application's end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AfterEnd {
    /// Name of the driver's pod.
    pub driver: String,
    /// The objects, in their last state.
    pub left: Leftovers,
    /// Permissions that the driver lacked, according to its log.
    pub refused: Vec<String>,
}

impl Observation for AfterEnd {
    type Expected = ();
    const KIND: &'static str = "application.left";

    fn judge(&self, (): &()) -> Judged {
        let AfterEnd { driver, left, refused } = self;
        let ended = left.pods.get(driver).is_some_and(|status| status == "Completed");
        // The Service of the driver's pod goes with it.
        let services = left.services.iter().all(|name| *name == format!("{driver}-svc"));
        let alone = left.pods.len() == 1
            && services
            && left.claims.is_empty()
            && left.stateful_sets.is_empty();
        let judged = if ended && alone {
            Judged::green()
        } else {
            let verbs: String =
                refused.iter().map(|verb| format!("; missing-verb: {verb}")).collect();
            Judged::red(
                format!("{driver} Completed expected and no executors, found: {left}{verbs}"),
                "grant the driver's account the verbs that are missing",
            )
        };
        judged.with("held", left)
    }
}

pub(crate) fn left_controls() -> Vec<Control> {
    let control = |name, says, change: &dyn Fn(&mut AfterEnd)| {
        let mut left = Leftovers::default();
        left.pods.insert("d".to_owned(), "Completed".to_owned());
        left.config_maps.push("spark-drv-1-conf-map".to_owned());
        left.services.push("d-svc".to_owned());
        let mut seen = AfterEnd { driver: "d".to_owned(), left, refused: Vec::new() };
        change(&mut seen);
        Control::seen(name, &(), &seen, says)
    };
    let pod = |seen: &mut AfterEnd, name: &str, status: &str| {
        seen.left.pods.insert(name.to_owned(), status.to_owned());
    };
    vec![
        control("only the driver's pod", Says::Green, &|_| {}),
        control("an executor", Says::Red("pod x-exec-1 (Running)"), &|seen| {
            pod(seen, "x-exec-1", "Running");
        }),
        control("an executor that ended", Says::Red("pod x-exec-1 (Completed)"), &|seen| {
            pod(seen, "x-exec-1", "Completed");
        }),
        control("a driver that failed", Says::Red("pod d (Error)"), &|seen| {
            pod(seen, "d", "Error");
        }),
        control("no driver", Says::Red("found: configmap"), &|seen| seen.left.pods.clear()),
        control("another pod in its place", Says::Red("d Completed expected"), &|seen| {
            seen.left.pods.clear();
            pod(seen, "e", "Completed");
        }),
        control(
            "a StatefulSet",
            Says::Red("; missing-verb: a may not delete statefulsets"),
            &|seen| {
                seen.left.stateful_sets.push("spark-s-0".to_owned());
                seen.refused.push("a may not delete statefulsets".to_owned());
            },
        ),
        control("a claim", Says::Red("persistentvolumeclaim c-0"), &|seen| {
            seen.left.claims.push("c-0".to_owned());
        }),
        control("another Service", Says::Red("service x-svc"), &|seen| {
            seen.left.services.push("x-svc".to_owned());
        }),
        Control::unseen::<AfterEnd>(&(), "namespace x could not be listed"),
    ]
}
