//! The verdict over the session and all its pods.

use std::collections::BTreeSet;

use sparkproof_base::events::{EvidenceItem, Looked};
use sparkproof_base::verdict::{Cause, Diagnosis};

use super::evidence::{Evidence, PodFacts};
use super::finding::{Finding, PodRule, SessionRule, last_lines};
use super::{
    admission, api, claims, configuration, container, image, network, node, process, scheduling,
};

/// Rules of one kind of cause.
struct Group {
    session: &'static [SessionRule],
    pod: &'static [PodRule],
}

/// In the order in which causes stop a session. Why executors ended comes before why others are not
/// scheduled: their replacements find no room until they are gone.
const GROUPS: [Group; 11] = [
    Group { session: configuration::SESSION, pod: configuration::POD },
    Group { session: admission::SESSION, pod: &[] },
    Group { session: api::SESSION, pod: &[] },
    Group { session: node::SESSION, pod: node::POD },
    Group { session: image::SESSION, pod: image::POD },
    Group { session: &[], pod: container::POD },
    Group { session: process::SESSION, pod: process::POD },
    Group { session: network::SESSION, pod: network::POD },
    Group { session: &[], pod: process::LAST },
    Group { session: &[], pod: claims::POD },
    Group { session: scheduling::SESSION, pod: scheduling::POD },
];

/// For pods that nothing else explains.
const LAST_OF_POD: [&[PodRule]; 1] = [scheduling::LAST];

/// If nothing else explains the failure.
const LAST_OF_SESSION: [&[SessionRule]; 2] = [admission::LAST, process::LAST_OF_SESSION];

/// Everything that went wrong, in the order in which it stopped the session. Several pods that show
/// the same cause are one finding. Empty if no rule knows it, and for a healthy session.
pub fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut explained = BTreeSet::new();
    let mut pods = |rules: &[PodRule], found: &mut Vec<Finding>| {
        for pod in evidence.pods.iter().filter(|pod| !pod.is_healthy()) {
            if explained.contains(&pod.name) {
                continue;
            }
            if let Some(finding) = rules.iter().find_map(|rule| rule(evidence, pod)) {
                explained.insert(pod.name.clone());
                add(found, finding);
            }
        }
    };
    for group in &GROUPS {
        for finding in group.session.iter().filter_map(|rule| rule(evidence)) {
            add(&mut found, finding);
        }
        pods(group.pod, &mut found);
    }
    for rules in LAST_OF_POD {
        pods(rules, &mut found);
    }
    if found.is_empty() {
        let mut rules = LAST_OF_SESSION.iter().flat_map(|rules| rules.iter());
        found.extend(rules.find_map(|rule| rule(evidence)));
    }
    found
}

/// Adds a finding, to one of the same cause if there is one.
fn add(found: &mut Vec<Finding>, finding: Finding) {
    match found.iter_mut().find(|other| other.cause == finding.cause) {
        Some(other) => {
            other.pods.extend(finding.pods);
            other.evidence.extend(finding.evidence);
        }
        None => found.push(finding),
    }
}

/// The diagnosis: the cause that stopped the session first, and what else went wrong.
/// [`Cause::Unknown`] with the last states if no rule knows it.
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    let mut found = findings(evidence).into_iter().map(Diagnosis::from);
    let mut diagnosis = found.next().unwrap_or_else(|| unknown(evidence));
    let notes = configuration::key_findings(&evidence.asked.notes);
    diagnosis.also = found.chain(notes.into_iter().map(Diagnosis::from)).collect();
    // What could not be looked at is not empty: another cause may have hidden there.
    if let Looked::Unseen(why) = &evidence.events {
        diagnosis.evidence.push(EvidenceItem { name: "events".to_owned(), text: why.clone() });
    }
    diagnosis
}

fn unknown(evidence: &Evidence) -> Diagnosis {
    let pods = evidence.pods.iter().map(|pod: &PodFacts| (pod.name.clone(), pod.to_string()));
    let log = ("driver log".to_owned(), last_lines(&evidence.driver.log, 12));
    let items = pods.chain([log]).map(|(name, text)| EvidenceItem { name, text });
    Diagnosis {
        cause: Cause::Unknown,
        says: evidence.driver.words().to_owned(),
        evidence: items.collect(),
        remedy: "read the pods' logs, events and the driver's log in the run directory".to_owned(),
        also: Vec::new(),
    }
}

impl From<Finding> for Diagnosis {
    fn from(finding: Finding) -> Self {
        let says = match &*finding.pods {
            [] => finding.says,
            [pod] => format!("{pod}: {}", finding.says),
            [first, others @ ..] => format!("{first} and {} more: {}", others.len(), finding.says),
        };
        Diagnosis {
            cause: finding.cause,
            says,
            evidence: finding.evidence,
            remedy: finding.remedy,
            also: Vec::new(),
        }
    }
}
