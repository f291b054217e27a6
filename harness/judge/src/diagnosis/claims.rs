//! Claims and volumes.

mod mounts;

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use self::mounts::{LATER, MENDS, MOUNTS, ONE_EACH};
use super::evidence::{Claim, EventFacts, Evidence, PodFacts};
use super::finding::{Ends, Finding, PodRule};

pub(super) const POD: &[PodRule] = &[missing, lost, one_at_a_time, elsewhere, unbound, not_mounted];

/// Seconds after which a claim that waits for its pod has what it waits for.
const BOUND_BY: u64 = 10;

fn missing(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled().filter(|message| names_a_missing_claim(message))?;
    // One that Spark creates on demand, after the pod (`<pod>-pvc-0`), or one of its StatefulSet
    // (`<template>-<pod>`), which the scheduler may see after the pod.
    let own = message.contains(&pod.name);
    let says = if message.contains("is being deleted") {
        "it mounts a PersistentVolumeClaim that is being deleted"
    } else {
        "it mounts a PersistentVolumeClaim that does not exist"
    };
    Some(
        Finding::new(
            Cause::MissingClaim,
            format!("{says}: {message}"),
            "create the claim in the session's namespace, or correct its name in \
             spark.kubernetes.executor.volumes.persistentVolumeClaim.*.options.claimName",
        )
        .of(pod)
        .because(&pod.name, message)
        .ends(if own { Ends::AtDeadline } else { Ends::IfItStays }),
    )
}

/// Matches the scheduler's messages: `persistentvolumeclaim "x" not found` or `… is being deleted`
/// (`volume_binding.go`), or `could not find v1.PersistentVolumeClaim "namespace/x"`.
fn names_a_missing_claim(message: &str) -> bool {
    if message.contains("could not find v1.PersistentVolumeClaim") {
        return true;
    }
    let claims = message.split("persistentvolumeclaim \"").skip(1);
    claims
        .filter_map(|rest| rest.split_once('"'))
        .any(|(_, rest)| rest.starts_with(" not found") || rest.starts_with(" is being deleted"))
}

/// A claim whose volume is gone (`volume_binding.go`, `volume_zone.go`, `binder.go`).
fn lost(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled().unwrap_or_default();
    let words = ["bound to non-existent p", "persistentvolume \""];
    let scheduler = words.iter().any(|words| message.contains(words));
    let claim = claims(evidence, pod).find(|claim| claim.phase == "Lost");
    if pod.node.is_some() || (!scheduler && claim.is_none()) {
        return None;
    }
    let what =
        claim.map_or_else(|| message.to_owned(), |claim| format!("claim {} is Lost", claim.name));
    let finding = Finding::new(
        Cause::ClaimLost,
        format!("the volume of one of its claims is gone: {what}"),
        "make the claim anew (its data are lost), or restore its PersistentVolume",
    );
    Some(finding.of(pod).because(&pod.name, what).ends(Ends::IfItStays))
}

/// A volume that another pod holds: `ReadWriteOncePod` and exclusive disks at the scheduler
/// (`volume_restrictions.go`).
fn one_at_a_time(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled()?;
    let words = ["ReadWriteOncePod", "node(s) had no available disk"];
    words.iter().find(|words| message.contains(*words))?;
    let finding = Finding::new(
        Cause::SingleNodeClaim,
        format!(
            "its claim {} can be used by one pod at a time, and another pod has it: {message}",
            pod.claims.join(", ")
        ),
        ONE_EACH,
    );
    Some(finding.of(pod).because(&pod.name, message).ends(Ends::IfItStays))
}

static OTHERWISE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(\d+) (?:Insufficient \S|Too many pods|node\(s\) (?:were unschedulable|didn't match Pod's))",
    )
    .expect("a valid expression")
});
static ELSEWHERE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(\d+ )?(?:node\(s\) had volume node affinity conflict|node\(s\) didn't match PersistentVolume's node affinity|node\(s\) had no available volume zone|node affinity doesn't match node|plugin\(s\) \[[^\]]*VolumeBinding)",
    )
    .expect("a valid expression")
});

/// A volume of other nodes (`binder.go`, `volume_zone.go`), unless more nodes lack something else.
fn elsewhere(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = pod.unscheduled()?;
    let number = |text: &str| text.trim().parse::<usize>().unwrap_or(0);
    let of_volume = ELSEWHERE.captures(message)?.get(1).map_or(usize::MAX, |m| number(m.as_str()));
    if OTHERWISE.captures_iter(message).any(|found| number(&found[1]) > of_volume) {
        return None;
    }
    // One that stands on the node of another pod of the session, and no other may have.
    let shared = claims(evidence, pod)
        .filter(|claim| !claim.modes.is_empty() && claim.modes.iter().all(|m| m == "ReadWriteOnce"))
        .find_map(|claim| {
            let holds = |other: &&PodFacts| {
                other.name != pod.name && other.node.is_some() && other.claims.contains(&claim.name)
            };
            let other = evidence.pods.iter().find(holds)?;
            Some((claim, other))
        });
    let finding = match shared {
        Some((claim, other)) => Finding::new(
            Cause::SingleNodeClaim,
            format!(
                "claim {} is ReadWriteOnce and its volume is on {}, where {} is: {message}",
                claim.name,
                other.node.as_deref().unwrap_or("another node"),
                other.name
            ),
            ONE_EACH,
        ),
        None => Finding::new(
            Cause::VolumeElsewhere,
            format!("its volume can be used on other nodes only: {message}"),
            "let it run where the volume is: see nodeAffinity of the PersistentVolume, its zone and \
             whether those nodes are open and have room; or use a claim whose volume every node \
             reaches",
        ),
    };
    Some(finding.of(pod).because(&pod.name, message).ends(Ends::IfItStays))
}

fn claims<'a>(evidence: &'a Evidence, pod: &PodFacts) -> impl Iterator<Item = &'a Claim> {
    let all = evidence.around.claims.seen().into_iter().flatten();
    let names = pod.claims.clone();
    all.filter(move |claim| names.contains(&claim.name))
}

/// Words of the scheduler for claims that are not bound yet (`volume_binding.go`, `binder.go`).
const UNBOUND: [&str; 6] = [
    "unbound immediate PersistentVolumeClaims",
    "didn't find available persistent volumes to bind",
    "did not have enough free storage",
    "binding volumes: ",
    "provisioning failed for PVC",
    "waiting for ephemeral volume controller",
];

/// A claim that is not bound. The scheduler waits for the volume of one that waits for its first
/// pod, and meanwhile says nothing.
fn unbound(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let message = match pod.unscheduled() {
        Some(message) => UNBOUND.iter().any(|words| message.contains(words)).then_some(message)?,
        None => "",
    };
    let silent = message.is_empty();
    let waits =
        pod.phase == "Pending" && pod.node.is_none() && pod.condition("PodScheduled").is_none();
    if silent && !(waits && pod.age.is_some_and(|age| age >= BOUND_BY)) {
        return None;
    }
    let claim = claims(evidence, pod).find(|claim| claim.phase == "Pending");
    let names = match claim {
        Some(claim) => vec![claim.name.clone()],
        // Bound by now.
        None if silent || evidence.around.claims.seen().is_some_and(|_| !pod.claims.is_empty()) => {
            return None;
        }
        None => pod.claims.clone(),
    };
    let told = |event: &&EventFacts| {
        event.kind == "PersistentVolumeClaim" && names.contains(&event.object) && {
            // Healthy: it waits for its pod.
            !matches!(&*event.reason, "WaitForFirstConsumer" | "WaitForPodScheduled")
        }
    };
    // The controller says again and again that it waits, also after the provisioner has said why not.
    let all = || evidence.events().iter().filter(told);
    let refused = all().rfind(|event| event.reason == "ProvisioningFailed");
    let event = refused.or(all().next_back());
    if silent && event.is_none() {
        return None;
    }
    let failed = event.filter(|event| event.reason != "Provisioning");
    let name = names.first().map_or("", String::as_str);
    let class = claim.and_then(|claim| claim.class.as_deref()).filter(|class| !class.is_empty());
    let (cause, says, remedy) = pending(
        evidence,
        name,
        class,
        failed.map_or(("", ""), |event| (&event.reason, &event.message)),
        message,
    );
    let own = name.contains(&pod.name) || message.contains("ephemeral volume controller");
    let on_the_way = failed.is_none_or(|event| event.reason == "ExternalProvisioning");
    // The controller that binds claims to volumes looks again every 15 s (`pv_controller.go`).
    let waits = (own || silent) && on_the_way;
    let ends = if waits { Ends::AtDeadline } else { Ends::IfItStaysLong };
    let finding = Finding::new(cause, says, remedy).of(pod);
    let finding = if silent { finding } else { finding.because(&pod.name, message) };
    Some(finding.events(event).ends(ends))
}

/// Why a claim is pending, by the volume controller's event (`pv_controller.go`) or the
/// provisioner's.
fn pending(
    evidence: &Evidence,
    claim: &str,
    class: Option<&str>,
    (reason, words): (&str, &str),
    scheduler: &str,
) -> (Cause, String, String) {
    let classes = evidence.around.classes.seen();
    let unknown = class.filter(|class| classes.is_some_and(|all| !all.contains_key(*class)));
    let there = classes.map(|all| all.keys().cloned().collect::<Vec<_>>().join(", "));
    let no_class = words.contains("storageclass.storage.k8s.io") && words.contains("not found");
    if no_class || unknown.is_some() {
        let there = there.filter(|t| !t.is_empty()).map(|t| format!("; there are: {t}"));
        return (
            Cause::ClaimPending,
            format!(
                "claim {claim} is not bound: its StorageClass {} does not exist{}",
                class.unwrap_or_default(),
                there.unwrap_or_default()
            ),
            "name a StorageClass that exists \
             (spark.kubernetes.executor.volumes.persistentVolumeClaim.*.options.storageClass), or \
             make it"
                .to_owned(),
        );
    }
    if reason == "ProvisioningFailed" || scheduler.contains("provisioning failed for PVC") {
        let words = if words.is_empty() { scheduler } else { words };
        return (
            Cause::ProvisioningFailed,
            format!("the volume of claim {claim} cannot be provided: {words}"),
            "see what the provisioner says: an access mode that it cannot provide, a size, a quota \
             or its permissions; correct the claim or its StorageClass"
                .to_owned(),
        );
    }
    if scheduler.contains("did not have enough free storage") {
        return (
            Cause::ProvisioningFailed,
            format!("no node has enough free storage for claim {claim}"),
            "ask for less (…options.sizeLimit), or add storage".to_owned(),
        );
    }
    let remedy = match reason {
        "ExternalProvisioning" => {
            "see whether the provisioner that it names runs, or make a PersistentVolume for it"
        }
        _ => {
            "make a PersistentVolume that fits the claim (class, size, access mode), or name a \
             StorageClass that provides one"
        }
    };
    let why = [words, scheduler].into_iter().find(|words| !words.is_empty()).unwrap_or("no volume");
    (Cause::ClaimPending, format!("claim {claim} is not bound: {why}"), remedy.to_owned())
}

/// Events that come before a pod's sandbox is made, and such that show that its volumes are there.
const OF_VOLUMES: [&str; 3] = ["FailedMount", "FailedAttachVolume", "FailedMapVolume"];
const AFTER_VOLUMES: [&str; 6] =
    ["Pulling", "Pulled", "Created", "Started", "FailedCreatePodSandBox", "BackOff"];

/// A pod whose containers are not created yet, with the kubelet's event about its volumes.
fn not_mounted(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let creating = ["ContainerCreating", "PodInitializing"];
    pod.waiting().find(|(_, waits)| creating.contains(&&*waits.reason))?;
    let of_volumes = |event: &&EventFacts| OF_VOLUMES.contains(&&*event.reason);
    let all: Vec<&EventFacts> = evidence
        .events_of(&pod.name)
        .filter(|event| of_volumes(event) || AFTER_VOLUMES.contains(&&*event.reason))
        .collect();
    // A later try succeeded.
    let last = all.last().copied().filter(of_volumes)?;
    // The sum of several says only that it took too long (`volume_manager.go`).
    let says_why = |event: &&&EventFacts| {
        of_volumes(event) && !event.message.starts_with("Unable to attach or mount volumes")
    };
    let event = all.iter().rfind(says_why).copied().unwrap_or(last);
    let words = event.message.to_lowercase();
    let found = MOUNTS.iter().find(|(any, ..)| any.iter().any(|one| words.contains(one)));
    let (cause, says, remedy) = found.map_or(
        (
            Cause::VolumeNotMounted,
            "the node cannot mount one of its volumes",
            "create the volume's source (a ConfigMap, a directory of the node) before the session, \
             or correct its name",
        ),
        |(_, cause, says, remedy)| (*cause, *says, *remedy),
    );
    let finding = Finding::new(cause, format!("{says}: {}", event.message), remedy).of(pod);
    let mends = found.is_none() || MENDS.iter().any(|late| words.contains(late));
    let ends = match mends {
        true => Ends::AtDeadline,
        false if LATER.iter().any(|later| words.contains(later)) => Ends::IfItStaysLong,
        false => Ends::IfItStays,
    };
    Some(finding.events([event]).ends(ends))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use sparkproof_base::events::Looked;

    use super::*;
    use crate::diagnosis::diagnose;
    use crate::diagnosis::testing::{event, pod, unscheduled, waiting};

    const IMMEDIATE: &str = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";

    fn claim(phase: &str, class: &str) -> Claim {
        Claim {
            name: "data".into(),
            phase: phase.into(),
            class: (!class.is_empty()).then(|| class.into()),
            modes: vec!["ReadWriteOnce".into()],
        }
    }

    /// The claim `data` of the pod, and its last event.
    fn with(mut evidence: Evidence, claim: Claim, told: Option<(&str, &str)>) -> Evidence {
        evidence.pods[0].claims = vec![claim.name.clone()];
        let told = told.map(|(reason, message)| EventFacts {
            kind: "PersistentVolumeClaim".into(),
            ..event(&claim.name, reason, message)
        });
        evidence.events = Looked::Seen(told.into_iter().collect());
        evidence.around.classes =
            Looked::Seen([("standard".to_owned(), "rancher.io/local-path".to_owned())].into());
        evidence.around.claims = Looked::Seen(vec![claim]);
        evidence
    }

    /// The scheduler waits for the volume, and says nothing meanwhile.
    fn silent(age: u64) -> Evidence {
        pod(|pod| {
            pod.phase = "Pending".into();
            pod.age = Some(age);
        })
    }

    #[rstest]
    #[case(
        unscheduled("0/1 nodes are available: persistentvolumeclaim \"data\" not found."),
        Cause::MissingClaim,
        "does not exist"
    )]
    #[case(unscheduled("persistentvolumeclaim \"data\" not found"), Cause::MissingClaim, "data")]
    #[case(
        unscheduled("could not find v1.PersistentVolumeClaim \"team/data\""),
        Cause::MissingClaim,
        "team/data"
    )]
    #[case(
        unscheduled("0/1 nodes are available: persistentvolumeclaim \"data\" is being deleted."),
        Cause::MissingClaim,
        "being deleted"
    )]
    #[case(
        unscheduled(
            "0/1 nodes are available: persistentvolumeclaim \"data\" bound to non-existent persistentvolume \"pv\"."
        ),
        Cause::ClaimLost,
        "pv"
    )]
    #[case(
        unscheduled(
            "0/1 nodes are available: 1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)."
        ),
        Cause::ClaimLost,
        "gone"
    )]
    #[case(
        with(unscheduled(IMMEDIATE), claim("Lost", ""), None),
        Cause::ClaimLost,
        "claim data is Lost"
    )]
    #[case(
        unscheduled(
            "0/2 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode, 1 node(s) had untolerated taint(s)."
        ),
        Cause::SingleNodeClaim,
        "one pod at a time"
    )]
    #[case(
        unscheduled(
            "0/1 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod."
        ),
        Cause::SingleNodeClaim,
        "one pod"
    )]
    #[case(
        unscheduled(
            "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 node(s) had volume node affinity conflict."
        ),
        Cause::VolumeElsewhere,
        "other nodes"
    )]
    #[case(
        unscheduled(
            "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity."
        ),
        Cause::VolumeElsewhere,
        "other nodes"
    )]
    #[case(
        unscheduled(
            "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [VolumeBinding NodeAffinity] simultaneously."
        ),
        Cause::VolumeElsewhere,
        "other nodes"
    )]
    #[case(
        unscheduled("0/3 nodes are available: 3 node(s) had no available volume zone."),
        Cause::VolumeElsewhere,
        "other nodes"
    )]
    #[case(
        unscheduled(
            "0/3 nodes are available: 1 node(s) had volume node affinity conflict, 2 Insufficient cpu."
        ),
        Cause::InsufficientCpu,
        "cpu"
    )]
    #[case(unscheduled(IMMEDIATE), Cause::ClaimPending, "unbound")]
    #[case(
        unscheduled("pod has unbound immediate PersistentVolumeClaims (repeated 2 times)"),
        Cause::ClaimPending,
        "unbound"
    )]
    #[case(
        unscheduled(
            "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind."
        ),
        Cause::ClaimPending,
        "persistent volumes to bind"
    )]
    #[case(
        unscheduled("0/2 nodes are available: 2 node(s) did not have enough free storage."),
        Cause::ProvisioningFailed,
        "free storage"
    )]
    #[case(with(unscheduled(IMMEDIATE), claim("Pending", ""), Some(("FailedBinding", "no persistent volumes available for this claim and no storage class is set"))), Cause::ClaimPending, "no storage class is set")]
    #[case(with(unscheduled(IMMEDIATE), claim("Pending", "fast"), Some(("ProvisioningFailed", "storageclass.storage.k8s.io \"fast\" not found"))), Cause::ClaimPending, "StorageClass fast does not exist; there are: standard")]
    #[case(
        with(unscheduled(IMMEDIATE), claim("Pending", "fast"), None),
        Cause::ClaimPending,
        "StorageClass fast does not exist"
    )]
    #[case(with(unscheduled(IMMEDIATE), claim("Pending", "standard"), Some(("ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'x.io/nfs' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."))), Cause::ClaimPending, "x.io/nfs")]
    #[case(with(unscheduled(IMMEDIATE), claim("Pending", "standard"), Some(("ProvisioningFailed", "failed to provision volume with StorageClass \"standard\": rpc error: code = ResourceExhausted desc = quota"))), Cause::ProvisioningFailed, "ResourceExhausted")]
    #[case(with(silent(30), claim("Pending", "standard"), Some(("ProvisioningFailed", "failed to provision volume with StorageClass \"standard\": NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes"))), Cause::ProvisioningFailed, "access modes")]
    #[case(with(silent(30), claim("Pending", "standard"), Some(("ExternalProvisioning", "Waiting for a volume to be created"))), Cause::ClaimPending, "Waiting")]
    // Healthy: it waits for its pod, it is new, or bound by now.
    #[case(with(silent(5), claim("Pending", "standard"), Some(("ProvisioningFailed", "x"))), Cause::Unknown, "")]
    #[case(with(silent(20), claim("Pending", "standard"), Some(("WaitForFirstConsumer", "waiting for first consumer to be created before binding"))), Cause::Unknown, "")]
    #[case(with(silent(20), claim("Bound", "standard"), Some(("ProvisioningSucceeded", "Successfully provisioned volume pvc-1"))), Cause::Unknown, "")]
    fn a_claim_is_named(#[case] evidence: Evidence, #[case] cause: Cause, #[case] words: &str) {
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(words), "{diagnosis}");
        assert!(diagnosis.also.is_empty(), "{diagnosis:?}");
    }

    #[test]
    fn what_the_provisioner_said_counts_more_than_that_it_is_waited_for() {
        let failed = Some(("ProvisioningFailed", "only supports ReadWriteOnce"));
        let mut evidence = with(silent(30), claim("Pending", "standard"), failed);
        let Looked::Seen(events) = &mut evidence.events else { panic!("no events") };
        let mut waits = events[events.len() - 1].clone();
        waits.reason = "ExternalProvisioning".into();
        waits.message = "Waiting for a volume to be created".into();
        events.push(waits);
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::ProvisioningFailed, "{diagnosis}");
    }

    /// Spark makes it after the pod, and a provisioner takes its time.
    #[test]
    fn a_claim_of_the_pod_itself_may_be_late() {
        let own = Claim { name: "x-exec-1-pvc-0".into(), ..claim("Pending", "standard") };
        let ends =
            |evidence: &Evidence| unbound(evidence, &evidence.pods[0]).map(|found| found.ends);
        let evidence = with(unscheduled(IMMEDIATE), own.clone(), None);
        assert_eq!(ends(&evidence), Some(Ends::AtDeadline));
        let failed = Some(("ProvisioningFailed", "failed to provision volume"));
        assert_eq!(ends(&with(unscheduled(IMMEDIATE), own, failed)), Some(Ends::IfItStaysLong));
        let late = unscheduled("persistentvolumeclaim \"x-exec-1-pvc-0\" not found");
        assert_eq!(missing(&late, &late.pods[0]).map(|f| f.ends), Some(Ends::AtDeadline));
    }

    #[test]
    fn a_claim_of_one_node_that_another_executor_has() {
        let message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had volume node affinity conflict.";
        let mut evidence = with(unscheduled(message), claim("Bound", "standard"), None);
        evidence.pods.push(PodFacts {
            name: "x-exec-2".into(),
            node: Some("worker".into()),
            claims: vec!["data".into()],
            ..PodFacts::default()
        });
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::SingleNodeClaim, "{diagnosis}");
        assert!(diagnosis.says.contains("on worker, where x-exec-2 is"), "{diagnosis}");
        assert!(diagnosis.remedy.contains("OnDemand"), "{}", diagnosis.remedy);
    }

    /// Events about a pod whose container is being created, oldest first.
    fn creating(events: &[(&str, &str)]) -> Evidence {
        let events = events.iter().map(|(reason, message)| event("x-exec-1", reason, message));
        Evidence { events: Looked::Seen(events.collect()), ..waiting("ContainerCreating") }
    }

    #[rstest]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"s\" : secret \"keys\" not found",
        Cause::SecretMissing,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"s\" : references non-existent secret key: k",
        Cause::SecretMissing,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"c\" : configmap \"settings\" not found",
        Cause::ConfigMapMissing,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"c\" : configmap references non-existent config key: k",
        Cause::ConfigMapMissing,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"spark-conf-volume-exec\" : configmap \"spark-exec-8a5b0c9a3f3c1f2e-conf-map\" not found",
        Cause::ConfigMapMissing,
        Ends::AtDeadline
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"kube-api-access-x\" : configmap \"kube-root-ca.crt\" not found",
        Cause::ConfigMapMissing,
        Ends::AtDeadline
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"kube-api-access-x\" : object \"team\"/\"kube-root-ca.crt\" not registered",
        Cause::VolumeNotMounted,
        Ends::AtDeadline
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"c\" : failed to sync configmap cache: timed out waiting for the condition",
        Cause::VolumeNotMounted,
        Ends::AtDeadline
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"d\" : hostPath type check failed: /mnt/data is not a directory",
        Cause::VolumeNotMounted,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"d\" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs 10.0.0.9:/x /var/lib/kubelet/pods/u/volumes/kubernetes.io~nfs/d\nOutput: mount: /var/lib/kubelet/pods/u: bad option; for several filesystems (e.g. nfs, cifs) you might need a /sbin/mount.<type> helper program.",
        Cause::VolumeNotMounted,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"d\" : mount failed: exit status 32\nOutput: mount.nfs: access denied by server while mounting 10.0.0.9:/x",
        Cause::VolumeNotMounted,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.SetUp failed for volume \"d\" : mount failed: exit status 32\nOutput: mount.nfs: mounting 10.0.0.9:/x failed, reason given by server: No such file or directory",
        Cause::VolumeNotMounted,
        Ends::IfItStays
    )]
    #[case(
        "FailedMount",
        "MountVolume.MountDevice failed for volume \"d\" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name x.csi.io not found in the list of registered CSI drivers",
        Cause::VolumeNotMounted,
        Ends::IfItStaysLong
    )]
    #[case(
        "FailedMount",
        "Unable to attach or mount volumes: unmounted volumes=[d], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition",
        Cause::VolumeNotMounted,
        Ends::AtDeadline
    )]
    #[case(
        "FailedAttachVolume",
        "Multi-Attach error for volume \"pvc-1\" Volume is already used by pod(s) x-exec-2",
        Cause::SingleNodeClaim,
        Ends::IfItStays
    )]
    #[case(
        "FailedAttachVolume",
        "Multi-Attach error for volume \"pvc-1\" Volume is already exclusively attached to one node and can't be attached to another",
        Cause::SingleNodeClaim,
        Ends::IfItStaysLong
    )]
    #[case(
        "FailedAttachVolume",
        "AttachVolume.Attach failed for volume \"pvc-1\" : timed out waiting for external-attacher of x.csi.io CSI driver to attach volume v",
        Cause::VolumeNotMounted,
        Ends::IfItStays
    )]
    fn why_a_volume_is_not_mounted(
        #[case] reason: &str,
        #[case] message: &str,
        #[case] cause: Cause,
        #[case] ends: Ends,
    ) {
        let evidence = creating(&[(reason, message)]);
        let found = not_mounted(&evidence, &evidence.pods[0]).expect("found");
        assert_eq!((found.cause, found.ends), (cause, ends), "{found:?}");
        assert_eq!(diagnose(&evidence).cause, cause);
        // What it sums up is not why.
        let sum = "Unable to attach or mount volumes: unmounted volumes=[d]: timed out waiting for the condition";
        let evidence = creating(&[(reason, message), ("FailedMount", sum)]);
        assert_eq!(diagnose(&evidence).cause, cause);
    }

    #[test]
    fn a_mount_that_succeeded_at_last_is_no_cause() {
        let failed = (
            "FailedMount",
            "MountVolume.SetUp failed for volume \"c\" : configmap \"spark-exec-1-conf-map\" not found",
        );
        let evidence = creating(&[failed, ("Pulling", "Pulling image \"i:1\"")]);
        assert_eq!(diagnose(&evidence).cause, Cause::Unknown);
        let mut evidence = creating(&[failed]);
        evidence.pods[0].containers[0].waiting = None;
        assert_eq!(diagnose(&evidence).cause, Cause::Unknown);
    }
}
