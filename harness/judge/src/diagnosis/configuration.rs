//! What Spark was told: a master that is not used, values that it refuses, keys that it does not
//! know, addresses at which it cannot listen.

use sparkproof_base::verdict::Cause;

use super::evidence::Evidence;
use super::finding::{Ends, Finding, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[local_master, other_session, closed_modules];

fn local_master(evidence: &Evidence) -> Option<Finding> {
    let master = evidence.driver.context_master.as_ref().filter(|m| !m.starts_with("k8s://"))?;
    Some(
        Finding::new(
            Cause::LocalMaster,
            format!("the session runs on {master} in the driver, not on Kubernetes"),
            "an earlier session of the same process was reused: stop that one first, in Geni \
             @zero-one.geni.defaults/spark (spark.conf shows only what was requested)",
        )
        .because("sparkContext.master", master.as_str())
        .ends(Ends::AtOnce),
    )
}

/// In Geni: a read without a session argument uses another session.
fn other_session(evidence: &Evidence) -> Option<Finding> {
    let words = [
        "a read without a session argument is of",
        "LiveListenerBus is stopped",
        "Cannot call methods on a stopped SparkContext",
    ];
    let reason = &evidence.driver.reason;
    let line = reason.lines().find(|line| words.iter().any(|word| line.contains(word)))?;
    Some(
        Finding::new(
            Cause::OtherSession,
            "a read without a session argument uses another session, or none",
            "make this the front end's default session (Geni: reset! zero-one.geni.defaults/spark), \
             or pass it to every read",
        )
        .because("driver", line),
    )
}

fn closed_modules(evidence: &Evidence) -> Option<Finding> {
    let logs = evidence.pods.iter().map(|pod| (&*pod.name, &*pod.log));
    let mut logs = logs.chain([("driver log", &*evidence.driver.log)]);
    let (name, line) = logs.find_map(|(name, log)| {
        Some((name, log.lines().find(|l| l.contains("because module java.base does not"))?))
    })?;
    Some(
        Finding::new(
            Cause::ClosedModules,
            "Java 17 and later close packages that Spark reads by reflection",
            "start the JVM with --add-opens=java.base/sun.nio.ch=ALL-UNNAMED and the other options \
             that Geni's project.clj lists, as spark-submit does",
        )
        .because(name, line.trim()),
    )
}
