//! Who reaches the executors of an application that has a NetworkPolicy of its own.

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::features::judged;
use crate::control::{Control, Says};

/// A pod that asks for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caller {
    /// The driver's pod.
    Driver,
    /// Another executor's pod.
    Peer,
    /// A pod of the namespace that is not of the application.
    Stranger,
}

/// One attempt to connect to an executor's port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who asks.
    pub from: Caller,
    /// The executor's pod.
    pub executor: String,
    /// Whether it was connected.
    pub connected: bool,
    /// What the attempt printed.
    pub said: String,
}

/// The NetworkPolicies of an application, and who reaches its executors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachedExecutors {
    /// Names of the NetworkPolicies that have the application's label.
    pub policies: Vec<String>,
    /// The attempts.
    pub attempts: Vec<Attempt>,
}

impl ReachedExecutors {
    fn holds(&self, executors: u32) -> Result<String, String> {
        for from in [Caller::Driver, Caller::Peer, Caller::Stranger] {
            let asked = self.attempts.iter().filter(|attempt| attempt.from == from);
            let mut names: Vec<&str> = asked.map(|attempt| &*attempt.executor).collect();
            names.sort_unstable();
            names.dedup();
            if usize::try_from(executors) != Ok(names.len()) || names.is_empty() {
                let seen = names.len();
                return Err(format!("{executors} executors expected, {from:?} asked {seen}"));
            }
        }
        for Attempt { from, executor, connected, said } in &self.attempts {
            match (from, connected) {
                (Caller::Stranger, true) => {
                    return Err(format!("a pod that is not of the application reaches {executor}"));
                }
                (Caller::Driver | Caller::Peer, false) => {
                    return Err(format!("{from:?} does not reach {executor}: {said}"));
                }
                _ => {}
            }
        }
        match self.policies.as_slice() {
            [] => Err("the application has no NetworkPolicy".to_owned()),
            policies => Ok(policies.join(", ")),
        }
    }
}

impl Observation for ReachedExecutors {
    type Expected = u32;
    const KIND: &'static str = "application.isolation";

    fn judge(&self, expected: &u32) -> Judged {
        judged(self.holds(*expected))
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let attempt = |from, executor: &str, connected| Attempt {
        from,
        executor: executor.to_owned(),
        connected,
        said: if connected { "connected" } else { "Connection refused" }.to_owned(),
    };
    let control = |name, says, change: &dyn Fn(&mut ReachedExecutors)| {
        let of = |executor: &'static str| {
            let callers = [(Caller::Driver, true), (Caller::Peer, true), (Caller::Stranger, false)];
            callers.map(|(from, connected)| attempt(from, executor, connected))
        };
        let attempts = ["exec-1", "exec-2"].into_iter().flat_map(of).collect();
        let mut seen = ReachedExecutors { policies: vec!["pi-policy".to_owned()], attempts };
        change(&mut seen);
        Control::seen(name, &2, &seen, says)
    };
    let all = |from, connected| {
        move |seen: &mut ReachedExecutors| {
            let of = seen.attempts.iter_mut().filter(|attempt| attempt.from == from);
            of.for_each(|attempt| attempt.connected = connected);
        }
    };
    let few = Says::Red("2 executors expected, Stranger asked 1");
    vec![
        control("only its own pods are let in", Says::Green, &|_| {}),
        control(
            "a stranger reaches all",
            Says::Red("reaches exec-1"),
            &all(Caller::Stranger, true),
        ),
        control("a stranger reaches one", Says::Red("reaches exec-2"), &|seen| {
            seen.attempts[5].connected = true;
        }),
        control(
            "the driver is refused",
            Says::Red("Driver does not reach exec-1: "),
            &all(Caller::Driver, false),
        ),
        control("a peer is refused", Says::Red("Peer does not reach exec-2"), &|seen| {
            seen.attempts[4].connected = false;
        }),
        control("nobody is let in", Says::Red("Driver does not reach exec-1"), &|seen| {
            seen.attempts.iter_mut().for_each(|attempt| attempt.connected = false);
        }),
        control("no policy", Says::Red("has no NetworkPolicy"), &|seen| seen.policies.clear()),
        control("one executor was not asked", few, &|seen| drop(seen.attempts.pop())),
        control("one executor was asked twice", few, &|seen| {
            "exec-1".clone_into(&mut seen.attempts[5].executor);
        }),
        control("nobody asked", Says::Red("Driver asked 0"), &|seen| seen.attempts.clear()),
        Control::seen(
            "no executor expected, none there",
            &0,
            &ReachedExecutors { policies: vec!["pi-policy".to_owned()], attempts: Vec::new() },
            Says::Red("0 executors expected"),
        ),
        Control::unseen::<ReachedExecutors>(&2, "the command was refused"),
    ]
}
