//! Options that contradict or need each other, checked after file and command line were merged.

use std::net::IpAddr;

use sparkproof_base::error::{Error, Result};

use crate::plan::RawPlan;

/// A key, and the key that it needs.
const NEEDS: [(&str, &str); 3] =
    [("context", "kubeconfig"), ("registry", "kubeconfig"), ("store-image", "kubeconfig")];

const HOW: &str = "says how to make a cluster";
const EXISTS: &str = "names one that exists";
const UP: &str = "names one that is up";

/// Two keys that contradict each other, and what each says.
const CONTRADICTIONS: [(&str, &str, &str, &str); 13] = [
    ("cluster", "kubeconfig", "names one cluster", "another"),
    ("provider", "kubeconfig", HOW, EXISTS),
    ("workers", "kubeconfig", HOW, EXISTS),
    ("kubernetes-version", "kubeconfig", HOW, EXISTS),
    ("cpus", "kubeconfig", HOW, EXISTS),
    ("memory", "kubeconfig", HOW, EXISTS),
    ("provider", "cluster", HOW, UP),
    ("kubernetes-version", "cluster", HOW, UP),
    ("workers", "cluster", HOW, UP),
    ("cpus", "cluster", HOW, UP),
    ("memory", "cluster", HOW, UP),
    ("spark-version", "spark-home", "names one Spark", "another"),
    ("registry", "image", "says where images go that sparkproof builds", "names one that is there"),
];

/// # Errors
/// Bad input, with both keys as they were written.
pub(super) fn check(raw: &RawPlan) -> Result<()> {
    let given = raw.table()?;
    let empty = |value: &toml::Value| value.as_str().is_some_and(|text| text.trim().is_empty());
    if let Some((key, _)) = given.iter().find(|(_, value)| empty(value)) {
        let named = raw.named(key);
        return Err(Error::input(format!("{named} is empty")).remedy(format!("leave out {named}")));
    }
    for (key, needed) in NEEDS {
        if given.contains_key(key) && !given.contains_key(needed) {
            return Err(Error::input(format!("{} needs --{needed}", raw.named(key)))
                .remedy(format!("add --{needed}, or leave out {}", raw.named(key))));
        }
    }
    for (one, other, says, other_says) in CONTRADICTIONS {
        if given.contains_key(one) && given.contains_key(other) {
            let (one, other) = (raw.named(one), raw.named(other));
            return Err(Error::input(format!("{one} {says}, {other} {other_says}"))
                .remedy(format!("leave out {one} or {other}")));
        }
    }
    match raw.driver_host {
        Some(host) => reached_by_pods(host, &raw.named("driver-host")),
        None => Ok(()),
    }
}

/// Whether pods can mean another machine by an address.
fn reached_by_pods(host: IpAddr, named: &str) -> Result<()> {
    let kind = match host.to_canonical() {
        ip if ip.is_loopback() => "a loopback address, by which a pod means itself",
        ip if ip.is_unspecified() => "no address of a machine",
        ip if ip.is_multicast() => "an address of a group",
        IpAddr::V4(ip) if ip.is_broadcast() => "an address of all machines of a network",
        IpAddr::V4(ip) if ip.is_link_local() => "link-local: pods cannot route to it",
        IpAddr::V6(ip) if ip.is_unicast_link_local() => "link-local: pods cannot route to it",
        _ => return Ok(()),
    };
    Err(Error::input(format!("{named} {host} is {kind}")).remedy(
        "leave it out, and the address of this host towards the cluster is used; or name the \
         gateway of the nodes' network (docker network inspect kind), or use --driver pod",
    ))
}

#[cfg(test)]
mod tests {
    use clap::Args;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1", false)]
    #[case("127.1.2.3", false)]
    #[case("::1", false)]
    #[case("::ffff:127.0.0.1", false)]
    #[case("0.0.0.0", false)]
    #[case("::", false)]
    #[case("169.254.1.2", false)]
    #[case("fe80::1", false)]
    #[case("224.0.0.1", false)]
    #[case("255.255.255.255", false)]
    #[case("172.18.0.1", true)]
    #[case("192.0.2.2", true)]
    #[case("fd00::1", true)]
    fn a_driver_is_at_an_address_that_pods_can_reach(#[case] host: &str, #[case] reached: bool) {
        let raw = RawPlan { driver_host: host.parse().ok(), ..RawPlan::default() };
        let checked = check(&raw);
        assert_eq!(checked.is_ok(), reached, "{checked:?}");
        let Err(error) = checked else { return };
        assert_eq!(error.exit, sparkproof_base::error::Exit::BadInput);
        assert!(error.to_string().contains(host), "{error}");
        assert!(error.remedy.is_some_and(|words| words.contains("--driver pod")));
    }

    #[test]
    fn every_rule_is_about_flags_that_exist() {
        let command = RawPlan::augment_args(clap::Command::new("x"));
        let known: Vec<&str> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
        let needs = NEEDS.into_iter().flat_map(|(key, needed)| [key, needed]);
        let pairs = CONTRADICTIONS.into_iter().flat_map(|(one, other, ..)| [one, other]);
        for key in needs.chain(pairs) {
            assert!(known.contains(&key), "{key}");
        }
    }
}
