//! The rules on small pieces of evidence.

use rstest::rstest;
use sparkproof_base::events::Looked;
use sparkproof_base::verdict::Cause;
use sparkproof_catalog::plan::DriverPlace;

use super::testing::{event, pod, said, unscheduled, waiting};
use super::*;

fn died_and_unscheduled() -> Evidence {
    let mut evidence = pod(|p| p.ends(1, "Error"));
    let mut other = PodFacts { name: "x-exec-2".into(), ..PodFacts::default() };
    other.has_no_node("0/1 nodes are available: 1 Insufficient cpu.");
    evidence.pods.push(other);
    evidence
}

fn failed_mount(reason: &str) -> Evidence {
    let message = "MountVolume.SetUp failed for volume \"d\" : configmap \"d\" not found";
    let events = Looked::Seen(vec![event("x-exec-1", "FailedMount", message)]);
    Evidence { events, ..waiting(reason) }
}

fn driver_said(log: &str) -> Evidence {
    driver(|driver| driver.log = log.into())
}

fn driver(change: impl FnOnce(&mut DriverFacts)) -> Evidence {
    let mut evidence = pod(|_| {});
    change(&mut evidence.driver);
    evidence
}

#[rstest]
#[case(driver(|d| d.context_master = Some("local[*]".into())), Cause::LocalMaster)]
#[case(driver_said(r#"pods is forbidden: User "system:serviceaccount:s:a" cannot create resource "pods" in API group"#), Cause::MissingVerb)]
#[case(driver_said("Received 403 on websocket. Failure executing: GET at: …"), Cause::MissingVerb)]
#[case(driver(|d| d.reason = "the driver failed at Start: IllegalStateException: LiveListenerBus is stopped.".into()), Cause::OtherSession)]
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
#[case(unscheduled("0/1 nodes are available: 1 Insufficient cpu."), Cause::InsufficientCpu)]
#[case(unscheduled("0/1 nodes are available: 1 Insufficient memory."), Cause::InsufficientMemory)]
#[case(unscheduled("0/1 nodes are available: 1 node(s) had untolerated taint"), Cause::Taint)]
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
    Cause::ClaimPending
)]
#[case(failed_mount("ContainerCreating"), Cause::ConfigMapMissing)]
#[case(failed_mount("PodInitializing"), Cause::ConfigMapMissing)]
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
#[case(pod(|p| p.ends(137, "OOMKilled")), Cause::OutOfMemory)]
#[case(pod(|p| p.ends(1, "Error")), Cause::ExecutorsDie)]
#[case(Evidence { pods: Vec::new(), ..driver(|d| { d.reason = "in whatever words".into(); d.gone = true; }) }, Cause::DriverEnded)]
#[case(Evidence { pods: Vec::new(), ..driver(|d| d.reason = "the driver closed its channel".into()) }, Cause::Unknown)]
#[case(died_and_unscheduled(), Cause::ExecutorsDie)]
// What is missing for cleaning up does not hide why executors die.
#[case(Evidence { driver: driver_said(r#"User "u" cannot delete resource "pods""#).driver, ..said("java.io.IOException: Failed to connect to /192.0.2.2:41233") }, Cause::DriverUnreachable)]
#[case(driver_said(r#"User "u" cannot delete resource "pods""#), Cause::MissingVerb)]
// Negative controls: similar lines that mean nothing.
#[case(driver(|d| d.context_master = Some("k8s://https://x".into())), Cause::Unknown)]
#[case(waiting("ContainerCreating"), Cause::Unknown)]
#[case(waiting("PodInitializing"), Cause::Unknown)]
#[case(pod(|p| p.ends(0, "Completed")), Cause::Unknown)]
#[case(said("INFO NettyUtils: Successfully connected"), Cause::Unknown)]
#[case(driver_said("WARN TaskSetManager: Failed to connect to /10.0.0.1:1"), Cause::Unknown)]
fn causes_are_named(#[case] evidence: Evidence, #[case] cause: Cause) {
    let diagnosis = diagnose(&evidence);
    assert_eq!(diagnosis.cause, cause, "{diagnosis}");
    assert!(!diagnosis.remedy.is_empty() && !diagnosis.says.is_empty());
}

/// Lines that every executor of Spark 3.5 logs (default log configuration).
const HEALTHY: &str = "\
    INFO TransportClientFactory: Successfully created connection to /10.0.0.9:7078 after 52 ms\n\
    INFO CoarseGrainedExecutorBackend: Connecting to driver: spark://CoarseGrainedScheduler@10.0.0.9:7078\n";

/// One executor of several came; `others` did not.
fn one_came(others: impl IntoIterator<Item = PodFacts>) -> Evidence {
    let mut evidence = said(HEALTHY);
    evidence.pods[0].registered = true;
    evidence.pods.extend(others);
    evidence
}

fn other(change: impl FnOnce(&mut PodFacts)) -> PodFacts {
    let mut pod = PodFacts { name: "x-exec-2".into(), ..PodFacts::default() };
    change(&mut pod);
    pod
}

fn no_room() -> PodFacts {
    other(|p| p.has_no_node("0/1 nodes are available: 1 Insufficient cpu."))
}

fn cannot_mount() -> Evidence {
    let event = event("x-exec-2", "FailedMount", "MountVolume.SetUp failed for volume \"d\"");
    let waits = |p: &mut PodFacts| p.waits("ContainerCreating", "");
    Evidence { events: Looked::Seen(vec![event]), ..one_came([other(waits)]) }
}

fn ended_with_its_driver() -> Evidence {
    let mut evidence = one_came([]);
    evidence.pods[0].ends(1, "Error");
    evidence.driver.reason = "in whatever words".into();
    evidence.driver.gone = true;
    evidence
}

#[rstest]
#[case::room_for_one_of_two(one_came([no_room()]), Cause::InsufficientCpu)]
// Also while Spark's list could not be read yet.
#[case::not_listed_yet(
    { let mut o = said(HEALTHY); o.pods.push(no_room()); o },
    Cause::InsufficientCpu
)]
#[case::one_dies(one_came([other(|p| { p.ends(1, "Error"); p.log = HEALTHY.into() })]), Cause::ExecutorsDie)]
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
    #[case] evidence: Evidence,
    #[case] cause: Cause,
) {
    let diagnosis = diagnose(&evidence);
    assert_eq!(diagnosis.cause, cause, "{diagnosis}");
}

fn with_driver(log: &str, host: &str, ended: bool) -> Evidence {
    let mut evidence = said(log);
    evidence.asked.driver_host = host.into();
    evidence.driver.gone = ended;
    evidence
}

#[rstest]
#[case("IOException: Failed to connect to /10.0.0.1:7078", "10.0.0.1", true)]
#[case("IOException: Failed to connect to node/10.0.0.1:7078", "10.0.0.1", true)]
#[case("IOException: Failed to connect to s-driver.team.svc:7078", "s-driver.team.svc", true)]
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
    let mut evidence = with_driver(log, "s-driver.other.svc", false);
    evidence.asked.driver_address = host.into();
    let diagnosis = diagnose(&evidence);
    assert_eq!(diagnosis.cause == Cause::DriverUnreachable, expected, "{diagnosis}");
}

/// Its executors may have ended by then, or still look for it.
#[test]
fn a_driver_that_ended_is_not_unreachable() {
    let log = "java.io.IOException: Failed to connect to /192.0.2.2:41233";
    for exit_code in [None, Some(1)] {
        let mut evidence = with_driver(log, "192.0.2.2", true);
        if let Some(code) = exit_code {
            evidence.pods[0].ends(code, "Error");
        }
        let diagnosis = diagnose(&evidence);
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
    let mut evidence = said(log);
    evidence.asked = Asked { driver, cluster_of_user, ..evidence.asked };
    let remedy = diagnose(&evidence).remedy;
    assert!(offered.iter().all(|words| remedy.contains(words)), "{remedy}");
    assert!(!refused.iter().any(|words| remedy.contains(words)), "{remedy}");
}

#[test]
fn events_that_could_not_be_listed_are_said_to_be_so() {
    let unseen = "could not be listed: events is forbidden";
    for evidence in [pod(|_| {}), waiting("ErrImagePull")] {
        let evidence = Evidence { events: Looked::Unseen(unseen.to_owned()), ..evidence };
        let items = diagnose(&evidence).evidence;
        let events = items.iter().find(|e| e.name == "events").expect("said");
        assert_eq!(events.text, "could not be listed: events is forbidden");
    }
}

#[test]
fn what_a_container_is_configured_with_and_is_not_there_is_quoted() {
    let mut evidence = waiting("CreateContainerConfigError");
    evidence.pods[0].waits("CreateContainerConfigError", r#"secret "keys" not found"#);
    let diagnosis = diagnose(&evidence);
    assert_eq!(diagnosis.cause, Cause::SecretMissing, "{diagnosis}");
    assert!(diagnosis.says.contains("the Secret keys"), "{diagnosis}");
    assert!(diagnosis.evidence[0].text.contains("keys"), "{diagnosis}");
    assert!(diagnosis.remedy.contains("make the Secret"), "{}", diagnosis.remedy);
}
