//! Containers that are not made, init containers that fail.

mod runtime;
mod sandbox;
mod trouble;

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use self::trouble::last_trouble;
use super::evidence::{ContainerFacts, EventFacts, Evidence, PodFacts, PodRole};
use super::finding::{Ends, Finding, PodRule, last_lines};

pub(super) const POD: &[PodRule] = &[
    sources,
    root,
    init,
    runtime::known,
    hook,
    probe,
    not_created,
    mounted_sources,
    sandbox::not_made,
];

/// Kubelet's reasons for a container that it cannot make (its `kuberuntime_container.go`).
const NOT_CREATED: [&str; 6] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "PreCreateHookError",
    "PreStartHookError",
    "PostStartHookError",
    "RunContainerError",
];

/// The ends of containers of which no process ran (containerd's and CRI-O's word, then Docker's).
const NEVER_RAN: [&str; 2] = ["StartError", "ContainerCannotRun"];

impl PodFacts {
    /// Each container that did not start: it waits for another reason than its turn, or its end says
    /// that no process of it ran. With kubelet's reason and message.
    pub(super) fn not_started(&self) -> Vec<(&ContainerFacts, &str, &str)> {
        let mut all = Vec::new();
        for container in &self.containers {
            let turn = ["", "ContainerCreating", "PodInitializing"];
            let waits = container.waiting.as_ref().filter(|w| !turn.contains(&&*w.reason));
            all.extend(waits.map(|w| (container, &*w.reason, &*w.message)));
            let ends = [&container.ended, &container.ended_before].into_iter().flatten();
            let ends = ends.filter(|end| NEVER_RAN.contains(&&*end.reason));
            all.extend(ends.map(|end| (container, &*end.reason, &*end.message)));
        }
        all
    }

    /// Whether a container is the one that Spark made: by its name, or, if a pod template has given it
    /// another, each that is no init container.
    pub(super) fn is_sparks(&self, container: &ContainerFacts) -> bool {
        let named = |c: &ContainerFacts| c.name.starts_with("spark-kubernetes-");
        !container.init && (named(container) || !self.containers.iter().any(named))
    }

    /// Whether it waits for its sandbox, volumes or image.
    fn is_being_made(&self) -> bool {
        let creating = ["ContainerCreating", "PodInitializing"];
        self.phase != "Running" && self.waiting().any(|(_, w)| creating.contains(&&*w.reason))
    }
}

/// Kubelet's words for a late cache, the `CreateContainerConfigError` that its next try mends.
const LATE: [&str; 2] = ["failed to sync", "have not yet been read"];

/// `secret "x" not found` and the form of older kubelets, `secrets "x" not found`.
static NO_SOURCE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)(secret|configmap)s? "([^"]+)" not found"#).expect("a valid expression")
});

/// Kubelet's `makeEnvironmentVariables` (`kubelet_pods.go`).
static NO_KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"couldn't find key (\S+) in (Secret|ConfigMap) \S*?([^/\s]+)(?:[,\s]|$)")
        .expect("a valid expression")
});

/// Of a volume whose Secret or ConfigMap lacks a key (kubernetes `volume/secret`, `volume/configmap`).
static NO_MOUNTED_KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"references non-existent (secret|config) key: ([^\s"]+)"#)
        .expect("a valid expression")
});

/// A Secret or ConfigMap, or its key, that an environment variable is taken from.
fn sources(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, reason, message) = { pod.not_started().into_iter() }
        .find(|(_, reason, _)| *reason == "CreateContainerConfigError")?;
    let finding = source(evidence, pod, message)?;
    Some(
        finding
            .because(&pod.name, format!("{} {reason}: {message}", container.name))
            .events(evidence.events_of(&pod.name).filter(|event| event.reason == "Failed"))
            .ends(Ends::AtOnce),
    )
}

/// The finding for a message about a missing source.
fn source(evidence: &Evidence, pod: &PodFacts, message: &str) -> Option<Finding> {
    let (kind, name, key) = match (NO_KEY.captures(message), NO_SOURCE.captures(message)) {
        (Some(found), _) => {
            let kind = found.get(2)?.as_str();
            (kind.to_owned(), found[3].to_owned(), Some(found[1].to_owned()))
        }
        (None, Some(found)) => (found[1].to_owned(), found[2].to_owned(), None),
        (None, None) => return None,
    };
    let is_secret = kind.to_lowercase().starts_with("secret");
    let (cause, kind) = match is_secret {
        true => (Cause::SecretMissing, "Secret"),
        false => (Cause::ConfigMapMissing, "ConfigMap"),
    };
    let asks = asks_for(evidence, pod, &name);
    let by = asks.as_ref().map_or(String::new(), |key| format!(", which {key} asks for"));
    let (says, mut remedy) = match &key {
        Some(key) => (
            format!("the {kind} {name} has no key {key}{by}"),
            format!("add the key {key} to the {kind} {name}"),
        ),
        None => (
            format!("the {kind} {name} does not exist in the pod's namespace{by}"),
            format!("make the {kind} {name} in the session's namespace"),
        ),
    };
    match asks {
        Some(asks) => remedy.push_str(&format!(", or correct {asks}")),
        None => remedy.push_str(", or correct its name in --conf or in the pod template"),
    }
    Some(Finding::new(cause, says, remedy).of(pod))
}

/// The property that asks for a Secret or ConfigMap: `….secretKeyRef.VARIABLE=NAME:KEY`,
/// `….secrets.NAME=PATH`, or one with its name as its value.
fn asks_for<'a>(evidence: &'a Evidence, pod: &PodFacts, name: &str) -> Option<&'a str> {
    let other = if pod.role == PodRole::Driver { ".executor." } else { ".driver." };
    let asks = |(key, value): &(&String, &String)| {
        let (named, of_key) = (value.as_str(), value.split_once(':').map(|(name, _)| name));
        !key.contains(other)
            && (key.ends_with(&format!(".secrets.{name}"))
                || named == name && key.starts_with("spark.kubernetes.")
                || of_key == Some(name) && key.contains(".secretKeyRef."))
    };
    evidence.asked.conf.iter().find(asks).map(|(key, _)| key.as_str())
}

/// A Secret or ConfigMap of a volume.
fn mounted_sources(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let event = last_trouble(evidence, pod, "FailedMount")?;
    let message = &event.message;
    // What Spark and Kubernetes make themselves may come after the pod, and goes with the driver.
    let own = ["-conf-map\"", "-hadoop-config\"", "-krb5-file\"", "kube-root-ca.crt"];
    let own = own.iter().any(|name| message.contains(name));
    if own && (evidence.driver.gone || !evidence.driver.reason.is_empty()) {
        return None;
    }
    let finding = source(evidence, pod, message).or_else(|| {
        let found = NO_MOUNTED_KEY.captures(message)?;
        let (cause, kind) = match &found[1] {
            "secret" => (Cause::SecretMissing, "Secret"),
            _ => (Cause::ConfigMapMissing, "ConfigMap"),
        };
        let says = format!("the {kind} of a volume has no key {}", &found[2]);
        Some(Finding::new(cause, says, format!("add that key to the {kind}")).of(pod))
    })?;
    Some(finding.events([event]).ends(if own { Ends::AtDeadline } else { Ends::IfItStays }))
}

/// Kubelet's `security_context.go`.
fn root(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let words = ["runAsNonRoot", "breaks non-root policy"];
    let (container, reason, message) = { pod.not_started().into_iter() }
        .find(|(.., message)| words.iter().any(|w| message.contains(w)))?;
    let image = if container.image.is_empty() { &evidence.asked.image } else { &container.image };
    let says = match message.split_once("non-numeric user (").and_then(|(_, m)| m.split_once(')')) {
        Some((user, _)) => format!(
            "the pod must not run as root, and the user of {image} has a name ({user}), which \
             kubelet cannot check"
        ),
        None => format!("the pod must not run as root, and {image} runs as root"),
    };
    Some(
        Finding::new(
            Cause::RunsAsRoot,
            says,
            "set runAsUser to a number other than 0 with --pod-template (185 in Spark's images), or \
             use an image whose USER is such a number",
        )
        .of(pod)
        .because(&pod.name, format!("{} {reason}: {message}", container.name))
        .ends(Ends::AtOnce),
    )
}

/// An init container whose last end is a failure, before any other container ran. One that runs for
/// ever is no failure.
fn init(_: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let came_further = |c: &ContainerFacts| !c.init && (c.ended.is_some() || c.ready);
    if pod.phase == "Running" || pod.containers.iter().any(came_further) {
        return None;
    }
    let failure = |c: &&ContainerFacts| {
        let end = c.ended.as_ref().or(c.ended_before.as_ref());
        c.init && end.is_some_and(|end| end.code != 0)
    };
    let container = pod.containers.iter().find(failure)?;
    let end = container.ended.as_ref().or(container.ended_before.as_ref())?;
    let mut says =
        format!("its init container {} ended with exit code {}", container.name, end.code);
    if !matches!(&*end.reason, "" | "Error") {
        says.push_str(&format!(" ({})", end.reason));
    }
    let words = last_lines(end.message.trim(), 1);
    if !words.is_empty() {
        says.push_str(&format!(": {words}"));
    }
    Some(
        Finding::new(
            Cause::InitContainerFailed,
            says,
            format!(
                "read the log of {} (kubectl logs {} -c {0}), and correct it in the pod template or \
                 in the webhook that adds it",
                container.name, pod.name
            ),
        )
        .of(pod)
        .because(&pod.name, pod.to_string())
        .ends(Ends::IfItStays),
    )
}

/// A hook after the start that fails ends its container.
fn hook(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let waits =
        pod.not_started().into_iter().find(|(_, reason, _)| *reason == "PostStartHookError");
    let event = evidence.events_of(&pod.name).rfind(|event| event.reason == "FailedPostStartHook");
    let text = match (waits, event) {
        (Some((_, _, message)), _) if !message.is_empty() => message,
        (_, Some(event)) if pod.failed().is_some() => &event.message,
        _ => return None,
    };
    Some(
        Finding::new(
            Cause::ContainerNotCreated,
            format!("the hook after a container's start failed: {text}"),
            "correct or remove lifecycle.postStart in the pod template",
        )
        .of(pod)
        .because(&pod.name, text)
        .ends(Ends::IfItStays),
    )
}

/// A container that kubelet ended since its probe failed (its `prober` and `kuberuntime_manager.go`).
fn probe(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    pod.failed()?;
    let words = ["failed liveness probe", "failed startup probe"];
    let ended = |event: &&EventFacts| {
        event.reason == "Killing" && words.iter().any(|word| event.message.contains(word))
    };
    let event = evidence.events_of(&pod.name).rfind(ended)?;
    let probes = evidence.events_of(&pod.name).filter(|event| event.reason == "Unhealthy");
    Some(
        Finding::new(
            Cause::Killed,
            format!("kubelet ended it because a probe failed: {}", event.message),
            "correct or remove the probe in the pod template, or give it more time",
        )
        .of(pod)
        .events(probes.chain([event])),
    )
}

fn not_created(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, reason, message) = { pod.not_started().into_iter() }
        .find(|(_, reason, _)| NOT_CREATED.contains(reason) || NEVER_RAN.contains(reason))?;
    let (says, remedy) = match reason {
        "CreateContainerConfigError" => (
            format!("what a container is configured with is not there: {message}"),
            "make the Secret or the ConfigMap that the message names, in the session's namespace, \
             or correct its name or key; where it is about root, use an image of another user",
        ),
        _ => (
            format!("the container of {} could not be created: {message}", container.image),
            "read the message: a missing volume, or an image that was loaded in part",
        ),
    };
    let late = LATE.iter().any(|words| message.contains(words));
    let failed = evidence.events_of(&pod.name).filter(|event| event.reason == "Failed");
    Some(
        Finding::new(Cause::ContainerNotCreated, says, remedy)
            .of(pod)
            .because(&pod.name, format!("{reason}: {message}"))
            .events(failed)
            .ends(if late { Ends::AtDeadline } else { Ends::AtOnce }),
    )
}

#[cfg(test)]
mod tests {
    use super::super::evidence::{Ended, Waits};
    use super::super::testing::{event, pod};
    use super::super::{Evidence, diagnose, findings};
    use super::*;
    use rstest::rstest;
    use sparkproof_base::events::Looked;

    fn waits(reason: &str, message: &str) -> Evidence {
        pod(|pod| pod.waits(reason, message))
    }

    #[rstest]
    #[case("secret \"nosuch\" not found", Cause::SecretMissing, "nosuch")]
    #[case("secrets \"nosuch\" not found", Cause::SecretMissing, "nosuch")]
    #[case(
        "couldn't find key key in Secret team/nosuch",
        Cause::SecretMissing,
        "nosuch has no key key"
    )]
    #[case("configmap \"settings\" not found", Cause::ConfigMapMissing, "settings")]
    #[case(
        "couldn't find key a.b in ConfigMap team/settings",
        Cause::ConfigMapMissing,
        "settings has no key a.b"
    )]
    #[case(
        "container has runAsNonRoot and image will run as root (pod: \"x_team(1)\", container: c)",
        Cause::RunsAsRoot,
        "runs as root"
    )]
    #[case(
        "container has runAsNonRoot and image has non-numeric user (spark), cannot verify user is non-root (pod: \"x\", container: c)",
        Cause::RunsAsRoot,
        "(spark)"
    )]
    #[case(
        "container's runAsUser breaks non-root policy (pod: \"x\", container: c)",
        Cause::RunsAsRoot,
        "root"
    )]
    fn what_a_container_is_configured_with_is_named(
        #[case] message: &str,
        #[case] cause: Cause,
        #[case] says: &str,
    ) {
        let found = findings(&waits("CreateContainerConfigError", message));
        assert_eq!(found[0].cause, cause, "{found:?}");
        assert!(found[0].says.contains(says), "{}", found[0].says);
        assert_eq!(found[0].ends, Ends::AtOnce);
    }

    #[rstest]
    #[case("spark.kubernetes.executor.secretKeyRef.X", "nosuch:key", true)]
    #[case("spark.kubernetes.executor.secrets.nosuch", "/etc/x", true)]
    #[case("spark.kubernetes.driver.secrets.nosuch", "/etc/x", false)]
    #[case("spark.kubernetes.executor.secretKeyRef.X", "other:key", false)]
    fn the_property_that_asks_is_named(
        #[case] key: &str,
        #[case] value: &str,
        #[case] named: bool,
    ) {
        let mut evidence = waits("CreateContainerConfigError", "secret \"nosuch\" not found");
        evidence.asked.conf.insert(key.into(), value.into());
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.says.contains(key), named, "{diagnosis}");
        assert_eq!(diagnosis.remedy.contains(key), named, "{}", diagnosis.remedy);
    }

    #[test]
    fn a_late_cache_does_not_end_the_wait() {
        for message in [
            "failed to sync secret cache: timed out waiting for the condition",
            "services have not yet been read at least once, cannot construct envvars",
        ] {
            let found = findings(&waits("CreateContainerConfigError", message));
            assert_eq!(found[0].ends, Ends::AtDeadline, "{message}");
        }
    }

    fn with_events(reason: &str, events: &[(&str, &str)]) -> Evidence {
        let events = events.iter().map(|(reason, text)| event("x-exec-1", reason, text)).collect();
        Evidence { events: Looked::Seen(events), ..waits(reason, "") }
    }

    #[rstest]
    #[case(
        "MountVolume.SetUp failed for volume \"k\" : secret \"nosuch\" not found",
        Cause::SecretMissing
    )]
    #[case(
        "MountVolume.SetUp failed for volume \"k\" : configmap \"nosuch\" not found",
        Cause::ConfigMapMissing
    )]
    #[case(
        "MountVolume.SetUp failed for volume \"k\" : references non-existent secret key: ca.crt",
        Cause::SecretMissing
    )]
    #[case(
        "MountVolume.SetUp failed for volume \"k\" : hostPath type check failed",
        Cause::VolumeNotMounted
    )]
    fn the_source_of_a_volume_is_named(#[case] message: &str, #[case] cause: Cause) {
        let evidence = with_events("ContainerCreating", &[("FailedMount", message)]);
        let found = findings(&evidence);
        assert_eq!(found[0].cause, cause, "{found:?}");
        assert_ne!(found[0].ends, Ends::AtOnce);
    }

    #[rstest]
    #[case(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"1\": plugin type=\"flannel\" failed (add): open /run/flannel/subnet.env: no such file or directory",
        Cause::SandboxFailed,
        "network"
    )]
    #[case(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to set up sandbox container \"1\" network for pod \"x\": networkPlugin cni failed to set up pod",
        Cause::SandboxFailed,
        "network"
    )]
    #[case(
        "Failed to create pod sandbox: plugin type=\"host-local\" failed (add): failed to allocate for range 0: no IP addresses available in range set: 10.244.0.1-10.244.0.254",
        Cause::SandboxFailed,
        "no IP address left"
    )]
    #[case(
        "Failed to create pod sandbox: failed to get sandbox image \"registry.k8s.io/pause:3.10\": failed to pull image: dial tcp",
        Cause::SandboxFailed,
        "pause"
    )]
    #[case(
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for \"gvisor\" is configured",
        Cause::SandboxFailed,
        "gvisor"
    )]
    #[case(
        "Failed to create pod sandbox: RuntimeClass \"kata\" not found",
        Cause::SandboxFailed,
        "kata"
    )]
    #[case(
        "Failed to create pod sandbox: mkdir /var/lib/x: no space left on device",
        Cause::NodeDiskFull,
        "full"
    )]
    fn a_sandbox_that_fails_is_named(#[case] text: &str, #[case] cause: Cause, #[case] says: &str) {
        let evidence = with_events("ContainerCreating", &[("FailedCreatePodSandBox", text)]);
        let found = findings(&evidence);
        assert_eq!(found[0].cause, cause, "{found:?}");
        assert!(found[0].says.contains(says), "{}", found[0].says);
        let disk = cause == Cause::NodeDiskFull;
        assert_eq!(found[0].ends, if disk { Ends::IfItStays } else { Ends::IfItStaysLong });
    }

    #[test]
    fn a_network_that_is_not_ready_is_named() {
        let text = "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";
        let evidence = with_events("ContainerCreating", &[("NetworkNotReady", text)]);
        assert_eq!(findings(&evidence)[0].cause, Cause::SandboxFailed);
    }

    /// A retry mended it, and the image is being pulled.
    #[rstest]
    #[case("FailedCreatePodSandBox", "Failed to create pod sandbox: network")]
    #[case("FailedMount", "MountVolume.SetUp failed for volume \"k\" : secret \"s\" not found")]
    fn what_a_retry_mended_is_no_failure(#[case] reason: &str, #[case] text: &str) {
        let evidence =
            with_events("ContainerCreating", &[(reason, text), ("Pulling", "Pulling image \"i\"")]);
        let causes: Vec<Cause> = findings(&evidence).iter().map(|f| f.cause).collect();
        assert!(!causes.contains(&Cause::SandboxFailed) && !causes.contains(&Cause::SecretMissing));
    }

    fn with_init(init: ContainerFacts, phase: &str) -> Evidence {
        pod(|pod| {
            pod.waits("PodInitializing", "");
            pod.phase = phase.into();
            pod.containers.insert(0, ContainerFacts { name: "wait".into(), init: true, ..init });
        })
    }

    fn ends(code: i32, reason: &str, message: &str) -> Option<Ended> {
        Some(Ended { code, reason: reason.into(), message: message.into() })
    }

    #[test]
    fn an_init_container_that_fails_is_named() {
        let once =
            ContainerFacts { ended: ends(3, "Error", "a\nno such host"), ..Default::default() };
        let loops = ContainerFacts {
            waiting: Some(Waits { reason: "CrashLoopBackOff".into(), ..Waits::default() }),
            ended_before: ends(3, "Error", "a\nno such host"),
            ..Default::default()
        };
        let absent = ContainerFacts {
            ended: ends(
                128,
                "StartError",
                "exec: \"x\": executable file not found in $PATH\nno such host",
            ),
            ..Default::default()
        };
        for (init, phase) in [(once, "Failed"), (loops, "Pending"), (absent, "Failed")] {
            let diagnosis = diagnose(&with_init(init, phase));
            assert_eq!(diagnosis.cause, Cause::InitContainerFailed, "{diagnosis}");
            assert!(diagnosis.says.contains("wait ended with exit code"), "{diagnosis}");
            assert!(diagnosis.says.contains("no such host"), "{diagnosis}");
        }
    }

    #[test]
    fn an_init_container_that_runs_or_did_its_work_is_no_failure() {
        let runs = ContainerFacts::default();
        let done = ContainerFacts {
            ended: ends(0, "Completed", ""),
            ended_before: ends(1, "Error", ""),
            ..Default::default()
        };
        assert_eq!(findings(&with_init(runs, "Pending")), []);
        let causes: Vec<Cause> =
            findings(&with_init(done, "Pending")).iter().map(|f| f.cause).collect();
        assert!(!causes.contains(&Cause::InitContainerFailed), "{causes:?}");
    }

    #[rstest]
    #[case(
        "CreateContainerError",
        "failed to generate container spec: no users found",
        Cause::ContainerNotCreated,
        "no user"
    )]
    #[case(
        "RunContainerError",
        "unable to start container process: unable to find user spark: no matching entries in passwd file",
        Cause::ContainerNotCreated,
        "no user"
    )]
    #[case(
        "StartError",
        "failed to create containerd task: OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?)",
        Cause::OutOfMemory,
        "too low"
    )]
    #[case(
        "RunContainerError",
        "error mounting \"/a\" to rootfs at \"/etc/x\": not a directory: unknown: Are you trying to mount a directory onto a file",
        Cause::ContainerNotCreated,
        "a mount does not fit"
    )]
    #[case(
        "CreateContainerConfigError",
        "failed to prepare subPath for volumeMount \"d\" of container \"c\"",
        Cause::VolumeNotMounted,
        "subPath"
    )]
    #[case(
        "StartError",
        "chdir to cwd (\"/opt/spark/work-dir\") set in config.json failed: permission denied",
        Cause::ContainerNotCreated,
        "working directory"
    )]
    #[case(
        "CreateContainerError",
        "failed to generate spec: path \"/data\" is mounted on \"/\" but it is not a shared or slave mount",
        Cause::ContainerNotCreated,
        "propagation"
    )]
    #[case(
        "CreateContainerError",
        "failed to create containerd container: error unpacking image: failed to extract layer: content digest sha256:1: not found",
        Cause::ContainerNotCreated,
        "part of the image"
    )]
    #[case("CreateContainerError", "context deadline exceeded", Cause::ContainerNotCreated, "slow")]
    #[case("CreateContainerError", "something new", Cause::ContainerNotCreated, "something new")]
    fn the_runtimes_words_are_named(
        #[case] reason: &str,
        #[case] message: &str,
        #[case] cause: Cause,
        #[case] says: &str,
    ) {
        let evidence = match reason {
            "StartError" => pod(|pod| {
                pod.phase = "Failed".into();
                pod.containers[0].ended = ends(128, reason, message);
            }),
            _ => waits(reason, message),
        };
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(says), "{diagnosis}");
    }

    #[test]
    fn hooks_and_probes_that_end_a_container_are_named() {
        let mut evidence = pod(|pod| pod.ends(137, "Error"));
        evidence.events =
            Looked::Seen(vec![event("x-exec-1", "FailedPostStartHook", "PostStartHook failed")]);
        assert_eq!(diagnose(&evidence).cause, Cause::ContainerNotCreated);
        evidence.events = Looked::Seen(vec![
            event("x-exec-1", "Unhealthy", "Liveness probe failed: "),
            event("x-exec-1", "Killing", "Container c failed liveness probe, will be restarted"),
        ]);
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::Killed);
        assert!(diagnosis.says.contains("liveness probe"), "{diagnosis}");
    }
}
