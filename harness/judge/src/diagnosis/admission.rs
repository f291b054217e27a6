//! What the API server refuses: permissions, quotas, limits, security, policies, names.

mod planned;
mod plugin;
mod refused;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use self::refused::Refused;
use super::evidence::{DriverFacts, Evidence, PodFacts};
use super::finding::{Ends, Finding, SessionRule};

pub(super) const SESSION: &[SessionRule] =
    &[missing_verb, planned::quota_too_small, refused_objects];
pub(super) const LAST: &[SessionRule] = &[other_verb];

/// A missing permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingVerb {
    /// The verb, e.g. `deletecollection`.
    pub verb: String,
    /// The resource, e.g. `pods`.
    pub resource: String,
    /// The user, e.g. `system:serviceaccount:spark:spark`.
    pub user: String,
}

impl MissingVerb {
    /// Whether a driver without it gets no executor: it may not create what each needs, and asks
    /// again and again.
    pub fn is_final(&self) -> bool {
        self.verb == "create" && matches!(&*self.resource, "pods" | "persistentvolumeclaims")
    }
}

impl fmt::Display for MissingVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} may not {} {}", self.user, self.verb, self.resource)
    }
}

static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    // Also quoted in JSON; before Kubernetes 1.12 `cannot create pods in the namespace "x"`.
    Regex::new(
        r#"User \\?"([^"\\]+)\\?" cannot (\w+) (?:resource \\?"([^"\\]+)|([\w./]+) (?:in the namespace|at the cluster scope))"#,
    )
    .expect("a valid expression")
});

/// Every missing permission in a text (a driver's log), once each.
pub fn missing_verbs(text: &str) -> Vec<MissingVerb> {
    let found: BTreeSet<MissingVerb> = FORBIDDEN
        .captures_iter(text)
        .map(|c| MissingVerb {
            user: c[1].to_owned(),
            verb: c[2].to_owned(),
            resource: c.get(3).or(c.get(4)).map_or("", |m| m.as_str()).to_owned(),
        })
        .collect();
    found.into_iter().collect()
}

/// Verbs without which no session starts. Others (`list`, `get`, `delete`) explain a failure only
/// if nothing else does.
fn missing_verb(evidence: &Evidence) -> Option<Finding> {
    let needed = |m: &MissingVerb| {
        matches!(
            (m.verb.as_str(), m.resource.as_str()),
            (
                "create",
                "pods"
                    | "configmaps"
                    | "persistentvolumeclaims"
                    | "services"
                    | "statefulsets"
                    | "deployments"
            ) | ("watch", "pods")
                // spark-submit applies its objects.
                | ("patch", _)
        )
    };
    forbidden(missing(evidence).into_iter().filter(needed).collect())
}

fn other_verb(evidence: &Evidence) -> Option<Finding> {
    // Every driver cleans up at its end, and says so when it may not: it did not end of that.
    let gone = evidence.driver.gone;
    let counts = |m: &MissingVerb| !(gone && m.verb.starts_with("delete"));
    forbidden(missing(evidence).into_iter().filter(counts).collect())
}

fn missing(evidence: &Evidence) -> Vec<MissingVerb> {
    let texts = [&evidence.driver.log, &evidence.driver.reason];
    let mut missing: Vec<_> = texts.iter().flat_map(|text| missing_verbs(text)).collect();
    missing.extend(evidence.refusals.iter().flat_map(|refusal| missing_verbs(&refusal.message)));
    // The message for a refused watch (WebSocket) names neither user nor resource.
    let refused = ["Received 403 on websocket", "but was '403 Forbidden'"];
    if texts.iter().any(|t| refused.iter().any(|r| t.contains(r))) {
        missing.push(MissingVerb {
            verb: "watch".into(),
            resource: "pods".into(),
            user: "the driver's account".into(),
        });
    }
    // Without a name, the credentials are what is missing.
    missing.retain(|verb| verb.user != "system:anonymous");
    missing
}

fn forbidden(missing: Vec<MissingVerb>) -> Option<Finding> {
    let first = missing.first()?;
    let is_final = missing.iter().any(MissingVerb::is_final);
    let ends = if is_final { Ends::AtOnce } else { Ends::AtDeadline };
    let remedy = format!("allow {} on {} in the session's namespace", first.verb, first.resource);
    let mut finding = Finding::new(Cause::MissingVerb, first.to_string(), remedy).ends(ends);
    for one in &missing {
        finding = finding.because("API server", one.to_string());
    }
    Some(finding)
}

/// Whether the API server refuses executors, by the driver's log: each attempt of Spark takes the next
/// id, so that the highest one does not tell how many there were.
pub fn refuses_executors(driver_log: &str) -> bool {
    let driver = DriverFacts { log: driver_log.to_owned(), ..DriverFacts::default() };
    let evidence = Evidence { driver, ..Evidence::default() };
    refused::all(&evidence).iter().any(|one| one.executor().is_some())
}

/// What the API server refused, for another reason than a missing permission. The last refusal
/// counts: a driver asks again for ever.
fn refused_objects(evidence: &Evidence) -> Option<Finding> {
    let healthy = evidence.executors().filter(|pod| pod.is_healthy()).count();
    let wanted = usize::try_from(evidence.asked.executors).unwrap_or(usize::MAX);
    if healthy >= wanted.max(1) {
        return None;
    }
    // Pods of a higher number were made later than the one that was refused.
    let made = evidence.executors().filter_map(|pod| refused::number(&pod.name)).max();
    let alive = |pod: &&PodFacts| !pod.deleting && matches!(&*pod.phase, "Pending" | "Running");
    let alive = evidence.executors().filter(alive).count();
    let past = |one: &&Refused| {
        // One without a name, and all are there.
        one.name.is_empty() && !one.dry && alive >= wanted.max(1)
            || one.executor().is_some_and(|number| Some(number) < made)
            || !one.message.contains("already exists")
                && evidence.pods.iter().any(|pod| pod.name == one.name)
    };
    let refused = refused::all(evidence);
    refused.iter().rev().filter(|one| !past(one)).find_map(|one| {
        let finding = classify(evidence, one)?;
        // The driver's pods were admitted where a dry run was not; only a quota admits some.
        let other = one.dry && !evidence.pods.is_empty() && finding.cause != Cause::QuotaExceeded;
        (!other).then(|| finding.because(one.seen_in.as_str(), one.words()))
    })
}

/// The cause of a refusal, the most specific first: a webhook's words may be any.
fn classify(evidence: &Evidence, one: &Refused) -> Option<Finding> {
    if FORBIDDEN.is_match(&one.message) {
        return None;
    }
    plugin::by_webhook(one)
        .or_else(|| plugin::quota(one))
        .or_else(|| plugin::pod_security(one))
        .or_else(|| plugin::limit_range(evidence, one))
        .or_else(|| by_words(one))
        .or_else(|| invalid(one))
        .or_else(|| by_plugin(one))
}

/// Words of other plugins, their cause, the finding (before the server's words), the remedy.
const WORDS: [(&str, Cause, &str, &str); 9] = [
    (
        r#"error looking up service account \S+: serviceaccounts? "([^"]+)" not found"#,
        Cause::AccountMissing,
        "the service account does not exist",
        "make it in the session's namespace (kubectl create serviceaccount), or name another: \
         --service-account, spark.kubernetes.authenticate.executor.serviceAccountName",
    ),
    (
        r"no PriorityClass with name (\S+) was found",
        Cause::ClassMissing,
        "the PriorityClass does not exist",
        "make the PriorityClass, or name another in the pod template's priorityClassName",
    ),
    (
        r#"RuntimeClass "?([^" ]+)"? not found"#,
        Cause::ClassMissing,
        "the RuntimeClass does not exist",
        "make the RuntimeClass, or name another in the pod template's runtimeClassName",
    ),
    (
        r#"namespaces "([^"]+)" not found"#,
        Cause::NamespaceGone,
        "the namespace does not exist",
        "make the namespace, or name another (--namespace)",
    ),
    (
        r"namespace (\S+) because it is being terminated",
        Cause::NamespaceGone,
        "the namespace is being deleted",
        "use another namespace (--namespace), or make it again once it is gone",
    ),
    (
        r#"^(?:\w[\w.]*) "([^"]+)" already exists"#,
        Cause::NameConflict,
        "an object of this name exists already",
        "delete what an earlier session left (kubectl get pods,configmaps,services), or choose \
         another name (spark.app.name, spark.kubernetes.executor.podNamePrefix)",
    ),
    (
        r"cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on",
        Cause::MissingVerb,
        "the driver's account may not update pods/finalizers",
        "allow update on pods/finalizers in the session's namespace",
    ),
    (
        r"(?s)ValidatingAdmissionPolicy '([^']+)'.* denied request",
        Cause::PolicyDenied,
        "a ValidatingAdmissionPolicy denies it",
        "give the pods what the policy wants (spark.kubernetes.executor.label.*, a pod template), \
         or change the policy's binding",
    ),
    (
        r"image policy webhook backend denied",
        Cause::PolicyDenied,
        "an image policy denies the image",
        "use an image that the policy allows (--image)",
    ),
];

static EXPRESSIONS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    WORDS.iter().map(|(words, ..)| Regex::new(words).expect("a valid expression")).collect()
});

fn by_words(one: &Refused) -> Option<Finding> {
    let mut rules = WORDS.iter().zip(EXPRESSIONS.iter());
    let ((_, cause, says, remedy), found) =
        rules.find_map(|(rule, words)| Some((rule, words.captures(&one.message)?)))?;
    let ends = match (cause, found.get(1).map(|name| name.as_str())) {
        // The controller makes it shortly after its namespace.
        (Cause::AccountMissing, Some("default")) => Ends::IfItStays,
        // Spark's next attempt has another name.
        (Cause::NameConflict, _) if one.executor().is_some() => Ends::AtDeadline,
        _ => Ends::AtOnce,
    };
    let says = format!("{says}: {}", one.words());
    Some(Finding::new(*cause, says, *remedy).ends(ends))
}

/// Fields of an invalid object, and where a user sets them.
const FIELDS: [(&str, &str); 9] = [
    (
        "metadata.labels",
        "correct the label (spark.kubernetes.{role}.label.*): at most 63 letters, digits, '-', '_' \
         and '.', a letter or digit first and last",
    ),
    ("metadata.annotations", "correct the annotation (spark.kubernetes.{role}.annotation.*)"),
    (
        "metadata.name",
        "a shorter name in lower case, without other characters than letters, digits and '-' \
         (spark.app.name, spark.kubernetes.executor.podNamePrefix)",
    ),
    ("spec.hostname", "a shorter name (spark.app.name, spark.kubernetes.executor.podNamePrefix)"),
    (
        "resources",
        "fit requests and limits to each other (--{role}-cpu, --{role}-cpu-limit, \
         --{role}-memory)",
    ),
    (".env", "correct the variable (spark.executorEnv.*, spark.kubernetes.{role}.secretKeyRef.*)"),
    ("olume", "correct the volume (spark.kubernetes.{role}.volumes.*)"),
    ("nodeSelector", "correct the selector (spark.kubernetes.{role}.node.selector.*)"),
    ("imagePullSecrets", "correct the name in --image-pull-secret"),
];

/// A field in a message (`field.Error` of apimachinery).
static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"([a-z][\w.\[\]/-]*): (?:Invalid value|Required value|Unsupported value|Forbidden|Too long|Too many|Duplicate value|Not found)",
    )
    .expect("a valid expression")
});

/// What the API server's validation, or its decoder (`BadRequest`), refuses.
fn invalid(one: &Refused) -> Option<Finding> {
    let decoded = one.message.contains(" cannot be handled as a ");
    // 413: an object of more bytes than the API server takes, e.g. a ConfigMap.
    if !decoded && ![413, 422].contains(&one.code) && !one.message.contains(" is invalid: ") {
        return None;
    }
    let said = match one.message.split_once(" is invalid: ") {
        Some((_, said)) => said.split_whitespace().collect::<Vec<_>>().join(" "),
        None => one.words(),
    };
    let said = Refused { message: said, ..Refused::default() }.words();
    let mut fields: Vec<&str> = one.causes.iter().map(|(field, _)| &**field).collect();
    if fields.is_empty() {
        fields =
            FIELD.captures_iter(&one.message).filter_map(|c| Some(c.get(1)?.as_str())).collect();
    }
    let has = |part: &str| fields.iter().any(|field| field.contains(part));
    let mut remedies: Vec<&str> =
        FIELDS.iter().filter(|(part, _)| has(part)).map(|(_, remedy)| *remedy).collect();
    if decoded && one.message.contains("quantities") {
        remedies.push("correct the quantity: memory as 2Gi, CPU as 500m or 1");
    }
    if one.code == 413 || one.message.contains("Too long: must have at most 1048576 ") {
        remedies = vec!["keep large files out of SPARK_CONF_DIR, which becomes a ConfigMap"];
    }
    let remedy = match &*remedies {
        [] => "correct the field in the pod template or in spark.kubernetes.*".to_owned(),
        remedies => remedies.join("; "),
    };
    let says = format!("the API server finds {} not valid: {said}", one.whose());
    let remedy = remedy.replace("{role}", one.role());
    Some(Finding::new(Cause::InvalidPod, says, remedy).ends(Ends::AtOnce))
}

/// A 403 without a user that may not: only plugins of the API server say so.
fn by_plugin(one: &Refused) -> Option<Finding> {
    one.message.contains("\" is forbidden: ").then(|| {
        Finding::new(
            Cause::PolicyDenied,
            format!("an admission plugin denies {}: {}", one.whose(), one.words()),
            "give the pods what the message wants, by a pod template, or change the plugin's policy",
        )
        .ends(Ends::AtOnce)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use sparkproof_base::events::Looked;

    use super::super::evidence::{PodFacts, Refusal};
    use super::super::testing::{event, pod};
    use super::super::{diagnose, findings};
    use super::*;

    const URL: &str = "https://10.96.0.1/api/v1/namespaces/team/pods";

    /// fabric8 4.9 and 5 in a pod.
    fn old(message: &str) -> String {
        format!(
            "20/02/13 12:15:10 ERROR Utils: Uncaught exception in thread kubernetes-executor-snapshots-subscribers-1\n\
             io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: {URL}. \
             Message: Forbidden!Configured service account doesn't have access. Service account may have been revoked. {message}.\n\
             \tat io.fabric8.kubernetes.client.dsl.base.OperationSupport.requestFailure(OperationSupport.java:568)\n"
        )
    }

    /// fabric8 5 to 7, with its copy of the status.
    fn new(code: u16, kind: &str, message: &str) -> String {
        format!(
            "26/01/01 00:00:00 WARN ExecutorPodsSnapshotsStoreImpl: Exception when notifying snapshot subscriber.\n\
             io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: {URL}. \
             Message: {message}. Received status: Status(apiVersion=v1, code={code}, details=StatusDetails(\
             causes=[], group=null, kind={kind}, name=x-exec-1, retryAfterSeconds=null, uid=null, \
             additionalProperties={{}}), kind=Status, message={message}, metadata=ListMeta(_continue=null, \
             remainingItemCount=null, resourceVersion=null, selfLink=null, additionalProperties={{}}), \
             reason=Forbidden, status=Failure, additionalProperties={{}}).\n\
             \tat io.fabric8.kubernetes.client.dsl.internal.OperationSupport.requestFailure(OperationSupport.java:642)\n"
        )
    }

    /// A driver whose log is this, and no pod.
    fn logs(log: impl Into<String>) -> Evidence {
        let mut evidence = pod(|_| {});
        evidence.pods.clear();
        evidence.driver = DriverFacts { log: log.into(), ..DriverFacts::default() };
        evidence
    }

    fn forbidden(message: &str) -> Evidence {
        logs(new(403, "pods", &format!(r#"pods "x-exec-1" is forbidden: {message}"#)))
    }

    fn invalid(message: &str) -> Evidence {
        logs(new(422, "Pod", &format!(r#"Pod "x-exec-1" is invalid: {message}"#)))
    }

    fn internal(message: &str) -> Evidence {
        logs(new(500, "null", &format!("Internal error occurred: {message}")))
    }

    #[rstest]
    // Quotas (resourcequota/controller.go).
    #[case(
        forbidden("exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"),
        Cause::QuotaExceeded,
        "ResourceQuota q has no room for executors: requested pods=1, used pods=2, allowed pods=2",
        "--executors"
    )]
    #[case(
        forbidden(
            "exceeded quota: q, requested: limits.cpu=2,requests.memory=2Gi, used: limits.cpu=3,requests.memory=7Gi, limited: limits.cpu=4,requests.memory=8Gi"
        ),
        Cause::QuotaExceeded,
        "allowed limits.cpu=4,requests.memory=8Gi",
        "--executor-memory"
    )]
    #[case(
        logs(old(r#"pods "pi-exec-1" is forbidden: failed quota: system-resourcequota: must specify limits.cpu"#)),
        Cause::QuotaExceeded, "system-resourcequota wants a value of limits.cpu, which is not set in executors",
        "--executor-cpu-limit=1"
    )]
    #[case(
        forbidden(
            "failed quota: q: must specify limits.cpu for: spark-kubernetes-executor; limits.ephemeral-storage for: spark-kubernetes-executor"
        ),
        Cause::QuotaExceeded,
        "limits.ephemeral-storage",
        "pod template"
    )]
    // LimitRanges (limitranger/admission.go), in lower case and before 1.14 in upper case.
    #[case(
        forbidden("maximum cpu usage per Container is 500m, but limit is 1"),
        Cause::LimitRange,
        "maximum cpu usage per Container is 500m",
        "--executor-cpu"
    )]
    #[case(
        forbidden("maximum cpu usage per Container is 500m.  No limit is specified"),
        Cause::LimitRange,
        "No limit",
        "--executor-cpu-limit"
    )]
    #[case(
        forbidden(
            "[minimum memory usage per Container is 2Gi, but request is 1408Mi, maximum cpu usage per Pod is 1, but limit is 2]"
        ),
        Cause::LimitRange,
        "2Gi",
        "--executor-memory"
    )]
    #[case(
        forbidden("Minimum memory usage per Container is 2Gi, but request is 1408Mi."),
        Cause::LimitRange,
        "2Gi",
        "--executor-memory"
    )]
    #[case(
        forbidden(
            "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000"
        ),
        Cause::LimitRange,
        "ratio",
        "--executor-cpu-limit"
    )]
    #[case(
        invalid(r#"spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit"#),
        Cause::LimitRange, "a cpu limit below their request", "change the LimitRange"
    )]
    #[case(
        invalid(r#"spec.containers[0].resources.requests: Invalid value: "300m": must be less than or equal to cpu limit of 200m"#),
        Cause::LimitRange, "200m", "--executor-cpu"
    )]
    // Spark gives a memory limit itself.
    #[case(
        invalid(r#"spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi"#),
        Cause::InvalidPod, "memory limit of 1Gi", "--executor-memory"
    )]
    // Pod Security (pod-security-admission) and its forerunners.
    #[case(
        forbidden(r#"violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "spark-kubernetes-executor" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "spark-kubernetes-executor" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "spark-kubernetes-executor" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "spark-kubernetes-executor" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#),
        Cause::PodSecurity, "level restricted, which executors violate: allowPrivilegeEscalation != false",
        r#"--restricted, or a pod template (--pod-template) that sets securityContext.allowPrivilegeEscalation=false, securityContext.capabilities.drop=["ALL"], securityContext.runAsNonRoot=true, securityContext.seccompProfile.type to "RuntimeDefault""#
    )]
    #[case(
        forbidden(r#"violates PodSecurity "baseline:v1.33": hostPath volumes (volume "data")"#),
        Cause::PodSecurity,
        "level baseline",
        "another type than hostPath"
    )]
    #[case(
        forbidden(
            "PodSecurityPolicy: unable to admit pod: [spec.containers[0].securityContext.runAsUser: Invalid value: 0: running with the root UID is forbidden]"
        ),
        Cause::PodSecurity,
        "root UID",
        "pod template"
    )]
    #[case(
        forbidden(r#"unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user or serviceaccount]"#),
        Cause::PodSecurity, "anyuid", "add-scc-to-user"
    )]
    // Policies.
    #[case(
        logs(new(
            400,
            "null",
            "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/team/x-exec-1 was blocked due to the following policies \n\nrequire-labels:\n  check-for-labels: 'validation error: label app is required. rule check-for-labels failed at path /metadata/labels/app/'\n"
        )),
        Cause::PolicyDenied,
        "validate.kyverno.svc-fail denies pods: resource Pod/team/x-exec-1 was blocked due to the following policies require-labels: check-for-labels",
        "label"
    )]
    #[case(
        logs(new(403, "null", r#"admission webhook "validation.gatekeeper.sh" denied the request: [must-have-owner] you must provide labels: {"owner"}"#)),
        Cause::PolicyDenied, "validation.gatekeeper.sh", "label"
    )]
    #[case(
        logs(new(
            400,
            "null",
            r#"admission webhook "images.corp" denied the request without explanation"#
        )),
        Cause::PolicyDenied,
        "images.corp",
        "pod template"
    )]
    // A webhook may use others' words.
    #[case(
        logs(new(403, "null", r#"admission webhook "q.corp" denied the request: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"#)),
        Cause::PolicyDenied, "q.corp", ""
    )]
    #[case(
        forbidden(
            "ValidatingAdmissionPolicy 'no-latest' with binding 'team' denied request: failed expression: object.spec.containers.all(c, !c.image.endsWith(':latest'))"
        ),
        Cause::PolicyDenied,
        "no-latest",
        "binding"
    )]
    // Its default reason is Invalid, a 422.
    #[case(
        logs(new(
            422,
            "pods",
            "pods \"x-exec-1\" is invalid: : ValidatingAdmissionPolicy 'owner' with binding 'owner' denied request: a label owner is wanted"
        )),
        Cause::PolicyDenied,
        "a label owner is wanted",
        "label"
    )]
    #[case(
        forbidden("pod node label selector conflicts with its project node label selector"),
        Cause::PolicyDenied,
        "project node label selector",
        ""
    )]
    #[case(
        forbidden("image policy webhook backend denied one or more images: no"),
        Cause::PolicyDenied,
        "",
        "--image"
    )]
    // Webhooks that cannot be called.
    #[case(
        internal(r#"failed calling webhook "m.corp": failed to call webhook: Post "https://hook.ops.svc:443/mutate?timeout=10s": context deadline exceeded"#),
        Cause::WebhookFailed, "m.corp", "NetworkPolicy"
    )]
    #[case(
        internal(r#"failed calling webhook "m.corp": Post https://hook.ops.svc:443/mutate?timeout=30s: dial tcp 10.96.1.2:443: connect: connection refused"#),
        Cause::WebhookFailed, "connection refused", "Service"
    )]
    #[case(
        internal(r#"failed calling webhook "m.corp": failed to call webhook: Post "https://hook.ops.svc:443/m?timeout=10s": no endpoints available for service "hook""#),
        Cause::WebhookFailed, "no endpoints", "Service"
    )]
    #[case(
        internal(r#"failed calling webhook "m.corp": failed to call webhook: Post "https://hook.ops.svc:443/m?timeout=10s": service "hook" not found"#),
        Cause::WebhookFailed, "hook", "delete its configuration"
    )]
    #[case(
        internal(r#"failed calling webhook "m.corp": failed to call webhook: Post "https://hook.ops.svc:443/m?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority"#),
        Cause::WebhookFailed, "x509", "caBundle"
    )]
    #[case(
        internal(r#"failed calling webhook "m.corp": expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind="#),
        Cause::WebhookFailed, "AdmissionReview", "repair"
    )]
    // Names of others.
    #[case(
        logs(old(r#"pods "spark-pi-driver" is forbidden: error looking up service account spark-operator/spark: serviceaccount "spark" not found"#)),
        Cause::AccountMissing, r#"serviceaccount "spark" not found"#, "--service-account"
    )]
    #[case(
        forbidden("no PriorityClass with name high was found"),
        Cause::ClassMissing,
        "PriorityClass does not exist",
        "priorityClassName"
    )]
    #[case(
        forbidden(r#"pod rejected: RuntimeClass "gvisor" not found"#),
        Cause::ClassMissing,
        "gvisor",
        "runtimeClassName"
    )]
    #[case(
        logs(new(404, "namespaces", r#"namespaces "team" not found"#)),
        Cause::NamespaceGone,
        "does not exist",
        "--namespace"
    )]
    #[case(
        forbidden("unable to create new content in namespace team because it is being terminated"),
        Cause::NamespaceGone,
        "is being deleted",
        "--namespace"
    )]
    #[case(
        logs(new(409, "configmaps", r#"configmaps "spark-exec-1f-conf-map" already exists"#)),
        Cause::NameConflict,
        "spark-exec-1f-conf-map",
        "delete what"
    )]
    #[case(
        forbidden(
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>"
        ),
        Cause::MissingVerb,
        "pods/finalizers",
        "allow update on pods/finalizers"
    )]
    // Fields.
    #[case(
        invalid(r#"metadata.labels: Invalid value: "aaaa": must be no more than 63 characters"#),
        Cause::InvalidPod,
        "metadata.labels",
        "spark.kubernetes.executor.label.*"
    )]
    #[case(
        invalid(r#"[metadata.labels: Invalid value: "a b": a valid label must be an empty string, spec.hostname: Invalid value: "x": must be no more than 63 bytes]"#),
        Cause::InvalidPod, "a b", "label"
    )]
    #[case(
        invalid(
            r#"spec.containers[0].volumeMounts[2].mountPath: Invalid value: "/d": must be unique"#
        ),
        Cause::InvalidPod,
        "must be unique",
        "spark.kubernetes.executor.volumes.*"
    )]
    #[case(
        invalid(r#"spec.tolerations[0].effect: Unsupported value: "No""#),
        Cause::InvalidPod,
        "tolerations",
        "pod template"
    )]
    #[case(
        logs(new(413, "null", "Request entity too large: limit is 3145728")),
        Cause::InvalidPod,
        "too large",
        "SPARK_CONF_DIR"
    )]
    #[case(
        logs(new(400, "null", r#"Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"#)),
        Cause::InvalidPod, "quantities", "500m"
    )]
    fn a_refusal_has_a_name(
        #[case] evidence: Evidence,
        #[case] cause: Cause,
        #[case] says: &str,
        #[case] remedy: &str,
    ) {
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(says), "{}", diagnosis.says);
        assert!(diagnosis.remedy.contains(remedy), "{}", diagnosis.remedy);
        assert!(!diagnosis.says.contains("may have been revoked"), "{}", diagnosis.says);
    }

    fn registered(name: &str) -> PodFacts {
        PodFacts {
            name: name.into(),
            phase: "Running".into(),
            registered: true,
            ..Default::default()
        }
    }

    const QUOTA: &str = "exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2";

    fn refused(number: u32, code: u16, message: &str) -> String {
        new(code, "pods", &format!(r#"pods "x-exec-{number}" is forbidden: {message}"#))
    }

    fn with_pods(names: &[&str], asked: u32, log: String) -> Evidence {
        let mut evidence = logs(log);
        evidence.asked.executors = asked;
        evidence.pods = names.iter().map(|name| registered(name)).collect();
        evidence
    }

    /// What is refused in the end of a session, or was refused and then made, stops none.
    #[rstest]
    #[case(with_pods(&["x-exec-1", "x-exec-3"], 2, refused(2, 403, QUOTA)))]
    // Made at another attempt: what keeps it from starting is something else.
    #[case(with_pods(&["x-exec-2"], 2, refused(1, 403, QUOTA)))]
    #[case(logs(new(403, "x", "x").replace("POST", "DELETE")))]
    #[case(logs(new(403, "pods", r#"pods "x" is forbidden: exceeded quota: q"#).replace("POST", "GET")))]
    #[case(logs(
        "W1 warnings.go: would violate PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container"
    ))]
    #[case(logs(new(
        409,
        "pods",
        "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified; please apply your changes to the latest version and try again"
    )))]
    #[case(logs(new(429, "null", "Too many requests, please try again later")))]
    #[case(logs(new(401, "null", "Unauthorized")))]
    #[case(logs(new(
        400,
        "null",
        r#"admission webhook "x" does not support dry run because the effects are unknown"#
    )))]
    #[case(logs("INFO App: table \"pods\" already exists"))]
    fn what_stops_no_session_is_no_refusal(#[case] evidence: Evidence) {
        assert!(refused_objects(&evidence).is_none(), "{:?}", refused_objects(&evidence));
    }

    #[test]
    fn those_that_are_refused_are_named_beside_those_that_run() {
        let log = refused(3, 403, QUOTA) + &refused(4, 403, QUOTA);
        let evidence = with_pods(&["x-exec-1", "x-exec-2"], 3, log);
        let found = findings(&evidence);
        assert_eq!(found[0].cause, Cause::QuotaExceeded, "{found:?}");
        assert_eq!(found[0].ends, Ends::IfItStays);
    }

    #[test]
    fn executors_that_are_refused_are_known_by_the_drivers_log() {
        assert!(refuses_executors(&refused(7, 403, QUOTA)));
        assert!(!refuses_executors("INFO BlockManagerMasterEndpoint: Registering block manager"));
    }

    #[test]
    fn a_missing_permission_is_no_plugins_refusal() {
        for log in [old, |m: &str| new(403, "pods", m)].map(|log| {
            log(r#"pods is forbidden: User "system:serviceaccount:s:a" cannot create resource "pods" in API group "" in the namespace "s""#)
        }) {
            let found = findings(&logs(log));
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].cause, Cause::MissingVerb);
        }
        let before = r#"User "system:serviceaccount:s:a" cannot create pods in the namespace "s"."#;
        assert_eq!(missing_verbs(before)[0].resource, "pods");
        let json = r#"User \"u\" cannot create resource \"pods\" in API group \"\""#;
        assert_eq!(missing_verbs(json)[0].to_string(), "u may not create pods");
    }

    /// Another pod has no node: both are said, what is refused first.
    #[test]
    fn a_refusal_does_not_hide_what_keeps_others() {
        let mut evidence = with_pods(&["x-exec-1"], 3, refused(3, 403, QUOTA));
        let mut other = PodFacts { name: "x-exec-2".into(), ..PodFacts::default() };
        other.has_no_node("0/1 nodes are available: 1 Insufficient cpu.");
        evidence.pods.push(other);
        let causes: Vec<_> = findings(&evidence).iter().map(|f| f.cause).collect();
        assert_eq!(causes, [Cause::QuotaExceeded, Cause::InsufficientCpu]);
    }

    /// The last refusal is what still stands between the driver and its pods.
    #[test]
    fn the_last_refusal_counts() {
        let webhook = new(500, "null", r#"Internal error occurred: failed calling webhook "m": x"#);
        let found = findings(&logs(webhook + &refused(2, 403, QUOTA)));
        assert_eq!(found[0].cause, Cause::QuotaExceeded, "{found:?}");
    }

    #[rstest]
    // spark-submit and operators quote the exception; the Rust client words its own.
    #[case(format!("Exception in thread \"main\" {}", new(403, "pods", &format!("pods \"pi-driver\" is forbidden: {QUOTA}"))), Cause::QuotaExceeded)]
    #[case(
        format!(
            r#"ApiError: pods "s-driver" is forbidden: {QUOTA}: Forbidden (ErrorResponse {{ status: "Failure" }})"#
        ),
        Cause::QuotaExceeded
    )]
    #[case(r#"{"msg":"Failure executing: POST at: https://h/api/v1/namespaces/t/pods. Message: pods \"x-exec-1\" is forbidden: no PriorityClass with name high was found. Received status: Status(apiVersion=v1, code=403"}"#.to_owned(), Cause::ClassMissing)]
    #[case(r#"ApiError: namespaces "team" not found: NotFound (Status { code: 404 })"#.to_owned(), Cause::NamespaceGone)]
    #[case("admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/team/x was blocked".to_owned(), Cause::PolicyDenied)]
    fn a_drivers_error_is_read_too(#[case] reason: String, #[case] cause: Cause) {
        let mut evidence = logs("");
        evidence.driver.reason = reason;
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(!diagnosis.says.contains("ErrorResponse"), "{diagnosis}");
    }

    #[rstest]
    #[case("StatefulSet", "spark-s-spark-1f-0", true)]
    #[case("Deployment", "spark-d-spark-1f-0", true)]
    #[case("StatefulSet", "kafka", false)]
    #[case("Job", "spark-s-x", false)]
    fn controllers_of_spark_say_it_in_events(
        #[case] kind: &str,
        #[case] object: &str,
        #[case] ours: bool,
    ) {
        let message = format!(
            "create Pod {object}-0 in {kind} {object} failed error: pods \"{object}-0\" is forbidden: {QUOTA}"
        );
        let mut event = event(object, "FailedCreate", &message);
        event.kind = kind.into();
        let mut evidence = Evidence { events: Looked::Seen(vec![event]), ..logs("") };
        assert_eq!(diagnose(&evidence).cause == Cause::QuotaExceeded, ours);
        // It was made later.
        evidence.pods = vec![PodFacts { name: format!("{object}-0"), ..PodFacts::default() }];
        assert_eq!(diagnose(&evidence).cause, Cause::Unknown);
    }

    /// What is left of an application whose driver never had a pod.
    #[test]
    fn the_controller_of_a_driver_says_it_in_events() {
        let message = format!(r#"Error creating: pods "nightly-x7k2p" is forbidden: {QUOTA}"#);
        let mut event = event("nightly", "FailedCreate", &message);
        event.kind = "Job".into();
        let mut evidence = Evidence { events: Looked::Seen(vec![event]), ..logs("") };
        assert!(findings(&evidence).is_empty());
        evidence.asked.controller = "nightly".into();
        assert_eq!(diagnose(&evidence).cause, Cause::QuotaExceeded);
    }

    #[test]
    fn a_dry_run_is_refused_with_the_fields_at_fault() {
        let mut evidence = logs("");
        evidence.refusals.push(Refusal {
            code: 422,
            reason: "Invalid".into(),
            message: "Pod \"x\" is invalid: metadata.labels: Invalid value: \"a b\"".into(),
            causes: vec![("metadata.labels".into(), "Invalid value: \"a b\"".into())],
            request: "create pods (dry run)".into(),
        });
        let found = findings(&evidence);
        assert_eq!((found[0].cause, found[0].ends), (Cause::InvalidPod, Ends::AtOnce));
        assert_eq!(found[0].evidence[0].name, "create pods (dry run)");
        // The driver's own pods were admitted.
        evidence.pods = vec![PodFacts { name: "x-exec-1".into(), ..PodFacts::default() }];
        assert!(findings(&evidence).is_empty());
    }

    /// A status with causes, as fabric8 prints it.
    #[test]
    fn the_fields_at_fault_are_those_of_the_status() {
        let causes = r#"causes=[StatusCause(field=metadata.labels, message=Invalid value: "a b": a valid label must be an empty string, reason=FieldValueInvalid, additionalProperties={}), StatusCause(field=spec.hostname, message=Invalid value: "A", reason=FieldValueInvalid, additionalProperties={})]"#;
        let message = r#"Pod "x-exec-1" is invalid: [metadata.labels: Invalid value: "a b": a valid label must be an empty string, spec.hostname: Invalid value: "A"]"#;
        let log = new(422, "Pod", message).replace("causes=[]", causes);
        let refused = refused::all(&logs(&*log));
        assert_eq!(refused.len(), 1);
        let one = &refused[0];
        assert_eq!((one.code, &*one.resource, &*one.name), (422, "pods", "x-exec-1"));
        let fields: Vec<_> = one.causes.iter().map(|(field, _)| &**field).collect();
        assert_eq!(fields, ["metadata.labels", "spec.hostname"]);
        let remedy = diagnose(&logs(log)).remedy;
        assert!(remedy.contains(".label.*") && remedy.contains("shorter name"), "{remedy}");
    }

    /// What an earlier application left stands in the way, and is seen.
    #[test]
    fn a_pod_that_is_in_the_way_is_no_pod_that_was_made() {
        let mut evidence = logs(new(409, "pods", r#"pods "pi-driver" already exists"#));
        evidence.pods.push(PodFacts { name: "pi-driver".into(), ..PodFacts::default() });
        assert_eq!(diagnose(&evidence).cause, Cause::NameConflict);
    }

    #[test]
    fn a_quota_of_other_objects_is_not_cured_by_fewer_executors() {
        let message = r#"configmaps "spark-exec-1f-conf-map" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=9, limited: count/configmaps=9"#;
        let remedy = diagnose(&logs(new(403, "configmaps", message))).remedy;
        assert!(remedy.starts_with("delete what earlier sessions left"), "{remedy}");
    }

    #[test]
    fn a_limit_of_the_users_own_is_no_limit_range() {
        let message = r#"spec.containers[0].resources.requests: Invalid value: "1": must be less than or equal to cpu limit of 500m"#;
        let mut evidence = invalid(message);
        let ranges = BTreeMap::from([("lr".to_owned(), "Container default cpu=500m".to_owned())]);
        evidence.around.limit_ranges = Looked::Seen(ranges);
        let diagnosis = diagnose(&evidence);
        assert!(diagnosis.says.contains("LimitRange lr (Container default cpu=500m)"));
        evidence.around.limit_ranges = Looked::Seen(BTreeMap::new());
        assert_eq!(diagnose(&evidence).cause, Cause::InvalidPod);
        evidence.around.limit_ranges = Looked::default();
        evidence
            .asked
            .conf
            .insert("spark.kubernetes.executor.limit.cores".to_owned(), "500m".to_owned());
        assert_eq!(diagnose(&evidence).cause, Cause::InvalidPod);
    }

    /// The account `default` comes shortly after its namespace.
    #[rstest]
    #[case("default", Ends::IfItStays)]
    #[case("spark", Ends::AtOnce)]
    fn a_missing_account_ends_a_wait(#[case] name: &str, #[case] ends: Ends) {
        let message = format!(
            "error looking up service account team/{name}: serviceaccount \"{name}\" not found"
        );
        assert_eq!(findings(&forbidden(&message))[0].ends, ends);
    }
}
