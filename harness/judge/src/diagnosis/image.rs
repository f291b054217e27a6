//! Images that cannot be had, or do not fit.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use super::evidence::{ContainerFacts, EventFacts, Evidence, PodFacts, Waits};
use super::finding::{Ends, Finding, PodRule, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[pull_secret];
pub(super) const POD: &[PodRule] =
    &[never_pulled, not_pulled, other_architecture, without_entrypoint, without_spark];

/// Kubelet's reasons for an image that it has not got (its `images/types.go`).
const NOT_PULLED: [&str; 6] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ImageInspectError",
    "InvalidImageName",
    "RegistryUnavailable",
    "SignatureValidationFailed",
];

/// Words of kubelet, the container runtime or the registry, and what they mean. `{image}` and
/// `{registry}` stand for those of the container.
struct Words {
    /// In lower case.
    any: &'static [&'static str],
    cause: Cause,
    says: &'static str,
    remedy: &'static str,
    /// What may heal is waited for until the kubelet has tried again, which it does after 10 s (its
    /// `kuberuntime_manager.go`).
    ends: Ends,
}

/// The most specific first. A connection that fails while a token is fetched ("failed to authorize:
/// … dial tcp") is no refusal, and most registries say "denied" of what does not exist, so the order
/// is: name, disk, platform, limit, TLS, connection, refusal, not found.
const WORDS: [Words; 9] = [
    Words {
        // docker/distribution `reference`, kubelet's `image_manager.go`, CRI-O's short names.
        any: &[
            "invalidimagename",
            "invalid reference format",
            "couldn't parse image",
            "short name mode is enforcing",
        ],
        cause: Cause::InvalidImageName,
        says: "{image} is not a valid name of an image",
        remedy: "correct it with --image REGISTRY/NAME:TAG: names are in lower case",
        ends: Ends::AtOnce,
    },
    Words {
        any: &["no space left on device", "disk quota exceeded"],
        cause: Cause::NodeDiskFull,
        says: "the node's disk has no room for {image}",
        remedy: "free disk space on the node (unused images first), or use a smaller image",
        ends: Ends::IfItStaysLong,
    },
    Words {
        // containerd's `images/image.go`, Docker's `distribution/pull_v2.go`, CRI-O (containers/image).
        any: &[
            "no match for platform in manifest",
            "no matching manifest for",
            "no image found in manifest list for architecture",
            "no image found in image index for architecture",
            "does not match the specified platform",
        ],
        cause: Cause::ImageOtherArchitecture,
        says: "{image} is not there for the processor architecture of the node",
        remedy: "build the image for that architecture (docker buildx build --platform), or select \
                 nodes of the image's one (spark.kubernetes.node.selector.kubernetes.io/arch)",
        ends: Ends::AtOnce,
    },
    Words {
        any: &["toomanyrequests", "too many requests", "pull rate limit", "rate exceeded"],
        cause: Cause::RegistryRateLimit,
        says: "the limit of pulls from {registry} is reached",
        remedy: "wait until the limit is over, log in with --image-pull-secret, or load {image} \
                 into every node",
        ends: Ends::IfItStaysLong,
    },
    Words {
        any: &["pull qps exceeded"],
        cause: Cause::RegistryRateLimit,
        says: "the node's own limit of pulls (registryPullQPS) is reached",
        remedy: "wait, or load {image} into every node",
        ends: Ends::AtDeadline,
    },
    Words {
        any: &[
            "server gave http response to https client",
            "x509:",
            "failed to verify certificate",
            "certificate signed by unknown authority",
            "remote error: tls",
            "first record does not look like a tls handshake",
            "malformed http response",
        ],
        cause: Cause::RegistryTls,
        says: "the node does not accept the connection to {registry}: it speaks plain HTTP, or its \
               certificate is not trusted",
        remedy: "give the nodes' container runtime the registry's CA or declare it insecure \
                 (containerd: certs.d/HOST/hosts.toml), or load {image} into every node",
        ends: Ends::AtOnce,
    },
    Words {
        any: &[
            "registryunavailable",
            "registry is unavailable",
            "dial tcp",
            "no such host",
            "server misbehaving",
            "name resolution",
            "connection refused",
            "connection reset",
            "i/o timeout",
            "handshake timeout",
            "deadline exceeded",
            "client.timeout",
            "request canceled while waiting",
            "no route to host",
            "network is unreachable",
            "unexpected eof",
            ": eof",
            "500 internal server error",
            "502 bad gateway",
            "503 service unavailable",
            "504 gateway",
        ],
        cause: Cause::RegistryUnreachable,
        says: "the node cannot reach {registry}, so it does not get {image}",
        remedy: "check the registry's name in --image, that the registry runs, and that nodes reach \
                 it under that name; or load {image} into every node",
        ends: Ends::IfItStaysLong,
    },
    Words {
        // containerd's `remotes/docker`, Docker's `registry`, ECR, GHCR, Harbor, kubelet's
        // `pullmanager`.
        any: &[
            "pull access denied",
            "insufficient_scope",
            "authorization failed",
            "authentication required",
            "no basic auth credentials",
            "unauthorized",
            "denied",
            "forbidden",
            "failed to authorize",
            "failed to fetch anonymous token",
            "failed to fetch oauth token",
            "incorrect username or password",
            "proper credentials",
            "status: 401",
            "status: 403",
        ],
        cause: Cause::RegistryDenies,
        says: "{registry} denies {image}: it does not exist there, or wants other credentials",
        remedy: "check the image's name; for a private one make a Secret of type \
                 kubernetes.io/dockerconfigjson and give it with --image-pull-secret",
        ends: Ends::AtOnce,
    },
    Words {
        any: &[
            "not found",
            "manifest unknown",
            "manifest_unknown",
            "name unknown",
            "name_unknown",
            "does not exist",
        ],
        cause: Cause::WrongImage,
        says: "{registry} does not have {image}",
        remedy: "check name and tag of --image, push the image, or load it into every node",
        ends: Ends::AtOnce,
    },
];

fn image_of<'a>(evidence: &'a Evidence, container: &'a ContainerFacts) -> &'a str {
    if container.image.is_empty() { &evidence.asked.image } else { &container.image }
}

/// The registry of an image's name, by the rule of docker/distribution: the first part, if it has a
/// dot or a port or is `localhost`.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// Kubelet's events about what failed.
fn failures<'a>(
    evidence: &'a Evidence,
    pod: &'a PodFacts,
) -> impl DoubleEndedIterator<Item = &'a EventFacts> {
    let reasons = ["Failed", "InspectFailed", "FailedToRetrieveImagePullSecret"];
    evidence.events_of(&pod.name).filter(move |event| reasons.contains(&&*event.reason))
}

/// A pull secret that is missing where the registry denies the pull.
fn pull_secret(evidence: &Evidence) -> Option<Finding> {
    let pods = evidence.pods.iter().filter(|pod| !pod.is_healthy());
    let denied = pods.filter_map(|pod| Some((pod, not_pulled(evidence, pod)?)));
    let mut denied = denied.filter(|(_, found)| found.cause == Cause::RegistryDenies);
    let (pod, secret) =
        denied.find_map(|(pod, _)| Some((pod, missing_pull_secret(evidence, pod)?)))?;
    let says = format!("the pods' pull secret {secret} is not in their namespace");
    let remedy = format!("make the pull secret {secret} in the session's namespace");
    let finding = Finding::new(Cause::SecretMissing, says, remedy).ends(Ends::AtOnce);
    Some(finding.events(evidence.events_of(&pod.name).filter(|e| e.reason.contains("Secret"))))
}

fn never_pulled(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, waits) = pod.stuck().filter(|(_, w)| w.reason == "ErrImageNeverPull")?;
    let image = image_of(evidence, container);
    // Since 1.33 also an image that is there, for other pods' credentials (`pullmanager`).
    let (cause, says) = if waits.message.contains("proper credentials") {
        (Cause::RegistryDenies, format!("the node has {image}, pulled with others' credentials"))
    } else {
        let says = format!("the node does not have {image} and must not pull it");
        (Cause::ImageNeverPulled, says)
    };
    Some(
        Finding::new(
            cause,
            says,
            "load the image into every node, or use a pull policy other than Never \
             (spark.kubernetes.container.image.pullPolicy)",
        )
        .of(pod)
        .because(&pod.name, format!("{}: {}", waits.reason, waits.message))
        .events(failures(evidence, pod))
        .ends(Ends::AtOnce),
    )
}

fn not_pulled(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, waits) = pod.stuck().filter(|(_, w)| NOT_PULLED.contains(&&*w.reason))?;
    let image = image_of(evidence, container);
    // A name may contain any of the words.
    let text = why(evidence, pod, image, waits).replace(image, "").to_lowercase();
    let words = WORDS.iter().find(|words| words.any.iter().any(|word| text.contains(word)));
    let fill = |s: &str| s.replace("{image}", image).replace("{registry}", registry(image));
    let (cause, mut says, mut remedy, ends) = match words {
        Some(words) => (words.cause, fill(words.says), fill(words.remedy), words.ends),
        // It may be the first look, before the reason is known.
        None => (
            Cause::WrongImage,
            format!("the node cannot pull {image}"),
            "check the name and the tag, load the image into every node, or give the pods a pull \
             secret (--image-pull-secret)"
                .to_owned(),
            Ends::IfItStaysLong,
        ),
    };
    if matches!(cause, Cause::RegistryDenies | Cause::WrongImage)
        && let Some(secret) = missing_pull_secret(evidence, pod)
    {
        says.push_str(&format!("; the pod's pull secret {secret} is not in its namespace"));
        remedy = format!("make the pull secret {secret} in the session's namespace; {remedy}");
    }
    Some(
        Finding::new(cause, says, remedy)
            .of(pod)
            .because(&pod.name, format!("{}: {}", waits.reason, waits.message))
            .events(failures(evidence, pod))
            .ends(ends),
    )
}

/// Why the image was not pulled. Before Kubernetes 1.31 a container in back-off does not say it; the
/// last event about the image does.
fn why(evidence: &Evidence, pod: &PodFacts, image: &str, waits: &Waits) -> String {
    let said = format!("{} {}", waits.reason, waits.message);
    let backs_off = waits.reason == "ImagePullBackOff" && !waits.message.contains("\": ");
    if !backs_off && !waits.message.is_empty() {
        return said;
    }
    let about = |event: &&EventFacts| {
        event.message.contains(image) && !event.message.starts_with("Error: ")
    };
    failures(evidence, pod).rfind(about).map_or(said, |event| event.message.clone())
}

/// The names of pull secrets that kubelet did not find (its `kubelet_pods.go`). It pulls without
/// them, so this is no failure by itself.
fn missing_pull_secret<'a>(evidence: &'a Evidence, pod: &PodFacts) -> Option<&'a str> {
    let of_pod = evidence.events().iter().filter(|event| event.object == pod.name);
    let message = of_pod
        .filter(|event| event.reason == "FailedToRetrieveImagePullSecret")
        .map(|event| &*event.message)
        .next_back()?;
    let (_, rest) = message.split_once('(')?;
    Some(rest.split_once(')')?.0)
}

/// Looks at what containers that did not start say, and at the first words of those that ended.
fn other_architecture(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let is = |text: &str| text.to_lowercase().contains("exec format error");
    let starts = pod.not_started().into_iter().find(|(_, _, message)| is(message));
    let starts =
        starts.map(|(container, reason, message)| (container, format!("{reason}: {message}")));
    let logs = || {
        let (container, _) = pod.failed().filter(|_| !pod.reached_driver())?;
        Some((container, pod.log.lines().find(|line| is(line))?.trim().to_owned()))
    };
    let (container, text) = starts.or_else(logs)?;
    let image = image_of(evidence, container);
    let node = pod.node.as_deref().map_or(String::new(), |node| format!(" {node}"));
    Some(
        Finding::new(
            Cause::ImageOtherArchitecture,
            format!("the programs of {image} are for another processor architecture than the node{node}"),
            "build the image for the nodes' architecture (docker buildx build --platform), or select \
             nodes of the image's one (spark.kubernetes.node.selector.kubernetes.io/arch)",
        )
        .of(pod)
        .because(&pod.name, text)
        .ends(Ends::AtOnce),
    )
}

/// runc's and crun's words for a program that the image lacks, in the container's state.
static NOT_EXECUTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)exec: "([^"]+)": .*(?:executable file not found|no such file or directory|permission denied|is a directory)|executable file `([^`]+)` not found|open executable: (?:permission denied|no such file)|exec (/\S+): (?:no such file or directory|permission denied)"#,
    )
    .expect("a valid expression")
});

const SPARKS_ENTRYPOINT: &str = "use an image with Spark's entrypoint and programs (/opt/entrypoint.sh, /opt/spark, Java), for \
     instance one made by bin/docker-image-tool.sh, and no command in a pod template";

fn without_entrypoint(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, reason, message) = pod
        .not_started()
        .into_iter()
        .filter(|(container, ..)| pod.is_sparks(container))
        .find(|(.., message)| NOT_EXECUTED.is_match(message))?;
    let found = NOT_EXECUTED.captures(message)?;
    let program = found.iter().skip(1).flatten().next().map_or("its program", |m| m.as_str());
    let image = image_of(evidence, container);
    let says = match program {
        // Spark gives the argument `executor` only, which is a program without an entrypoint.
        "executor" | "driver" => {
            format!("{image} has no entrypoint of Spark: it takes `{program}` for a program")
        }
        _ => format!("{image} has no program {program} that may be executed"),
    };
    Some(
        Finding::new(Cause::ImageWithoutSpark, says, SPARKS_ENTRYPOINT)
            .of(pod)
            .because(&pod.name, format!("{reason}: {message}"))
            .ends(Ends::AtOnce),
    )
}

/// What shells, tini, Java, Python and other entrypoints print of `executor` or of a program of Spark
/// that they do not have.
static UNKNOWN_PROGRAM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        exec\s(?:/\S+):\s(?:no\ such\ file\ or\ directory|permission\ denied)
        | tini\ \(\d+\)\]\ exec\ \S+\ failed:\ (?:No\ such\ file|Permission\ denied)
        | (?:spark-class|spark-submit|tini|bin/java|entrypoint\.sh):?\s(?:No\ such\ file|not\ found|command\ not\ found|Permission\ denied|cannot\ execute)
        | \b(?:executor|driver):\s(?:not\ found|command\ not\ found|No\ such\ file)
        | (?i:(?:unknown|unrecognized|invalid)\ (?:command|argument|subcommand)[^a-z]{1,4}(?:executor|driver)\b)
        | can't\ open\ file\ '\S*/(?:executor|driver)'
        | (?:cannot|can't)\ open\ '?(?:executor|driver)\b
        | Could\ not\ find\ or\ load\ main\ class\ (?:executor|driver)\b
        | Cannot\ find\ module\ '\S*/(?:executor|driver)'
        | JAVA_HOME\ is\ not\ set
        "#,
    )
    .expect("a valid expression")
});

fn without_spark(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let (container, end) = pod.failed().filter(|(container, _)| pod.is_sparks(container))?;
    if pod.reached_driver() {
        return None;
    }
    let image = image_of(evidence, container);
    let line = pod.log.lines().rfind(|line| UNKNOWN_PROGRAM.is_match(line)).map(str::trim);
    // Docker gives these codes to containers of which no process ran, too.
    let ran = pod.not_started().is_empty();
    let (says, text) = match (line, end.code) {
        (Some(line), _) => {
            (format!("{image} lacks a program of Spark's entrypoint: {line}"), line.to_owned())
        }
        (None, 127) if ran => (
            format!("the entrypoint of {image} did not find a program (exit code 127)"),
            pod.to_string(),
        ),
        (None, 126) if ran => (
            format!("the entrypoint of {image} may not execute a program (exit code 126)"),
            pod.to_string(),
        ),
        _ => return None,
    };
    let ends = if line.is_some() { Ends::AtOnce } else { Ends::IfItStays };
    Some(
        Finding::new(Cause::ImageWithoutSpark, says, SPARKS_ENTRYPOINT)
            .of(pod)
            .because(&pod.name, text)
            .ends(ends),
    )
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Ended;
    use super::super::testing::{event, pod};
    use super::super::{Evidence, diagnose, findings};
    use super::*;
    use rstest::rstest;
    use sparkproof_base::events::Looked;

    const IMAGE: &str = "registry.test:5000/team/spark:3.5";

    fn waits(reason: &str, message: &str) -> Evidence {
        pod(|pod| {
            pod.waits(reason, message);
            pod.containers[0].image = IMAGE.into();
        })
    }

    /// Kubelet before 1.31 says the reason in an event only; later it repeats it in the state.
    fn pulls(message: &str) -> [Evidence; 3] {
        let failed = format!("Failed to pull image \"{IMAGE}\": {message}");
        let back_off = format!("Back-off pulling image \"{IMAGE}\"");
        let mut old = waits("ImagePullBackOff", &back_off);
        old.events = Looked::Seen(vec![
            event("x-exec-1", "Pulling", &format!("Pulling image \"{IMAGE}\"")),
            event("x-exec-1", "Failed", &failed),
            event("x-exec-1", "Failed", "Error: ErrImagePull"),
            event("x-exec-1", "BackOff", &back_off),
            event("x-exec-1", "Failed", "Error: ImagePullBackOff"),
        ]);
        let new = waits("ImagePullBackOff", &format!("{back_off}: ErrImagePull: {message}"));
        [waits("ErrImagePull", message), old, new]
    }

    #[rstest]
    #[case(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"registry.test:5000/team/spark:3.5\": failed to resolve reference \"registry.test:5000/team/spark:3.5\": registry.test:5000/team/spark:3.5: not found",
        Cause::WrongImage
    )]
    #[case(
        "Error response from daemon: manifest for registry.test:5000/team/spark:3.5 not found: manifest unknown: manifest unknown",
        Cause::WrongImage
    )]
    #[case(
        "rpc error: code = Unknown desc = name unknown: The repository with name 'spark' does not exist in the registry with id '1'",
        Cause::WrongImage
    )]
    #[case(
        "reading manifest 3.5 in registry.test:5000/team/spark: manifest unknown",
        Cause::WrongImage
    )]
    #[case(
        "failed to resolve reference \"docker.io/library/spark:x\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
        Cause::RegistryDenies
    )]
    #[case(
        "Error response from daemon: pull access denied for spark, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
        Cause::RegistryDenies
    )]
    #[case(
        "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=repository: 403 Forbidden",
        Cause::RegistryDenies
    )]
    #[case(
        "failed to resolve reference: unexpected status from HEAD request to https://registry.test:5000/v2/team/spark/manifests/3.5: 401 Unauthorized",
        Cause::RegistryDenies
    )]
    #[case(
        "Error response from daemon: Head \"https://1.dkr.ecr.test/v2/spark/manifests/1\": no basic auth credentials",
        Cause::RegistryDenies
    )]
    #[case(
        "failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/x: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
        Cause::RegistryRateLimit
    )]
    #[case(
        "failed to do request: Head \"https://registry.test:5000/v2/team/spark/manifests/3.5\": http: server gave HTTP response to HTTPS client",
        Cause::RegistryTls
    )]
    #[case(
        "failed to do request: Head \"https://registry.test:5000/v2/\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
        Cause::RegistryTls
    )]
    #[case(
        "failed to do request: Head \"https://registry.test:5000/v2/\": dial tcp: lookup registry.test on 10.0.0.1:53: no such host",
        Cause::RegistryUnreachable
    )]
    #[case(
        "failed to do request: Head \"http://localhost:5999/v2/x/manifests/1\": dial tcp [::1]:5999: connect: connection refused",
        Cause::RegistryUnreachable
    )]
    #[case(
        "failed to authorize: failed to fetch anonymous token: Get \"https://auth.docker.io/token\": dial tcp: lookup auth.docker.io: i/o timeout",
        Cause::RegistryUnreachable
    )]
    #[case(
        "failed to do request: Head \"https://r/v2\": net/http: TLS handshake timeout",
        Cause::RegistryUnreachable
    )]
    #[case(
        "dial tcp: lookup registry.test on 127.0.0.11:53: server misbehaving",
        Cause::RegistryUnreachable
    )]
    #[case(
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
        Cause::RegistryUnreachable
    )]
    #[case(
        "failed to extract layer sha256:1: write /var/lib/containerd/x: no space left on device",
        Cause::NodeDiskFull
    )]
    #[case(
        "rpc error: code = NotFound desc = failed to pull and unpack image \"x\": no match for platform in manifest: not found",
        Cause::ImageOtherArchitecture
    )]
    #[case(
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
        Cause::ImageOtherArchitecture
    )]
    #[case(
        "choosing image instance: no image found in image index for architecture arm64",
        Cause::ImageOtherArchitecture
    )]
    #[case(
        "Error response from daemon: invalid reference format: repository name must be lowercase",
        Cause::InvalidImageName
    )]
    #[case("pull QPS exceeded", Cause::RegistryRateLimit)]
    fn a_pull_that_fails_is_named_by_its_text(#[case] message: &str, #[case] cause: Cause) {
        for evidence in pulls(message) {
            let diagnosis = diagnose(&evidence);
            assert_eq!(diagnosis.cause, cause, "{diagnosis}");
            assert!(!diagnosis.says.contains('{') && !diagnosis.remedy.contains('{'));
        }
    }

    #[test]
    fn who_denies_and_who_does_not_answer_is_said() {
        let [evidence, ..] = pulls("dial tcp 10.0.0.1:5000: connect: connection refused");
        let found = findings(&evidence);
        assert!(found[0].says.contains("registry.test:5000"), "{}", found[0].says);
        assert_eq!(found[0].ends, Ends::IfItStaysLong);
        let [mut evidence, ..] = pulls("pull access denied, repository does not exist");
        let Looked::Seen(events) = &mut evidence.events else { panic!("seen") };
        let message = "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.";
        events.push(event("x-exec-1", "FailedToRetrieveImagePullSecret", message));
        let found = findings(&evidence);
        assert_eq!(found[0].cause, Cause::SecretMissing);
        assert_eq!(found[1].cause, Cause::RegistryDenies);
        assert!(found[1].says.contains("secret regcred is not"), "{}", found[1].says);
        assert!(found[1].says.contains("does not exist there, or wants"), "{}", found[1].says);
        assert_eq!(found[1].ends, Ends::AtOnce);
    }

    #[rstest]
    #[case("InvalidImageName", Cause::InvalidImageName)]
    #[case("ErrImageNeverPull", Cause::ImageNeverPulled)]
    #[case("RegistryUnavailable", Cause::RegistryUnreachable)]
    fn a_reason_alone_suffices(#[case] reason: &str, #[case] cause: Cause) {
        assert_eq!(diagnose(&waits(reason, "message")).cause, cause);
    }

    /// A pull, one that lacks a pull secret, and an earlier failure that is over.
    #[test]
    fn an_image_that_is_being_pulled_is_no_failure() {
        let mut evidence = waits("ContainerCreating", "");
        let secret = "Unable to retrieve some image pull secrets (x); attempting to pull";
        evidence.events = Looked::Seen(vec![
            event("x-exec-1", "FailedToRetrieveImagePullSecret", secret),
            event("x-exec-1", "Failed", "Failed to pull image \"i\": dial tcp: i/o timeout"),
            event("x-exec-1", "Pulling", "Pulling image \"i\""),
        ]);
        assert_eq!(findings(&evidence), []);
    }

    fn never_ran(code: i32, reason: &str, message: &str) -> Evidence {
        pod(|pod| {
            pod.phase = "Failed".into();
            pod.containers[0].ended =
                Some(Ended { code, reason: reason.into(), message: message.into() });
        })
    }

    const RUNC: &str = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ";

    #[rstest]
    #[case(
        "exec: \"/opt/entrypoint.sh\": stat /opt/entrypoint.sh: no such file or directory",
        Cause::ImageWithoutSpark
    )]
    #[case(
        "exec: \"executor\": executable file not found in $PATH: unknown",
        Cause::ImageWithoutSpark
    )]
    #[case("exec: \"/opt/entrypoint.sh\": permission denied: unknown", Cause::ImageWithoutSpark)]
    #[case("exec: \"/opt/entrypoint.sh\": exec format error", Cause::ImageOtherArchitecture)]
    #[case(
        "error mounting \"/a\" to rootfs at \"/b\": mount /a:/b: no such file or directory",
        Cause::ContainerNotCreated
    )]
    fn what_cannot_be_executed_is_named(#[case] message: &str, #[case] cause: Cause) {
        let message = format!("{RUNC}{message}");
        let ways = [
            never_ran(128, "StartError", &message),
            never_ran(127, "ContainerCannotRun", &message),
            waits("RunContainerError", &message),
            waits("CreateContainerError", &message),
        ];
        for evidence in ways {
            let diagnosis = diagnose(&evidence);
            assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        }
    }

    #[rstest]
    #[case(1, "exec /opt/entrypoint.sh: exec format error", Cause::ImageOtherArchitecture)]
    #[case(
        126,
        "/opt/entrypoint.sh: line 9: /opt/java/bin/java: cannot execute binary file: Exec format error",
        Cause::ImageOtherArchitecture
    )]
    #[case(1, "exec /opt/entrypoint.sh: no such file or directory", Cause::ImageWithoutSpark)]
    #[case(
        127,
        "/opt/entrypoint.sh: line 120: /opt/spark/bin/spark-class: No such file or directory",
        Cause::ImageWithoutSpark
    )]
    #[case(
        127,
        "/docker-entrypoint.sh: exec: line 47: executor: not found",
        Cause::ImageWithoutSpark
    )]
    #[case(127, "/bin/bash: line 1: executor: command not found", Cause::ImageWithoutSpark)]
    #[case(
        127,
        "[FATAL tini (7)] exec /opt/java/bin/java failed: No such file or directory",
        Cause::ImageWithoutSpark
    )]
    #[case(
        2,
        "python3: can't open file '/opt/executor': [Errno 2] No such file or directory",
        Cause::ImageWithoutSpark
    )]
    #[case(1, "Error: Could not find or load main class executor", Cause::ImageWithoutSpark)]
    #[case(1, "Unknown command: executor", Cause::ImageWithoutSpark)]
    #[case(127, "", Cause::ImageWithoutSpark)]
    #[case(126, "", Cause::ImageWithoutSpark)]
    #[case(1, "26/01/01 ERROR executor: not expected", Cause::ExecutorsDie)]
    fn an_entrypoint_that_is_not_sparks_is_named(
        #[case] code: i32,
        #[case] log: &str,
        #[case] cause: Cause,
    ) {
        let mut evidence = pod(|pod| pod.ends(code, "Error"));
        evidence.pods[0].log = log.into();
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
    }
}
