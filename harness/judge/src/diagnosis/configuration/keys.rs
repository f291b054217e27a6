//! Keys of the configuration that Spark does not know, or that change nothing.

use std::collections::{BTreeMap, BTreeSet};

use sparkproof_base::verdict::Cause;

use crate::diagnosis::evidence::KeyNotes;
use crate::diagnosis::finding::Finding;

/// Where the driver runs, in spark-submit's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeployMode {
    /// In the process that asks for it, wherever that is.
    Client,
    /// In a pod that spark-submit makes.
    Cluster,
}

/// Beginnings after which any name may follow.
const FREE: &[&str] = &[
    "spark.hadoop.",
    "spark.hive.",
    "spark.executorEnv.",
    "spark.kubernetes.driverEnv.",
    "spark.kubernetes.driver.label.",
    "spark.kubernetes.driver.annotation.",
    "spark.kubernetes.driver.service.label.",
    "spark.kubernetes.driver.service.annotation.",
    "spark.kubernetes.driver.secrets.",
    "spark.kubernetes.driver.secretKeyRef.",
    "spark.kubernetes.driver.node.selector.",
    "spark.kubernetes.driver.volumes.",
    "spark.kubernetes.executor.label.",
    "spark.kubernetes.executor.annotation.",
    "spark.kubernetes.executor.secrets.",
    "spark.kubernetes.executor.secretKeyRef.",
    "spark.kubernetes.executor.node.selector.",
    "spark.kubernetes.executor.volumes.",
    "spark.kubernetes.node.selector.",
    "spark.driver.resource.",
    "spark.executor.resource.",
    "spark.task.resource.",
    "spark.metrics.conf.",
    "spark.scheduler.listenerbus.eventqueue.",
    "spark.sql.catalog.",
    "spark.ssl.",
    "spark.plugins.internal.conf.",
];

/// Keys of Hadoop, which Spark hands on only behind its own prefix.
const OF_HADOOP: [&str; 4] = ["fs.", "dfs.", "hadoop.", "mapreduce."];

/// The keys that are not among the known ones, each with what may have been meant.
pub fn unknown_keys(
    conf: &BTreeMap<String, String>,
    known_keys: &BTreeSet<String>,
) -> Vec<(String, Option<String>)> {
    let free =
        |key: &str| FREE.iter().any(|prefix| key.len() > prefix.len() && key.starts_with(prefix));
    let unknown = conf.keys().filter(|key| !known_keys.contains(*key) && !free(key));
    unknown.map(|key| (key.clone(), meant(key, known_keys))).collect()
}

/// Findings about keys. They do not stop a session, so they stand behind those that do.
pub fn key_findings(notes: &KeyNotes) -> Vec<Finding> {
    let unknown = notes.unknown.iter().map(|(key, meant)| {
        let remedy = match meant {
            Some(meant) => format!("did you mean {meant}?"),
            None => "correct its name, or leave it out".to_owned(),
        };
        Finding::new(Cause::UnknownKey, format!("this Spark has no key {key}"), remedy)
    });
    let idle = notes.without_effect.iter().map(|(key, why)| {
        Finding::new(Cause::KeyWithoutEffect, format!("{key} has no effect: {why}"), "leave it out")
    });
    unknown.chain(idle).collect()
}

/// The known key, or the beginning, that is nearest, if it is near.
fn meant(key: &str, known_keys: &BTreeSet<String>) -> Option<String> {
    if OF_HADOOP.iter().any(|prefix| key.starts_with(prefix)) {
        return Some(format!("spark.hadoop.{key}"));
    }
    // With how far it may be: names that are shorter may differ less.
    let near = |a: &str, b: &str| {
        let distance = strsim::damerau_levenshtein(&a.to_lowercase(), &b.to_lowercase());
        (distance <= 1 + b.len() / 12).then_some(distance)
    };
    let keys = known_keys.iter().filter_map(|known| Some((near(key, known)?, known.clone())));
    // As many parts as the beginning has; the rest is the user's.
    let behind = FREE.iter().filter_map(|prefix| {
        let (at, _) = key.match_indices('.').nth(prefix.matches('.').count() - 1)?;
        let (start, rest) = key.split_at(at + 1);
        let distance = near(start, prefix).filter(|_| !rest.is_empty())?;
        Some((distance, format!("{prefix}{rest}")))
    });
    keys.chain(behind).min().map(|(_, nearest)| nearest)
}

const NO_DRIVER_POD: &str = "Spark makes no pod for the driver in client mode";
const JVM_RUNS: &str = "the driver's JVM runs before a session in client mode reads it: give it to \
                        the program that starts the JVM (spark-submit's option, -Xmx)";

/// Keys and beginnings (which end with a dot) that mean nothing in client mode.
const IN_CLIENT_MODE: &[(&str, &str)] = &[
    ("spark.kubernetes.driver.label.", NO_DRIVER_POD),
    ("spark.kubernetes.driver.annotation.", NO_DRIVER_POD),
    ("spark.kubernetes.driver.service.", NO_DRIVER_POD),
    ("spark.kubernetes.driver.secrets.", NO_DRIVER_POD),
    ("spark.kubernetes.driver.secretKeyRef.", NO_DRIVER_POD),
    ("spark.kubernetes.driver.node.selector.", NO_DRIVER_POD),
    ("spark.kubernetes.driver.volumes.", NO_DRIVER_POD),
    ("spark.kubernetes.driver.container.image", NO_DRIVER_POD),
    ("spark.kubernetes.driver.request.cores", NO_DRIVER_POD),
    ("spark.kubernetes.driver.limit.cores", NO_DRIVER_POD),
    ("spark.kubernetes.driver.podTemplateFile", NO_DRIVER_POD),
    ("spark.kubernetes.driver.podTemplateContainerName", NO_DRIVER_POD),
    ("spark.kubernetes.driver.podExcludedFeatureSteps", NO_DRIVER_POD),
    ("spark.kubernetes.driver.scheduler.name", NO_DRIVER_POD),
    ("spark.kubernetes.driverEnv.", NO_DRIVER_POD),
    ("spark.kubernetes.submission.", "spark-submit makes nothing in client mode"),
    ("spark.kubernetes.report.interval", "spark-submit watches nothing in client mode"),
    ("spark.kubernetes.file.upload.path", "nothing is uploaded in client mode"),
    ("spark.driver.cores", "only cluster mode gives the driver its CPU"),
    ("spark.driver.memoryOverhead", NO_DRIVER_POD),
    ("spark.driver.memoryOverheadFactor", NO_DRIVER_POD),
    ("spark.driver.memory", JVM_RUNS),
    ("spark.driver.extraJavaOptions", JVM_RUNS),
    ("spark.driver.defaultJavaOptions", JVM_RUNS),
    ("spark.driver.extraClassPath", JVM_RUNS),
    ("spark.driver.extraLibraryPath", JVM_RUNS),
];

/// Those that mean nothing on Kubernetes.
const EVER: &[(&str, &str)] = &[
    (
        "spark.kubernetes.authenticate.serviceAccountName",
        "pods do not get this account (SPARK-28360): use \
         spark.kubernetes.authenticate.executor.serviceAccountName, or .driver. in cluster mode",
    ),
    ("spark.yarn.", "only YARN knows it"),
    ("spark.mesos.", "only Mesos knew it"),
    ("spark.deploy.", "only a standalone cluster knows it"),
    ("spark.cores.max", "only a standalone cluster knows it: use spark.executor.instances"),
];

/// Beginnings of keys, the switch without which they mean nothing, and why.
const SWITCHED: &[(&str, &str, &str)] = &[
    (
        "spark.dynamicAllocation.",
        "spark.dynamicAllocation.enabled",
        "dynamic allocation is off (spark.dynamicAllocation.enabled)",
    ),
    ("spark.speculation.", "spark.speculation", "speculation is off (spark.speculation)"),
    (
        "spark.storage.decommission.",
        "spark.decommission.enabled",
        "decommissioning is off (spark.decommission.enabled)",
    ),
    (
        "spark.memory.offHeap.size",
        "spark.memory.offHeap.enabled",
        "memory off the heap is off (spark.memory.offHeap.enabled)",
    ),
    ("spark.eventLog.", "spark.eventLog.enabled", "the event log is off (spark.eventLog.enabled)"),
];

/// Pairs of which the second decides.
const OVERRULED: &[(&str, &str, &str)] = &[
    (
        "spark.executor.cores",
        "spark.kubernetes.executor.request.cores",
        "it says how many tasks an executor runs; the CPU that its pod requests is \
         spark.kubernetes.executor.request.cores",
    ),
    (
        "spark.executor.memoryOverheadFactor",
        "spark.executor.memoryOverhead",
        "spark.executor.memoryOverhead comes first",
    ),
    (
        "spark.kubernetes.memoryOverheadFactor",
        "spark.executor.memoryOverhead",
        "spark.executor.memoryOverhead comes first",
    ),
    (
        "spark.kubernetes.container.image",
        "spark.kubernetes.executor.container.image",
        "executors take spark.kubernetes.executor.container.image",
    ),
];

/// The keys that change nothing in this mode, or not what their name says, each with why.
pub fn without_effect(conf: &BTreeMap<String, String>, mode: DeployMode) -> Vec<(String, String)> {
    let fits = |key: &str, pattern: &str| {
        key == pattern || pattern.ends_with('.') && key.starts_with(pattern)
    };
    let on = |switch: &str| conf.get(switch).is_some_and(|v| v.trim().eq_ignore_ascii_case("true"));
    let in_mode = if mode == DeployMode::Client { IN_CLIENT_MODE } else { &[] };
    let why = |key: &str| {
        let mut plain = in_mode.iter().chain(EVER).filter(|(pattern, _)| fits(key, pattern));
        let mut switched = SWITCHED
            .iter()
            .filter(|(pattern, switch, _)| fits(key, pattern) && key != *switch && !on(switch));
        let mut overruled = OVERRULED.iter().filter(|(first, second, _)| {
            // In cluster mode the driver still takes the image of both.
            key == *first
                && conf.contains_key(*second)
                && !(mode == DeployMode::Cluster && key == "spark.kubernetes.container.image")
        });
        plain
            .next()
            .map(|(_, why)| *why)
            .or_else(|| switched.next().map(|(.., why)| *why))
            .or_else(|| overruled.next().map(|(.., why)| *why))
    };
    conf.keys().filter_map(|key| Some((key.clone(), why(key)?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[rstest]
    #[case(
        "spark.kubernetes.executor.reqest.cores",
        Some("spark.kubernetes.executor.request.cores")
    )]
    #[case("spark.executor.core", Some("spark.executor.cores"))]
    #[case("spark.Executor.Memory", Some("spark.executor.memory"))]
    #[case("spark.executor.mmeory", Some("spark.executor.memory"))]
    #[case("spark.kubernetes.executor.lables.app", Some("spark.kubernetes.executor.label.app"))]
    #[case("spark.executorenv.TZ", Some("spark.executorEnv.TZ"))]
    #[case("spark.haddop.fs.s3a.endpoint", Some("spark.hadoop.fs.s3a.endpoint"))]
    #[case("fs.s3a.endpoint", Some("spark.hadoop.fs.s3a.endpoint"))]
    #[case("spark.my.own.application.key", None)]
    fn an_unknown_key_has_a_suggestion_if_one_is_near(
        #[case] key: &str,
        #[case] meant: Option<&str>,
    ) {
        let known = [
            "spark.executor.cores",
            "spark.executor.memory",
            "spark.kubernetes.executor.request.cores",
            "spark.kubernetes.executor.limit.cores",
        ];
        let known = known.map(str::to_owned).into();
        let unknown = unknown_keys(&conf(&[(key, "1")]), &known);
        assert_eq!(unknown, [(key.to_owned(), meant.map(str::to_owned))]);
    }

    #[rstest]
    #[case("spark.executor.cores")]
    #[case("spark.hadoop.fs.s3a.endpoint")]
    #[case("spark.executorEnv.TZ")]
    #[case("spark.kubernetes.executor.label.team")]
    #[case("spark.kubernetes.driver.volumes.hostPath.d.mount.path")]
    fn known_keys_and_beginnings_are_not_unknown(#[case] key: &str) {
        let known = ["spark.executor.cores".to_owned()].into();
        assert_eq!(unknown_keys(&conf(&[(key, "1")]), &known), []);
    }

    const CLIENT: DeployMode = DeployMode::Client;
    const CLUSTER: DeployMode = DeployMode::Cluster;

    #[rstest]
    #[case(CLIENT, &[("spark.kubernetes.driver.label.a", "b")], Some("no pod for the driver"))]
    #[case(CLUSTER, &[("spark.kubernetes.driver.label.a", "b")], None)]
    #[case(CLIENT, &[("spark.kubernetes.driver.pod.name", "p")], None)]
    #[case(CLIENT, &[("spark.driver.memory", "2g")], Some("JVM runs before"))]
    #[case(CLUSTER, &[("spark.driver.memory", "2g")], None)]
    #[case(CLIENT, &[("spark.kubernetes.authenticate.serviceAccountName", "s")], Some("SPARK-28360"))]
    #[case(CLUSTER, &[("spark.kubernetes.authenticate.serviceAccountName", "s")], Some("SPARK-28360"))]
    #[case(CLIENT, &[("spark.kubernetes.authenticate.executor.serviceAccountName", "s")], None)]
    #[case(CLIENT, &[("spark.dynamicAllocation.maxExecutors", "3")], Some("allocation is off"))]
    #[case(CLIENT, &[("spark.dynamicAllocation.enabled", "false")], None)]
    #[case(CLIENT, &[("spark.yarn.queue", "q")], Some("YARN"))]
    #[case(CLIENT, &[("spark.executor.cores", "2")], None)]
    fn a_key_without_effect_says_why(
        #[case] mode: DeployMode,
        #[case] pairs: &[(&str, &str)],
        #[case] why: Option<&str>,
    ) {
        let found = without_effect(&conf(pairs), mode);
        assert_eq!(found.len(), usize::from(why.is_some()), "{found:?}");
        assert!(found.iter().all(|(_, w)| why.is_some_and(|why| w.contains(why))), "{found:?}");
    }

    #[test]
    fn a_switch_or_another_key_decides() {
        let on = [
            ("spark.dynamicAllocation.enabled", "true"),
            ("spark.dynamicAllocation.maxExecutors", "3"),
        ];
        assert_eq!(without_effect(&conf(&on), CLIENT), []);
        let both =
            [("spark.executor.cores", "2"), ("spark.kubernetes.executor.request.cores", "500m")];
        let found = without_effect(&conf(&both), CLIENT);
        assert_eq!(found[0].0, "spark.executor.cores");
        assert_eq!(found.len(), 1);
    }
}
