//! Addresses and ports at which a process cannot listen.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;
use sparkproof_catalog::plan::DriverPlace;

use super::super::evidence::Evidence;
use super::super::finding::{Ends, Finding};
use super::said::driver_says;

/// `Utils.startServiceOnPort`, when it gives up. A port that is taken is no failure before.
static GAVE_UP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r": Service '(?P<service>[^']+)' failed after \d+ retries(?: \((?:starting from (?P<port>\d+)|[^)]*)\))?")
        .expect("a valid expression")
});

const OTHERWISE: &str = "a port of 1024 or higher in spark.*.port, and a name or an address of this \
                         machine as the driver's";

pub(super) fn cannot_bind(evidence: &Evidence) -> Option<Finding> {
    let executors = evidence.executors().filter(|pod| !pod.is_healthy());
    let executors = executors.map(|pod| (&*pod.name, &*pod.log));
    let texts: Vec<_> = driver_says(evidence).into_iter().chain(executors).collect();
    let gave_up = texts.iter().find_map(|(name, text)| {
        text.lines().find_map(|line| Some((*name, line, GAVE_UP.captures(line)?)))
    });
    let (name, line, says, remedy) = if let Some((name, line, found)) = gave_up {
        let service = found["service"].rsplit('.').next().unwrap_or_default();
        let port = found.name("port").map(|port| port.as_str());
        let (says, remedy) = if line.contains("already in use") {
            in_use(service, port)
        } else {
            (no_such_address(evidence, service), another_address(evidence))
        };
        (name, line, says, remedy)
    } else {
        let (name, line, says) = texts.iter().find_map(|(name, text)| at_once(name, text))?;
        (name, line, says.to_owned(), OTHERWISE.to_owned())
    };
    let finding = Finding::new(Cause::CannotBind, says, remedy).because(name, line.trim());
    Some(finding.ends(Ends::AtOnce))
}

/// The key of a service's port.
fn key(service: &str) -> &'static str {
    match service {
        "sparkDriver" => "spark.driver.port",
        "SparkUI" => "spark.ui.port",
        "NettyBlockTransferService" => "spark.driver.blockManager.port or spark.blockManager.port",
        _ => "spark.*.port",
    }
}

fn in_use(service: &str, port: Option<&str>) -> (String, String) {
    let port = port.map_or_else(String::new, |port| format!(" {port} and those after it"));
    let says = format!("{service} cannot listen: its port{port} is in use already");
    let key = key(service);
    let remedy = format!("another port in {key} (0 takes a free one), or end what listens there");
    (says, remedy)
}

fn no_such_address(evidence: &Evidence, service: &str) -> String {
    let address = match &*evidence.asked.driver_address {
        "" => &evidence.asked.driver_host,
        address => address,
    };
    format!("{service} cannot listen at {address}: its machine has no such address")
}

fn another_address(evidence: &Evidence) -> String {
    match evidence.asked.driver {
        DriverPlace::Host => {
            "--driver-host with an address that an interface of this host has (ip address)"
        }
        DriverPlace::Container | DriverPlace::Pod => {
            "without --driver-host: the driver then listens at its own address"
        }
    }
    .to_owned()
}

/// Failures that are not tried again: a port that needs root, an address that has no meaning.
fn at_once<'a>(name: &'a str, text: &'a str) -> Option<(&'a str, &'a str, &'static str)> {
    let with = |words: &[&str]| text.lines().find(|l| words.iter().any(|w| l.contains(w)));
    if let Some(line) = with(&["bind(..) failed: Permission denied"]) {
        return Some((name, line, "the driver may not listen at its port, which is below 1024"));
    }
    let binds = ["ServerSocketChannelImpl.bind", "ServerSocketChannelImpl.netBind"];
    with(&binds)?;
    let line = with(&["UnresolvedAddressException", "SocketException: Unresolved address"])?;
    Some((name, line, "the driver cannot listen: the name of its address cannot be resolved"))
}
