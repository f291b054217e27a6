//! The deadlines that must fit into each other: an inner one ends before the outer one. A test
//! holds this, with the periods of `.config/nextest.toml`.
//!
//! ```text
//! a command of sparkproof     OWNER_ENDS
//!   sparkproof exec -- CMD    COMMAND_ENDS
//!     nextest                 grace-period
//!       a scenario's work     SCENARIO_ENDS     (a driver: DRIVER_ENDS)
//!       then its teardown     SCENARIO_TEARDOWN (a namespace: NAMESPACE_GONE)
//! then its teardown           TEARDOWN
//! ```
//!
//! A second signal cuts all of them short: see [`crate::context::Cancel`].

use std::time::Duration;

/// From SIGTERM to SIGKILL, for a tool and for any process that a run started.
pub const TERMINATED: Duration = Duration::from_secs(10);
/// From SIGKILL until a process is given up, e.g. because it hangs in the kernel in a mount.
pub const KILLED: Duration = Duration::from_secs(10);
/// For a driver to end by itself, front end and JVM, while Spark's shutdown hook deletes its pods.
pub const DRIVER_ENDS: Duration = Duration::from_secs(60);
/// From the first signal until a scenario's work is dropped. The work may have to end a driver on
/// this host, in a container or in a pod: to stop it, wait for it, kill it and remove it.
pub const SCENARIO_ENDS: Duration = Duration::from_secs(140);
/// The same for a command of sparkproof, which may have to wait for the command of `sparkproof
/// exec`.
pub const OWNER_ENDS: Duration = Duration::from_secs(410);
/// The same after a second signal, for both.
pub const CUT_SHORT: Duration = Duration::from_secs(8);
/// For a namespace to be gone, with the pods in it.
pub const NAMESPACE_GONE: Duration = Duration::from_secs(180);
/// For Docker to finish a removal that is under way.
pub const REMOVAL_ENDS: Duration = Duration::from_secs(60);
/// For all of a scenario's teardown; `sparkproof sweep` removes the rest.
pub const SCENARIO_TEARDOWN: Duration = Duration::from_secs(210);
/// For all of the teardown of a command that owns a cluster and perhaps a Docker daemon.
pub const TEARDOWN: Duration = Duration::from_secs(15 * 60);
/// From SIGTERM to SIGKILL for the command of `sparkproof exec`, which may be nextest with
/// scenarios.
pub const COMMAND_ENDS: Duration = Duration::from_secs(385);
/// For the command of `sparkproof exec` to end after a second signal.
pub const COMMAND_ENDS_AT_ONCE: Duration = Duration::from_secs(5);
/// For a command in a node that inspects or removes something.
pub const IN_NODE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `grace-period` of nextest's profiles, in seconds.
    fn grace_periods(table: &toml::Value) -> Vec<u64> {
        match table {
            toml::Value::Table(table) => table
                .iter()
                .flat_map(|(key, value)| match (key.as_str(), value.as_str()) {
                    ("grace-period", Some(text)) => {
                        vec![text.trim_end_matches('s').parse().expect("seconds")]
                    }
                    _ => grace_periods(value),
                })
                .collect(),
            toml::Value::Array(all) => all.iter().flat_map(grace_periods).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_is_inside_ends_before_what_is_around_it_loses_patience() {
        // A driver on this host: signal, wait, kill, wait.
        let host = TERMINATED + DRIVER_ENDS + KILLED;
        // In a container: stop by an exec, wait, remove.
        let container = TERMINATED + DRIVER_ENDS + REMOVAL_ENDS;
        // In a pod: stop by an exec, delete, wait, delete, wait for its log.
        let pod = TERMINATED + KILLED + DRIVER_ENDS + KILLED + KILLED;
        for (driver, ends) in [("host", host), ("container", container), ("pod", pod)] {
            assert!(ends <= SCENARIO_ENDS, "a driver's end on {driver} takes {ends:?}");
        }
        assert!(TERMINATED + KILLED + NAMESPACE_GONE <= SCENARIO_TEARDOWN);
        assert!(REMOVAL_ENDS + IN_NODE <= SCENARIO_TEARDOWN && SCENARIO_TEARDOWN <= TEARDOWN);
        let graces = |repository: &str| {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
            let path = format!("{root}/{repository}/.config/nextest.toml");
            let file = std::fs::read_to_string(path).expect("readable");
            let graces = grace_periods(&toml::from_str(&file).expect("TOML"));
            assert!(!graces.is_empty(), "no profile of {repository} has a grace-period");
            graces
        };
        let graces = [graces("."), graces("examples/own-scenarios")].concat();
        for grace in graces.into_iter().map(Duration::from_secs) {
            assert!(
                SCENARIO_ENDS + SCENARIO_TEARDOWN < grace,
                "a scenario needs more than {grace:?}"
            );
            assert!(grace < COMMAND_ENDS, "`sparkproof exec` gives less than {grace:?}");
        }
        assert!(COMMAND_ENDS + KILLED < OWNER_ENDS && COMMAND_ENDS_AT_ONCE < CUT_SHORT);
    }
}
