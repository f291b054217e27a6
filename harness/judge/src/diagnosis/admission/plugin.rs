//! Refusals by admission plugins that say more than one thing: webhooks, quotas, Pod Security,
//! LimitRanges.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use super::super::evidence::Evidence;
use super::super::finding::{Ends, Finding};
use super::refused::Refused;

static WEBHOOK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?s)(?:admission webhook "([^"]+)" denied the request|failed calling (?:admission )?webhook "([^"]+)"):?\s*(.*)"#,
    )
    .expect("a valid expression")
});

/// Words of a failed call (`webhook/errors` of the API server, then Go's), and what to do.
const WEBHOOK_FAILED: [(&[&str], &str); 4] = [
    (
        &["x509", "tls:", "certificate"],
        "renew the webhook's certificate, or the caBundle of its configuration",
    ),
    (
        &["no endpoints available", "connection refused", "not found", "no such host"],
        "start the pods behind the webhook's Service, or delete its configuration if nothing \
         serves it any more (kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations)",
    ),
    (
        &["deadline exceeded", "timed out", "timeout", "Client.Timeout", "no route to host"],
        "see that the webhook's pods run and that the API server reaches them (a NetworkPolicy, a \
         firewall), or exclude the namespace from the webhook",
    ),
    (&[], "repair the webhook, or exclude the namespace from its configuration, until it answers"),
];

pub(super) fn by_webhook(one: &Refused) -> Option<Finding> {
    let found = WEBHOOK.captures(&one.message)?;
    let said = found[3].split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(name) = found.get(1) {
        let says = format!("the webhook {} denies {}: {said}", name.as_str(), one.whose());
        let remedy = "give the pods what the policy wants (labels and annotations by \
                      spark.kubernetes.executor.label.* and .annotation.*, the rest by a pod \
                      template), or have the policy exclude the namespace";
        return Some(Finding::new(Cause::PolicyDenied, says, remedy).ends(Ends::AtOnce));
    }
    let says = format!("the API server cannot call the webhook {}: {said}", &found[2]);
    let fits = |words: &[&str]| words.is_empty() || words.iter().any(|word| said.contains(word));
    let remedy = WEBHOOK_FAILED.iter().find(|(words, _)| fits(words)).map(|(_, remedy)| *remedy)?;
    Some(Finding::new(Cause::WebhookFailed, says, remedy).ends(Ends::IfItStays))
}

static EXCEEDED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)exceeded quota: (\S+), requested: (\S+), used: (\S+), limited: ([^\s:]+)")
        .expect("a valid expression")
});

static MUST_SPECIFY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)failed quota: (\S+): must specify (.+)").expect("a valid expression")
});

/// The quota plugin's words (`resourcequota/controller.go`).
pub(super) fn quota(one: &Refused) -> Option<Finding> {
    let (says, remedy) = if let Some(found) = EXCEEDED.captures(&one.message) {
        let says = format!(
            "the ResourceQuota {} has no room for {}: requested {}, used {}, allowed {}",
            &found[1],
            one.whose(),
            &found[2],
            &found[3],
            &found[4],
        );
        (says, less(&found[2], &found[1], one.is_driver()))
    } else if let Some(found) = MUST_SPECIFY.captures(&one.message) {
        let says = format!(
            "the ResourceQuota {} wants a value of {}, which is not set in {}",
            &found[1],
            &found[2],
            one.whose(),
        );
        (says, specify(&found[2], one.role()))
    } else if one.message.contains("insufficient quota to match these scopes")
        || one.message.contains("status unknown for quota")
    {
        let says = format!("no ResourceQuota has room for {}: {}", one.whose(), one.words());
        let remedy = "add a ResourceQuota for the pods' priority class to the namespace, or use \
                      another class; wait if the quota is new";
        (says, remedy.to_owned())
    } else {
        return None;
    };
    // Another session may end, or the quota be raised; a missing value stays missing.
    let ends = if one.message.contains("must specify") { Ends::AtOnce } else { Ends::IfItStays };
    Some(Finding::new(Cause::QuotaExceeded, says, remedy).ends(ends))
}

/// What to do about resources of which there are not enough.
pub(super) fn less(requested: &str, quota: &str, driver: bool) -> String {
    if driver {
        return format!(
            "a smaller driver (--driver-cpu, --driver-cpu-limit, --driver-memory), or end what uses the \
             quota, or raise it (kubectl edit resourcequota {quota})"
        );
    }
    let first = if ["configmaps=", "services=", "secrets="].iter().any(|o| requested.contains(o)) {
        "delete what earlier sessions left (kubectl get configmaps,services)"
    } else {
        "fewer executors (--executors)"
    };
    let mut ways = vec![first];
    for (words, way) in [
        ("cpu=", "less CPU each (--executor-cpu, --executor-cpu-limit)"),
        ("memory=", "less memory each (--executor-memory, spark.executor.memoryOverhead)"),
        ("storage=", "smaller claims or less ephemeral storage"),
        ("persistentvolumeclaims=", "fewer claims on demand"),
    ] {
        if requested.contains(words) {
            ways.push(way);
        }
    }
    format!(
        "{}, or end what uses the quota, or raise it (kubectl edit resourcequota {quota})",
        ways.join(", ")
    )
}

/// What to do about values that a quota wants and pods lack.
fn specify(wanted: &str, role: &str) -> String {
    let mut ways = Vec::new();
    if wanted.contains("limits.cpu") {
        ways.push(format!("--{role}-cpu-limit=1 (or more)"));
    }
    if wanted.replace("limits.cpu", "").contains("cpu") {
        ways.push(format!("--{role}-cpu"));
    }
    if wanted.contains("memory") || wanted.contains("storage") || ways.is_empty() {
        ways.push("the other values by a pod template (--pod-template)".to_owned());
    }
    ways.push("or a LimitRange with defaults in the namespace".to_owned());
    ways.join(", ")
}

static VIOLATES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?s)violates PodSecurity "([^":]+)[^"]*": (.*)"#).expect("a valid expression")
});

/// What a violated field wants, e.g. `securityContext.allowPrivilegeEscalation=false`.
static MUST_SET: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"must set ([^()]+?)(?: or "[^"]+")?\)"#).expect("a valid expression")
});

/// Pod Security admission (`pod-security-admission/policy`), and what came before it: the policies
/// of Kubernetes to 1.24, the security context constraints of OpenShift.
pub(super) fn pod_security(one: &Refused) -> Option<Finding> {
    let (says, remedy) = if let Some(found) = VIOLATES.captures(&one.message) {
        let fields = split(&found[2]);
        let says = format!(
            "the namespace enforces the Pod Security level {}, which {} violate: {}",
            &found[1],
            one.whose(),
            fields.join("; "),
        );
        let sets: Vec<_> = MUST_SET.captures_iter(&found[2]).map(|c| c[1].to_owned()).collect();
        (says, comply(&sets, &found[2]))
    } else if one.message.contains("PodSecurityPolicy: unable to admit")
        || one.message.contains("unable to validate against any security context constraint")
    {
        let says = format!("no security policy admits {}: {}", one.whose(), one.words());
        let remedy = "--restricted, or a pod template with what the policy wants, or allow the \
                      pods' service account to use a policy (on OpenShift: oc adm policy \
                      add-scc-to-user)";
        (says, remedy.to_owned())
    } else {
        return None;
    };
    Some(Finding::new(Cause::PodSecurity, says, remedy).ends(Ends::AtOnce))
}

fn comply(sets: &[String], fields: &str) -> String {
    let mut ways = Vec::new();
    if !sets.is_empty() {
        let sets = sets.join(", ");
        ways.push(format!("--restricted, or a pod template (--pod-template) that sets {sets}"));
    }
    if fields.contains("hostPath") || fields.contains("restricted volume types") {
        ways.push("volumes of another type than hostPath and nfs, e.g. a claim".to_owned());
    }
    if ways.is_empty() {
        ways.push("take the fields out of the pod template, or use --restricted".to_owned());
    }
    format!("{}; or use a namespace of another level", ways.join(", and "))
}

/// Splits `field (details), field (details)` at the commas outside of parentheses.
fn split(fields: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    for c in fields.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match parts.last_mut() {
            Some(_) if c == ',' && depth == 0 => parts.push(String::new()),
            Some(part) => part.push(c),
            None => {}
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Words of the plugin (`limitranger/admission.go`): `maximum cpu usage per Container is 500m, but
/// limit is 1`, `memory max limit to request ratio per Container is 1, but …`.
static LIMITS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:m(?:in|ax)imum (\S+) usage per \w+ is |(\S+) max limit to request ratio per )",
    )
    .expect("a valid expression")
});

static ABOVE_LIMIT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"must be less than or equal to (\S+) limit").expect("a valid expression")
});

/// A LimitRange also gives limits to containers without one; a request above such a limit is not
/// valid, and the API server does not say from where the limit is.
pub(super) fn limit_range(evidence: &Evidence, one: &Refused) -> Option<Finding> {
    let ranges = evidence.around.limit_ranges.seen();
    let (resource, says) = if let Some(found) = LIMITS.captures(&one.message) {
        let resource = found.get(1).or(found.get(2)).map_or("", |m| m.as_str());
        (resource, format!("does not allow {}", one.whose()))
    } else {
        let resource = ABOVE_LIMIT.captures(&one.message)?.get(1)?.as_str();
        let conf = &evidence.asked.conf;
        let asked = match resource {
            "cpu" => conf.contains_key(&format!("spark.kubernetes.{}.limit.cores", one.role())),
            // Spark gives executors a limit of memory.
            "memory" => one.executor().is_some(),
            _ => false,
        };
        let template = conf.contains_key("spark.kubernetes.executor.podTemplateFile");
        if asked || ranges.map_or(template, |ranges| ranges.is_empty()) {
            return None;
        }
        (resource, format!("gives {} a {resource} limit below their request", one.whose()))
    };
    let name = match ranges {
        Some(ranges) if !ranges.is_empty() => {
            ranges.iter().map(|(name, says)| format!(" {name} ({says})")).collect::<String>()
        }
        _ => " of the namespace".to_owned(),
    };
    let remedy = match resource {
        "cpu" => {
            format!("fit --{0}-cpu and --{0}-cpu-limit to it, or change the LimitRange", one.role())
        }
        "memory" => format!(
            "fit --{0}-memory and spark.{0}.memoryOverhead to it, or change the LimitRange",
            one.role()
        ),
        _ => format!("set {resource} by a pod template (--pod-template), or change the LimitRange"),
    };
    let said = one.message.split_once(": ").map_or(&*one.message, |(_, said)| said);
    let says = format!("the LimitRange{name} {says}: {said}");
    Some(Finding::new(Cause::LimitRange, says, remedy).ends(Ends::AtOnce))
}
