//! What a rule finds.

use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::Cause;

use super::evidence::{EventFacts, Evidence, PodFacts};

/// A rule about one pod. It fires on what failed, never on what a healthy pod also shows.
pub(super) type PodRule = fn(&Evidence, &PodFacts) -> Option<Finding>;

/// A rule about the session as a whole: its driver, its requests, its surroundings.
pub(super) type SessionRule = fn(&Evidence) -> Option<Finding>;

/// When a wait for the session ends because of a finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ends {
    /// As soon as it is seen: it cannot heal.
    AtOnce,
    /// If it stays for a while, during which something may end or be added: another pod that
    /// leaves, a node, a claim.
    IfItStays,
    /// The same, of something that is only looked at again after a while: a claim without a volume.
    IfItStaysLong,
    /// At the session's deadline: it may heal by itself at any time.
    #[default]
    AtDeadline,
}

/// A named cause, with what shows it and what cures it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The cause.
    pub cause: Cause,
    /// The pods that show it; empty if it is about the session.
    pub pods: Vec<String>,
    /// The finding, in one sentence.
    pub says: String,
    /// What shows it.
    pub evidence: Vec<EvidenceItem>,
    /// What to do.
    pub remedy: String,
    /// When a wait ends because of it.
    pub ends: Ends,
}

impl Finding {
    /// A finding about the session.
    pub(super) fn new(cause: Cause, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Finding {
            cause,
            pods: Vec::new(),
            says: says.into(),
            evidence: Vec::new(),
            remedy: remedy.into(),
            ends: Ends::default(),
        }
    }

    /// It is about this pod.
    #[must_use]
    pub(super) fn of(mut self, pod: &PodFacts) -> Self {
        self.pods.push(pod.name.clone());
        self
    }

    /// A piece of evidence.
    #[must_use]
    pub(super) fn because(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.evidence.push(EvidenceItem { name: name.into(), text: text.into() });
        self
    }

    /// Events as evidence.
    #[must_use]
    pub(super) fn events<'a>(mut self, events: impl IntoIterator<Item = &'a EventFacts>) -> Self {
        let items = events
            .into_iter()
            .map(|event| EvidenceItem { name: "event".to_owned(), text: event.to_string() });
        self.evidence.extend(items);
        self
    }

    /// When a wait ends because of it.
    #[must_use]
    pub(super) fn ends(mut self, ends: Ends) -> Self {
        self.ends = ends;
        self
    }
}

/// The last lines of a log.
pub(super) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
