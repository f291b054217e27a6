//! The rules, the most specific first.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::{Cause, Diagnosis};
use sparkproof_catalog::plan::DriverPlace;

use super::{EventSeen, MissingVerb, Observed, PodSeen, missing_verbs};

type Rule = fn(&Observed) -> Option<Diagnosis>;

const RULES: [Rule; 14] = [
    local_master,
    other_session,
    closed_modules,
    missing_verb,
    container,
    passwd,
    versions,
    memory,
    unreachable,
    dying,
    // After the causes of an executor's end, since replacements are unschedulable until it is gone.
    unschedulable,
    not_mounted,
    other_verb,
    driver,
];

/// The diagnosis of the first rule that matches; [`Cause::Unknown`] with the last states otherwise.
pub fn diagnose(observed: &Observed) -> Diagnosis {
    let unknown = || Diagnosis {
        cause: Cause::Unknown,
        says: observed.reason.clone(),
        evidence: observed
            .pods
            .iter()
            .map(|p| evidence(&p.name, p.to_string()))
            .chain([evidence("driver log", last_lines(&observed.driver_log, 12))])
            .collect(),
        remedy: "read the pods' logs, events and the driver's log in the run directory".into(),
    };
    let mut diagnosis = RULES.iter().find_map(|rule| rule(observed)).unwrap_or_else(unknown);
    // What could not be looked at is not empty: another cause may have hidden there.
    let unseen = observed.events_unseen.as_deref();
    diagnosis.evidence.extend(unseen.map(|why| evidence("events", why)));
    diagnosis
}

fn evidence(name: impl Into<String>, text: impl Into<String>) -> EvidenceItem {
    EvidenceItem { name: name.into(), text: text.into() }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn local_master(observed: &Observed) -> Option<Diagnosis> {
    let master = observed.context_master.as_ref().filter(|m| !m.starts_with("k8s://"))?;
    Some(Diagnosis {
        cause: Cause::LocalMaster,
        says: format!("the session runs on {master} in the driver, not on Kubernetes"),
        evidence: vec![evidence("sparkContext.master", master.as_str())],
        remedy: "an earlier session of the same process was reused: stop that one first, \
                 in Geni @zero-one.geni.defaults/spark (spark.conf shows only what was requested)"
            .into(),
    })
}

/// In Geni: a read without a session argument uses another session.
fn other_session(observed: &Observed) -> Option<Diagnosis> {
    let words = [
        "a read without a session argument is of",
        "LiveListenerBus is stopped",
        "Cannot call methods on a stopped SparkContext",
    ];
    let line = observed.reason.lines().find(|l| words.iter().any(|w| l.contains(w)))?;
    Some(Diagnosis {
        cause: Cause::OtherSession,
        says: "a read without a session argument uses another session, or none".into(),
        evidence: vec![evidence("driver", line)],
        remedy:
            "make this the front end's default session (Geni: reset! zero-one.geni.defaults/spark), \
                 or pass it to every read"
                .into(),
    })
}

fn closed_modules(observed: &Observed) -> Option<Diagnosis> {
    let line = line_with(observed, &["because module java.base does not"])?;
    Some(Diagnosis {
        cause: Cause::ClosedModules,
        says: "Java 17 and later close packages that Spark reads by reflection".into(),
        evidence: vec![line],
        remedy:
            "start the JVM with --add-opens=java.base/sun.nio.ch=ALL-UNNAMED and the other options that \
                 Geni's project.clj lists, as spark-submit does"
                .into(),
    })
}

/// Verbs without which no session starts. Others (`list`, `get`, `delete`) explain a failure only
/// if nothing else does.
fn missing_verb(observed: &Observed) -> Option<Diagnosis> {
    let needed = |m: &MissingVerb| {
        matches!(
            (m.verb.as_str(), m.resource.as_str()),
            (
                "create",
                "pods" | "configmaps" | "persistentvolumeclaims" | "services" | "statefulsets"
            )
                | ("watch", "pods")
                // spark-submit applies its objects.
                | ("patch", _)
        )
    };
    forbidden(missing(observed).into_iter().filter(needed).collect())
}

fn other_verb(observed: &Observed) -> Option<Diagnosis> {
    forbidden(missing(observed))
}

fn missing(observed: &Observed) -> Vec<MissingVerb> {
    let mut missing = missing_verbs(&observed.driver_log);
    missing.extend(missing_verbs(&observed.reason));
    // The message for a refused watch (WebSocket) names neither user nor resource.
    let text = [&observed.driver_log, &observed.reason];
    let refused = ["Received 403 on websocket", "but was '403 Forbidden'"];
    if text.iter().any(|t| refused.iter().any(|r| t.contains(r))) {
        missing.push(MissingVerb {
            verb: "watch".into(),
            resource: "pods".into(),
            user: "the driver's account".into(),
        });
    }
    missing
}

fn forbidden(missing: Vec<MissingVerb>) -> Option<Diagnosis> {
    let first = missing.first()?;
    Some(Diagnosis {
        cause: Cause::MissingVerb,
        says: first.to_string(),
        evidence: missing.iter().map(|m| evidence("API server", m.to_string())).collect(),
        remedy: format!("allow {} on {} in the session's namespace", first.verb, first.resource),
    })
}

/// Why a container that waits for this reason of kubelet's (its `images/types.go` and
/// `kuberuntime_container.go`) is not made, however often kubelet tries again.
pub fn not_made(reason: &str) -> Option<Cause> {
    Some(match reason {
        "ErrImageNeverPull" => Cause::ImageNeverPulled,
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ImageInspectError"
        | "InvalidImageName"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => Cause::WrongImage,
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError"
        | "RunContainerError" => Cause::ContainerNotCreated,
        _ => return None,
    })
}

fn container(observed: &Observed) -> Option<Diagnosis> {
    let waits = |pod: &PodSeen| {
        let (reason, message) = pod.waiting.clone()?;
        Some((not_made(&reason)?, pod.name.clone(), reason, message))
    };
    let (cause, pod, reason, message) = observed.pods.iter().find_map(waits)?;
    let (says, remedy) = match cause {
        Cause::ImageNeverPulled => (
            format!("the node does not have {} and must not pull it", observed.image),
            "load the image into every node, or use a pull policy other than Never",
        ),
        Cause::WrongImage => (
            format!("the node cannot pull {}", observed.image),
            "check the name and the tag, load the image into every node, or give the pods a pull secret",
        ),
        _ if reason == "CreateContainerConfigError" => (
            format!("what a container is configured with is not there: {message}"),
            "make the Secret or the ConfigMap that the message names, in the session's namespace, or \
             correct its name or key; where it is about root, use an image of another user",
        ),
        _ => (
            format!("the container of {} could not be created", observed.image),
            "read the message: a missing volume, or an image that was loaded in part",
        ),
    };
    let events = observed.events.iter().filter(|e| e.object == pod && e.reason == "Failed");
    Some(Diagnosis {
        cause,
        says,
        evidence: std::iter::once(evidence(&pod, format!("{reason}: {message}")))
            .chain(events.map(|e| evidence("event", e.to_string())))
            .collect(),
        remedy: remedy.into(),
    })
}

fn unschedulable(observed: &Observed) -> Option<Diagnosis> {
    let pod = observed.pods.iter().find(|p| p.unscheduled.is_some())?;
    let message = pod.unscheduled.clone()?;
    let (cause, says, remedy) = if names_a_missing_claim(&message) {
        (
            Cause::MissingClaim,
            "executors mount a PersistentVolumeClaim that does not exist",
            "create the claim in the session's namespace, or correct its name in \
             spark.kubernetes.executor.volumes.persistentVolumeClaim.*.options.claimName",
        )
    } else if message.contains("Insufficient cpu") {
        (
            Cause::InsufficientCpu,
            "no node has as much CPU as an executor requests",
            "fewer executors, or less CPU each (--executor-cpu)",
        )
    } else if message.contains("Insufficient memory") {
        (
            Cause::InsufficientMemory,
            "no node has as much memory as an executor requests",
            "fewer executors, or less memory each (--executor-memory)",
        )
    } else {
        (
            Cause::Unschedulable,
            "the executors cannot be scheduled",
            "read the scheduler's message: a taint, a selector or a volume",
        )
    };
    Some(Diagnosis {
        cause,
        says: format!("{says}: {message}"),
        evidence: vec![evidence(&pod.name, message)],
        remedy: remedy.into(),
    })
}

/// Matches the scheduler's messages: `persistentvolumeclaim "x" not found`, or `could not find
/// v1.PersistentVolumeClaim "namespace/x"` (both observed).
fn names_a_missing_claim(message: &str) -> bool {
    if message.contains("could not find v1.PersistentVolumeClaim") {
        return true;
    }
    let claims = message.split("persistentvolumeclaim \"").skip(1);
    claims.filter_map(|rest| rest.split_once('"')).any(|(_, rest)| rest.starts_with(" not found"))
}

/// A pod whose containers are not created yet, with the kubelet's event about its volumes.
fn not_mounted(observed: &Observed) -> Option<Diagnosis> {
    let waits = |pod: &&PodSeen| {
        let reason = pod.waiting.as_ref().map(|(reason, _)| reason.as_str());
        matches!(reason, Some("ContainerCreating" | "PodInitializing"))
    };
    let failed = |pod: &PodSeen| {
        let of_pod = |e: &&EventSeen| e.object == pod.name && e.reason == "FailedMount";
        observed.events.iter().rfind(of_pod)
    };
    let event = observed.pods.iter().filter(waits).find_map(failed)?;
    Some(Diagnosis {
        cause: Cause::VolumeNotMounted,
        says: format!("the node cannot mount a volume of {}: {}", event.object, event.message),
        evidence: vec![evidence("event", event.to_string())],
        remedy: "create the volume's source (a ConfigMap, a directory of the node) before the \
                 session, or correct its name"
            .into(),
    })
}

/// The first line of a pod's or the driver's log with one of the words.
fn line_with(observed: &Observed, words: &[&str]) -> Option<EvidenceItem> {
    let logs = observed.pods.iter().map(|p| (p.name.as_str(), p.log.as_str()));
    logs.chain([("driver log", observed.driver_log.as_str())]).find_map(|(name, log)| {
        let line = log.lines().find(|l| words.iter().any(|w| l.contains(w)))?;
        Some(evidence(name, line.trim()))
    })
}

fn passwd(observed: &Observed) -> Option<Diagnosis> {
    let line = line_with(observed, &["invalid null input: name", "UnixPrincipal"])?;
    Some(Diagnosis {
        cause: Cause::NoPasswdEntry,
        says: "executors cannot log in: their user id has no entry in the image's /etc/passwd"
            .into(),
        evidence: vec![line],
        remedy: "add an entry for the image's user, or make /etc/passwd writable by group 0 \
                 and let the entrypoint add one"
            .into(),
    })
}

/// Messages that only a JVM of another version prints.
const OTHER_VERSION: [&str; 5] = [
    "InvalidClassException",
    "local class incompatible",
    // Drivers of 3.0 set no resource profile, which later executors need.
    "NumberFormatException: For input string: \"\"",
    "IllegalArgumentException: too many arguments",
    // The main class of executors changed in 3.1.
    "Could not find or load main class org.apache.spark",
];

/// The line of an executor's log that shows another version. Such an executor does not end: it
/// waits two minutes for an answer that it cannot read (observed with 3.5.9 and a driver of 3.0.1).
pub fn other_version(log: &str) -> Option<&str> {
    log.lines().find(|line| OTHER_VERSION.iter().any(|words| line.contains(words)))
}

fn versions(observed: &Observed) -> Option<Diagnosis> {
    let line = line_with(observed, &OTHER_VERSION)?;
    Some(Diagnosis {
        cause: Cause::VersionMismatch,
        says: "driver and executors have different Spark, Scala or Java versions".into(),
        evidence: vec![line],
        remedy: format!("use a driver of the version in {}", observed.image),
    })
}

fn memory(observed: &Observed) -> Option<Diagnosis> {
    let pod = observed.pods.iter().find(|p| p.end_reason.as_deref() == Some("OOMKilled"))?;
    Some(Diagnosis {
        cause: Cause::OutOfMemory,
        says: "executors were killed for using more memory than their limit".into(),
        evidence: vec![evidence(&pod.name, pod.to_string())],
        remedy: "raise --executor-memory or spark.executor.memoryOverhead".into(),
    })
}

/// Messages of failed connections (Spark's `TransportClientFactory` and `RpcTimeout`). `Connecting
/// to driver: spark://…` is no failure: every executor logs it at its start.
static NOT_CONNECTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"Failed to connect to |Connecting to \S+ (timed out|failed)|UnknownHostException|Cannot receive any reply from ",
    )
    .expect("a valid expression")
});

/// The line of an executor's log that says that it did not reach the driver's host.
fn not_connected<'a>(observed: &Observed, pod: &'a PodSeen) -> Option<&'a str> {
    let driver = [&observed.driver_host, &observed.driver_address];
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
fn unreachable(observed: &Observed) -> Option<Diagnosis> {
    if observed.driver_gone {
        return None;
    }
    let line = observed
        .pods
        .iter()
        .filter(|pod| !pod.reached_driver())
        .find_map(|pod| Some(evidence(&pod.name, not_connected(observed, pod)?.trim())))?;
    Some(Diagnosis {
        cause: Cause::DriverUnreachable,
        says: format!("executors cannot reach the driver at {}", observed.driver_host),
        evidence: vec![line],
        remedy: to_be_reached(observed).into(),
    })
}

/// The remedy, which depends on the places of driver and cluster: sparkproof's container cannot join the
/// network of the user's cluster, and only a driver on this host has an address to choose.
fn to_be_reached(observed: &Observed) -> &'static str {
    match (observed.driver, observed.cluster_of_user) {
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

fn dying(observed: &Observed) -> Option<Diagnosis> {
    // Executors end with their driver, so the driver's end is the cause.
    let follows = |p: &PodSeen| {
        observed.driver_gone && (p.reached_driver() || not_connected(observed, p).is_some())
    };
    let ended =
        |p: &&PodSeen| (p.exit_code.is_some_and(|c| c != 0) || p.phase == "Failed") && !follows(p);
    let pod = observed.pods.iter().rfind(ended)?;
    Some(Diagnosis {
        cause: Cause::ExecutorsDie,
        says: format!("executors start and end: {pod}"),
        evidence: vec![evidence(&pod.name, last_lines(&pod.log, 12))],
        remedy: "read the executors' logs in the run directory".into(),
    })
}

fn driver(observed: &Observed) -> Option<Diagnosis> {
    observed.driver_gone.then(|| Diagnosis {
        cause: Cause::DriverEnded,
        says: observed.reason.clone(),
        evidence: vec![evidence("driver log", last_lines(&observed.driver_log, 12))],
        remedy: "read the driver's log in the run directory".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn pod(change: impl FnOnce(&mut PodSeen)) -> Observed {
        let mut pod = PodSeen { name: "x-exec-1".into(), ..PodSeen::default() };
        change(&mut pod);
        Observed {
            pods: vec![pod],
            reason: "the deadline passed".into(),
            image: "i:1".into(),
            driver_host: "192.0.2.2".into(),
            ..Observed::default()
        }
    }

    fn waiting(reason: &str) -> Observed {
        pod(|p| p.waiting = Some((reason.into(), "message".into())))
    }

    fn said(log: &str) -> Observed {
        pod(|p| p.log = format!("+ exec tini\n{log}\n"))
    }

    fn died_and_unscheduled() -> Observed {
        let mut observed = pod(|p| p.exit_code = Some(1));
        let unscheduled = Some("0/1 nodes are available: 1 Insufficient cpu.".into());
        observed.pods.push(PodSeen { unscheduled, ..PodSeen::default() });
        observed
    }

    fn unscheduled(message: &str) -> Observed {
        pod(|p| p.unscheduled = Some(message.into()))
    }

    fn failed_mount(reason: &str) -> Observed {
        let event = EventSeen {
            object: "x-exec-1".into(),
            reason: "FailedMount".into(),
            message: "MountVolume.SetUp failed for volume \"d\" : configmap \"d\" not found".into(),
            count: 3,
        };
        Observed { events: vec![event], ..waiting(reason) }
    }

    fn driver_said(log: &str) -> Observed {
        Observed { driver_log: log.into(), ..pod(|_| {}) }
    }

    #[rstest]
    #[case(Observed { context_master: Some("local[*]".into()), ..pod(|_| {}) }, Cause::LocalMaster)]
    #[case(driver_said(r#"pods is forbidden: User "system:serviceaccount:s:a" cannot create resource "pods" in API group"#), Cause::MissingVerb)]
    #[case(
        driver_said("Received 403 on websocket. Failure executing: GET at: …"),
        Cause::MissingVerb
    )]
    #[case(Observed { reason: "the driver failed at Start: IllegalStateException: LiveListenerBus is stopped.".into(), ..pod(|_| {}) }, Cause::OtherSession)]
    #[case(
        driver_said(
            "cannot access class sun.nio.ch.DirectBuffer (in module java.base) because module java.base does not export sun.nio.ch"
        ),
        Cause::ClosedModules
    )]
    // A stop is no other session.
    #[case(driver_said("INFO SparkContext: Successfully stopped SparkContext"), Cause::Unknown)]
    #[case(waiting("ErrImageNeverPull"), Cause::ImageNeverPulled)]
    #[case(waiting("ErrImagePull"), Cause::WrongImage)]
    #[case(waiting("ImagePullBackOff"), Cause::WrongImage)]
    #[case(waiting("CreateContainerError"), Cause::ContainerNotCreated)]
    #[case(waiting("CreateContainerConfigError"), Cause::ContainerNotCreated)]
    #[case(pod(|p| p.unscheduled = Some("0/1 nodes are available: 1 Insufficient cpu.".into())), Cause::InsufficientCpu)]
    #[case(pod(|p| p.unscheduled = Some("0/1 nodes are available: 1 Insufficient memory.".into())), Cause::InsufficientMemory)]
    #[case(pod(|p| p.unscheduled = Some("0/1 nodes are available: 1 node(s) had untolerated taint".into())), Cause::Unschedulable)]
    #[case(
        unscheduled(
            r#"0/1 nodes are available: persistentvolumeclaim "nopvc" not found. preemption: 0/1"#
        ),
        Cause::MissingClaim
    )]
    #[case(
        unscheduled(
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
        ),
        Cause::Unschedulable
    )]
    #[case(failed_mount("ContainerCreating"), Cause::VolumeNotMounted)]
    #[case(failed_mount("PodInitializing"), Cause::VolumeNotMounted)]
    #[case(
        driver_said(r#"User "u" cannot create resource "persistentvolumeclaims""#),
        Cause::MissingVerb
    )]
    #[case(
        said(
            "javax.security.auth.login.LoginException: java.lang.NullPointerException: invalid null input: name"
        ),
        Cause::NoPasswdEntry
    )]
    #[case(
        said("java.io.InvalidClassException: X; local class incompatible: stream classdesc"),
        Cause::VersionMismatch
    )]
    #[case(
        said(
            "Error: Could not find or load main class org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
        ),
        Cause::VersionMismatch
    )]
    #[case(
        said("Caused by: java.io.IOException: Failed to connect to /192.0.2.2:41233"),
        Cause::DriverUnreachable
    )]
    #[case(pod(|p| { p.exit_code = Some(137); p.end_reason = Some("OOMKilled".into()) }), Cause::OutOfMemory)]
    #[case(pod(|p| p.exit_code = Some(1)), Cause::ExecutorsDie)]
    #[case(Observed { reason: "in whatever words".into(), driver_gone: true, ..Observed::default() }, Cause::DriverEnded)]
    #[case(Observed { reason: "the driver closed its channel".into(), ..Observed::default() }, Cause::Unknown)]
    #[case(died_and_unscheduled(), Cause::ExecutorsDie)]
    // What is missing for cleaning up does not hide why executors die.
    #[case(Observed { driver_log: r#"User "u" cannot delete resource "pods""#.into(), ..said("java.io.IOException: Failed to connect to /192.0.2.2:41233") }, Cause::DriverUnreachable)]
    #[case(driver_said(r#"User "u" cannot delete resource "pods""#), Cause::MissingVerb)]
    // Negative controls: similar lines that mean nothing.
    #[case(Observed { context_master: Some("k8s://https://x".into()), ..pod(|_| {}) }, Cause::Unknown)]
    #[case(waiting("ContainerCreating"), Cause::Unknown)]
    #[case(waiting("PodInitializing"), Cause::Unknown)]
    #[case(pod(|p| p.exit_code = Some(0)), Cause::Unknown)]
    #[case(said("INFO NettyUtils: Successfully connected"), Cause::Unknown)]
    #[case(driver_said("WARN TaskSetManager: Failed to connect to /10.0.0.1:1"), Cause::Unknown)]
    fn causes_are_named(#[case] observed: Observed, #[case] cause: Cause) {
        let diagnosis = diagnose(&observed);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(!diagnosis.remedy.is_empty() && !diagnosis.says.is_empty());
    }

    /// Lines that every executor of Spark 3.5 logs (default log configuration).
    const HEALTHY: &str = "\
        INFO TransportClientFactory: Successfully created connection to /10.0.0.9:7078 after 52 ms\n\
        INFO CoarseGrainedExecutorBackend: Connecting to driver: spark://CoarseGrainedScheduler@10.0.0.9:7078\n";

    /// One executor of several came; `others` did not.
    fn one_came(others: impl IntoIterator<Item = PodSeen>) -> Observed {
        let mut observed = said(HEALTHY);
        observed.pods[0].registered = true;
        observed.pods.extend(others);
        observed
    }

    fn other(change: impl FnOnce(&mut PodSeen)) -> PodSeen {
        let mut pod = PodSeen { name: "x-exec-2".into(), ..PodSeen::default() };
        change(&mut pod);
        pod
    }

    fn no_room() -> PodSeen {
        other(|p| p.unscheduled = Some("0/1 nodes are available: 1 Insufficient cpu.".into()))
    }

    fn cannot_mount() -> Observed {
        let event = EventSeen {
            object: "x-exec-2".into(),
            reason: "FailedMount".into(),
            message: "MountVolume.SetUp failed for volume \"d\"".into(),
            count: 3,
        };
        let waits = |p: &mut PodSeen| p.waiting = Some(("ContainerCreating".into(), String::new()));
        Observed { events: vec![event], ..one_came([other(waits)]) }
    }

    fn ended_with_its_driver() -> Observed {
        let mut observed = one_came([]);
        observed.pods[0].exit_code = Some(1);
        Observed { reason: "in whatever words".into(), driver_gone: true, ..observed }
    }

    #[rstest]
    #[case::room_for_one_of_two(one_came([no_room()]), Cause::InsufficientCpu)]
    // Also while Spark's list could not be read yet.
    #[case::not_listed_yet(
        { let mut o = said(HEALTHY); o.pods.push(no_room()); o },
        Cause::InsufficientCpu
    )]
    #[case::one_dies(one_came([other(|p| { p.exit_code = Some(1); p.log = HEALTHY.into() })]), Cause::ExecutorsDie)]
    #[case::one_cannot_mount(cannot_mount(), Cause::VolumeNotMounted)]
    #[case::the_driver_went(ended_with_its_driver(), Cause::DriverEnded)]
    #[case::only_the_deadline(one_came([other(|p| p.phase = "Running".into())]), Cause::Unknown)]
    // One that does not reach the driver is named although another did.
    #[case::one_is_cut_off(
        one_came([other(|p| p.log = "java.io.IOException: Connecting to /192.0.2.2:7078 timed out (120000 ms)".into())]),
        Cause::DriverUnreachable
    )]
    #[case::no_answer(
        said(
            "org.apache.spark.rpc.RpcTimeoutException: Cannot receive any reply from 192.0.2.2:7078 in 120 seconds"
        ),
        Cause::DriverUnreachable
    )]
    // What one that came loses later is not the way to the driver.
    #[case::lost_a_peer(
        { let mut o = one_came([]); o.pods[0].log += "ERROR RetryingBlockTransferor: Failed to connect to /10.0.0.7:1\n"; o },
        Cause::Unknown
    )]
    fn what_befell_the_others_is_named_when_one_executor_came(
        #[case] observed: Observed,
        #[case] cause: Cause,
    ) {
        let diagnosis = diagnose(&observed);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
    }

    fn with_driver(log: &str, host: &str, ended: bool) -> Observed {
        Observed { driver_host: host.into(), driver_gone: ended, ..said(log) }
    }

    #[rstest]
    #[case("IOException: Failed to connect to /10.0.0.1:7078", "10.0.0.1", true)]
    #[case("IOException: Failed to connect to node/10.0.0.1:7078", "10.0.0.1", true)]
    #[case("UnknownHostException: s-driver.team.svc", "s-driver.team.svc", true)]
    // The executor's own name, and others'.
    #[case("UnknownHostException: x-exec-1: x-exec-1: Name not known", "10.0.0.1", false)]
    #[case("UnknownHostException: store.team.svc", "s-driver.team.svc", false)]
    #[case("IOException: Failed to connect to /10.0.0.10:7078", "10.0.0.1", false)]
    #[case("IOException: Failed to connect to /210.0.0.1:7078", "10.0.0.1", false)]
    #[case("IOException: Failed to connect to /10.0.0.1:7078", "", false)]
    fn only_the_way_to_the_driver_makes_it_unreachable(
        #[case] log: &str,
        #[case] host: &str,
        #[case] expected: bool,
    ) {
        let diagnosis = diagnose(&with_driver(log, host, false));
        assert_eq!(diagnosis.cause == Cause::DriverUnreachable, expected, "{diagnosis}");
        let mut observed = with_driver(log, "s-driver.other.svc", false);
        observed.driver_address = host.into();
        let diagnosis = diagnose(&observed);
        assert_eq!(diagnosis.cause == Cause::DriverUnreachable, expected, "{diagnosis}");
    }

    /// Its executors may have ended by then, or still look for it.
    #[test]
    fn a_driver_that_ended_is_not_unreachable() {
        let log = "java.io.IOException: Failed to connect to /192.0.2.2:41233";
        for exit_code in [None, Some(1)] {
            let mut observed = with_driver(log, "192.0.2.2", true);
            observed.pods[0].exit_code = exit_code;
            let diagnosis = diagnose(&observed);
            assert_eq!(diagnosis.cause, Cause::DriverEnded, "{diagnosis}");
        }
    }

    #[test]
    fn a_missing_verb_says_who_and_what() {
        let text = r#"User "u" cannot deletecollection resource "pods" in API group "" User "u" cannot deletecollection resource "pods""#;
        let missing = missing_verbs(text);
        assert_eq!(missing.len(), 1);
        assert_eq!(missing[0].to_string(), "u may not deletecollection pods");
    }

    /// What is offered is not refused with `--kubeconfig`, and means something where the driver is.
    #[rstest]
    #[case(DriverPlace::Host, false, &["--driver-host with", "--driver container", "--driver pod"], &[])]
    #[case(DriverPlace::Host, true, &["--driver-host with", "--driver pod"], &["container"])]
    #[case(DriverPlace::Container, false, &["without --driver-host", "--driver pod"], &["--driver container"])]
    #[case(DriverPlace::Pod, false, &["without --driver-host", "NetworkPolicy"], &["--driver container", "--driver pod"])]
    #[case(DriverPlace::Pod, true, &["without --driver-host", "NetworkPolicy"], &["container", "--driver pod"])]
    fn a_remedy_fits_the_drivers_place_and_the_cluster(
        #[case] driver: DriverPlace,
        #[case] cluster_of_user: bool,
        #[case] offered: &[&str],
        #[case] refused: &[&str],
    ) {
        let log = "java.io.IOException: Failed to connect to /192.0.2.2:41233";
        let remedy = diagnose(&Observed { driver, cluster_of_user, ..said(log) }).remedy;
        assert!(offered.iter().all(|words| remedy.contains(words)), "{remedy}");
        assert!(!refused.iter().any(|words| remedy.contains(words)), "{remedy}");
    }

    #[test]
    fn events_that_could_not_be_listed_are_said_to_be_so() {
        let events_unseen = Some("could not be listed: events is forbidden".to_owned());
        for observed in [pod(|_| {}), waiting("ErrImagePull")] {
            let observed = Observed { events_unseen: events_unseen.clone(), ..observed };
            let evidence = diagnose(&observed).evidence;
            let events = evidence.iter().find(|e| e.name == "events").expect("said");
            assert_eq!(events.text, "could not be listed: events is forbidden");
        }
    }

    #[test]
    fn what_a_container_is_configured_with_and_is_not_there_is_quoted() {
        let mut observed = waiting("CreateContainerConfigError");
        observed.pods[0].waiting =
            Some(("CreateContainerConfigError".into(), r#"secret "keys" not found"#.into()));
        let diagnosis = diagnose(&observed);
        assert!(diagnosis.says.ends_with(r#"secret "keys" not found"#), "{diagnosis}");
        assert!(diagnosis.evidence[0].text.contains("keys"), "{diagnosis}");
        assert!(diagnosis.remedy.contains("make the Secret"), "{}", diagnosis.remedy);
    }
}
