//! The way between executors and the driver.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;
use sparkproof_catalog::plan::DriverPlace;

use super::evidence::{Evidence, PodFacts};
use super::finding::{Finding, PodRule, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[];
pub(super) const POD: &[PodRule] = &[unreachable];

/// Messages of failed connections (Spark's `TransportClientFactory` and `RpcTimeout`). `Connecting
/// to driver: spark://…` is no failure: every executor logs it at its start.
static NOT_CONNECTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"Failed to connect to |Connecting to \S+ (timed out|failed)|UnknownHostException|Cannot receive any reply from ",
    )
    .expect("a valid expression")
});

/// The line of an executor's log that says that it did not reach the driver's host.
pub(super) fn not_connected<'a>(evidence: &Evidence, pod: &'a PodFacts) -> Option<&'a str> {
    let driver = [&evidence.asked.driver_host, &evidence.asked.driver_address];
    let names_driver = |line: &str| driver.iter().any(|host| names_host(line, host));
    pod.log.lines().find(|line| NOT_CONNECTED.is_match(line) && names_driver(line))
}

/// Whether a line contains a host, and not as a part of another name or address.
fn names_host(line: &str, host: &str) -> bool {
    let of_host = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    !host.is_empty()
        && line.match_indices(host).any(|(at, _)| {
            !line[..at].ends_with(of_host) && !line[at + host.len()..].starts_with(of_host)
        })
}

/// Uses the logs of executors that never registered: others have reached the driver. Does not apply
/// if the driver ended, since then no executor can reach it.
fn unreachable(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    if evidence.driver.gone || pod.reached_driver() {
        return None;
    }
    let line = not_connected(evidence, pod)?.trim();
    Some(
        Finding::new(
            Cause::DriverUnreachable,
            format!("it cannot reach the driver at {}", evidence.asked.driver_host),
            to_be_reached(evidence),
        )
        .of(pod)
        .because(&pod.name, line),
    )
}

/// The remedy, which depends on the places of driver and cluster: sparkproof's container cannot join
/// the network of the user's cluster, and only a driver on this host has an address to choose.
fn to_be_reached(evidence: &Evidence) -> &'static str {
    match (evidence.asked.driver, evidence.asked.cluster_of_user) {
        (DriverPlace::Host, false) => {
            "--driver-host with an address of this host that pods can reach, and no firewall between; \
             or --driver container, or --driver pod"
        }
        (DriverPlace::Host, true) => {
            "--driver-host with an address of this host that pods can reach, and no firewall between; \
             or --driver pod"
        }
        (DriverPlace::Container, _) => {
            "without --driver-host (it has an address on the cluster's Docker network), and no firewall \
             between; or --driver pod"
        }
        (DriverPlace::Pod, _) => {
            "without --driver-host (its Service has a name for it), and no NetworkPolicy or mesh between \
             executors and its pod"
        }
    }
}
