//! Whether and how an executor fails to reach the driver.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use crate::diagnosis::evidence::{Evidence, PodFacts, PodRole};
use crate::diagnosis::finding::{Ends, Finding};
use crate::diagnosis::java;

/// Messages of failed connections (Spark's `TransportClientFactory`, `TransportResponseHandler` and
/// `NettyRpcEnv`). `Connecting to driver: spark://…` is no failure: every executor logs it at its
/// start.
static NOT_CONNECTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"Failed to connect to |Connecting to \S+ (timed out|failed)|UnknownHostException|Cannot receive any reply from |DNS resolution failed for |(?:when connection|Connection|Exception in connection) from\s+\S+",
    )
    .expect("a valid expression")
});

/// A connection to the executor's own pod: its driver's name or address means the machine itself.
pub(super) static TO_ITSELF: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:Failed to connect to|Connecting to) (?:[\w.-]*/)?(?:127\.|0\.0\.0\.0:|\[?::1\b|\[?0:0:0:0:0:0:0:1\b)")
        .expect("a valid expression")
});

/// How an executor fails to reach the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The driver's name has no address.
    Unresolved,
    Refused,
    /// No answer, or no route.
    Silent,
    Other,
    /// It has waited for long, and did not give up yet: Spark tries three times for two minutes
    /// each and logs only the last failure (`CoarseGrainedExecutorBackend.run`).
    Waits,
}

/// An executor that does not reach the driver.
pub(super) struct Seen<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) pod: &'a PodFacts,
    pub(super) how: How,
    pub(super) line: &'a str,
}

/// The line of an executor's log that says that it did not reach the driver's host.
pub(in crate::diagnosis) fn not_connected<'a>(
    evidence: &Evidence,
    pod: &'a PodFacts,
) -> Option<&'a str> {
    let driver = [&*evidence.asked.driver_host, &*evidence.asked.driver_address, API];
    let names_driver = |line: &str| driver.iter().any(|host| names_host(line, host));
    let fails = |line: &&str| {
        // Agents in an image ask their own host, too: it means the driver only if its name is not known.
        let unknown = evidence.asked.driver_host.is_empty();
        NOT_CONNECTED.is_match(line) && (names_driver(line) || unknown && TO_ITSELF.is_match(line))
    };
    pod.log.lines().rfind(fails).map(str::trim)
}

/// The API server's name in pods.
pub(in crate::diagnosis) const API: &str = "kubernetes.default.svc";

/// Whether a line contains a host, and not as a part of another name or address.
pub(in crate::diagnosis) fn names_host(line: &str, host: &str) -> bool {
    let of_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    // A sentence may end after the name.
    let goes_on =
        |rest: &str| rest.starts_with(of_host) && !(rest.starts_with(". ") || rest == ".");
    !host.is_empty()
        && line
            .match_indices(host)
            .any(|(at, _)| !line[..at].ends_with(of_host) && !goes_on(&line[at + host.len()..]))
}

impl<'a> Seen<'a> {
    pub(super) fn of(evidence: &'a Evidence, pod: &'a PodFacts) -> Option<Self> {
        let may = pod.role == PodRole::Executor && !pod.reached_driver() && !evidence.driver.gone;
        if !may {
            return None;
        }
        let found = match not_connected(evidence, pod) {
            Some(line) => Some((how(&pod.log, line), line)),
            None => waits(pod).map(|line| (How::Waits, line)),
        };
        found.map(|(how, line)| Seen { evidence, pod, how, line })
    }

    pub(super) fn host(&self) -> &'a str {
        &self.evidence.asked.driver_host
    }

    pub(super) fn finding(&self, cause: Cause, says: String, remedy: impl Into<String>) -> Finding {
        let line = match self.how {
            How::Waits => {
                format!("no connection after {} s: {}", self.pod.age.unwrap_or(0), self.line)
            }
            _ => self.line.to_owned(),
        };
        let finding = Finding::new(cause, says, remedy).of(self.pod);
        finding.because(&self.pod.name, line).ends(self.ends())
    }

    /// One executor may have come too early, before a Service or a mesh was ready; its replacement
    /// then registers.
    fn ends(&self) -> Ends {
        let evidence = self.evidence;
        let fails = |pod: &&PodFacts| not_connected(evidence, pod).is_some();
        let fail = evidence.executors().filter(fails).count();
        let none_came = !evidence.executors().any(PodFacts::reached_driver);
        match self.how {
            How::Waits => Ends::AtDeadline,
            How::Silent if none_came && fail > 1 => Ends::IfItStays,
            // All start together: their replacements must have failed as well.
            _ if none_came && fail > evidence.asked.executors.max(1) as usize => Ends::IfItStays,
            _ => Ends::AtDeadline,
        }
    }

    /// What it does, for a sentence.
    pub(super) fn says(&self) -> String {
        let host = self.host();
        match self.how {
            How::Unresolved => format!("it cannot resolve the driver's name {host}"),
            How::Refused => {
                format!("it cannot reach the driver at {host}: the connection is refused")
            }
            How::Silent => format!("it cannot reach the driver at {host}: there is no answer"),
            How::Other => format!("it cannot reach the driver at {host}"),
            How::Waits => {
                format!("it runs, and has no connection to the driver at {host} yet")
            }
        }
    }
}

/// By the innermost exception of the line's chain.
fn how(log: &str, line: &str) -> How {
    let chains = java::chains(log);
    let chain = chains.iter().rev().find(|chain| chain.iter().any(|thrown| thrown.line == line));
    let from = |thrown: &&java::Thrown<'_>| thrown.line != line;
    let inner = chain.into_iter().flat_map(|chain| chain.iter().skip_while(from));
    let text = inner.map(|thrown| thrown.line).fold(line.to_owned(), |all, l| all + "\n" + l);
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["UnknownHostException", "UnresolvedAddressException", "DNS resolution failed"]) {
        How::Unresolved
    } else if has(&["Connection refused"]) {
        How::Refused
    } else if has(&[
        "timed out",
        "Cannot receive any reply",
        "No route to host",
        "Host is unreachable",
        "Network is unreachable",
    ]) {
        How::Silent
    } else {
        How::Other
    }
}

/// Its last line, if it should have connected long ago. Without lines of level INFO nothing can be
/// said: a connection is logged at that level.
fn waits(pod: &PodFacts) -> Option<&str> {
    const LONG: u64 = 60;
    let runs = pod.phase == "Running" && pod.failed().is_none() && !pod.deleting;
    let started = ["INFO SecurityManager", "INFO CoarseGrainedExecutorBackend"];
    let asks = runs
        && pod.age.is_some_and(|age| age >= LONG)
        && started.iter().any(|word| pod.log.contains(word))
        && !pod.log.contains("Successfully created connection to");
    asks.then(|| pod.log.lines().rfind(|line| !line.trim().is_empty()))?.map(str::trim)
}
