//! A ResourceQuota that a session exceeds even if nothing else uses it: known before it starts.

use sparkproof_base::verdict::Cause;

use super::plugin::less;
use crate::diagnosis::evidence::{Evidence, Planned, PodFacts, Quota, Scope};
use crate::diagnosis::finding::{Ends, Finding};
use crate::diagnosis::quantity::quantity;

/// The part of a number that is lost in computing with it.
const ROUNDING: f64 = 1e-9;

/// A quota whose `hard` is below what the session asks for. What others use of it is left to the
/// start: they may end.
pub(super) fn quota_too_small(evidence: &Evidence) -> Option<Finding> {
    let planned = evidence.planned.as_ref()?;
    let quotas = evidence.around.quotas.seen()?;
    let applying = quotas.iter().filter(|quota| applies(quota, planned));
    let mut short = Vec::new();
    for quota in applying {
        for (resource, hard) in &quota.hard {
            let Some(allowed) = quantity(hard) else { continue };
            let each = of_executor(planned, resource);
            let beside: f64 = planned.beside.iter().map(|pod| of_pod(pod, resource)).sum();
            let wanted = each * f64::from(planned.executors) + beside;
            if each > 0.0 && wanted > allowed * (1.0 + ROUNDING) {
                let fit = ((allowed - beside) / each + ROUNDING).floor().max(0.0);
                short.push((quota, resource, hard, fit, wanted));
            }
        }
    }
    // The tightest first.
    short.sort_by(|a, b| a.3.total_cmp(&b.3));
    let (quota, resource, hard, fit, wanted) = short.first()?;
    let n = planned.executors;
    let says = format!(
        "the ResourceQuota {} never has room for {n} executors, at most for {fit}: they request \
         {resource}={}, allowed {resource}={hard}",
        quota.name,
        shown(resource, *wanted),
    );
    let mut finding = Finding::new(
        Cause::QuotaExceeded,
        says,
        less(&format!("{resource}="), &quota.name, false)
            .replace("or end what uses the quota, ", ""),
    );
    for (quota, resource, hard, _, wanted) in &short {
        finding = finding.because(
            format!("ResourceQuota {}", quota.name),
            format!("{resource}={hard}; {n} executors request {}", shown(resource, *wanted)),
        );
    }
    Some(finding.ends(Ends::AtOnce))
}

/// What an executor takes of a quota's resource, with the claims that Spark makes for it; 0 if it
/// takes none, or it is not known.
fn of_executor(planned: &Planned, resource: &str) -> f64 {
    let (class, of_claims) = match resource.split_once(".storageclass.storage.k8s.io/") {
        Some((class, of_claims)) => (Some(class), of_claims),
        None => (None, resource),
    };
    let claims = planned.claims.iter().filter(|claim| class.is_none_or(|c| claim.class == c));
    match of_claims {
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => claims.map(|_| 1.0).sum(),
        "requests.storage" => claims.filter_map(|claim| quantity(&claim.size)).sum(),
        _ => of_pod(&planned.executor, resource),
    }
}

fn of_pod(pod: &PodFacts, resource: &str) -> f64 {
    let containers = || pod.containers.iter().filter(|container| !container.init);
    let sum = |name: &str, limits: bool| {
        let of =
            containers().filter_map(|c| if limits { &c.limits } else { &c.requests }.get(name));
        of.filter_map(|text| quantity(text)).sum()
    };
    match resource {
        "pods" | "count/pods" => 1.0,
        "cpu" | "memory" | "ephemeral-storage" => sum(resource, false),
        _ => match (resource.strip_prefix("requests."), resource.strip_prefix("limits.")) {
            (Some(name), _) => sum(name, false),
            (_, Some(name)) => sum(name, true),
            _ => 0.0,
        },
    }
}

/// Whether the executors count for a quota (`resourcequota/evaluator/core/pods.go`). One of a scope
/// that is not known here is taken not to apply.
fn applies(quota: &Quota, planned: &Planned) -> bool {
    quota.scopes.iter().all(|scope| matches(scope, planned))
}

fn matches(scope: &Scope, planned: &Planned) -> bool {
    let main = &planned.executor.containers;
    let best_effort = main.iter().all(|c| c.requests.is_empty() && c.limits.is_empty());
    match &*scope.name {
        "Terminating" => planned.terminating,
        "NotTerminating" => !planned.terminating,
        "BestEffort" => best_effort,
        "NotBestEffort" => !best_effort,
        "PriorityClass" => {
            let class = &planned.priority_class;
            match &*scope.operator {
                "In" => scope.values.contains(class),
                "NotIn" => !scope.values.contains(class),
                "DoesNotExist" => class.is_empty(),
                _ => !class.is_empty(),
            }
        }
        _ => false,
    }
}

/// An amount, as the quota writes it.
fn shown(resource: &str, amount: f64) -> String {
    if resource.ends_with("memory") || resource.ends_with("storage") {
        return format!("{}Mi", (amount / 1_048_576.0).ceil());
    }
    format!("{}", (amount * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use sparkproof_base::events::Looked;

    use super::*;
    use crate::diagnosis::evidence::ContainerFacts;
    use crate::diagnosis::planned::PlannedClaim;
    use crate::diagnosis::{diagnose, findings};

    fn map(items: &[(&str, &str)]) -> BTreeMap<String, String> {
        items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// Three executors of 500m and 896Mi, with a claim of 10Gi each.
    fn planned(quotas: Vec<Quota>) -> Evidence {
        let requests = map(&[("cpu", "500m"), ("memory", "896Mi")]);
        let limits = map(&[("memory", "896Mi")]);
        let container = ContainerFacts { requests, limits, ..ContainerFacts::default() };
        let executor = PodFacts { containers: vec![container], ..PodFacts::default() };
        let claims = vec![PlannedClaim { class: "fast".into(), size: "10Gi".into() }];
        let planned = Planned { executors: 3, executor, claims, ..Planned::default() };
        let mut evidence = Evidence { planned: Some(planned), ..Evidence::default() };
        evidence.around.quotas = Looked::Seen(quotas);
        evidence
    }

    fn quota(hard: &[(&str, &str)]) -> Quota {
        Quota { name: "team".into(), hard: map(hard), ..Quota::default() }
    }

    #[rstest]
    #[case(("pods", "2"), Some("never has room for 3 executors, at most for 2: they request pods=3, allowed pods=2"))]
    #[case(("pods", "3"), None)]
    #[case(("requests.cpu", "1500m"), None)]
    #[case(("requests.cpu", "1400m"), Some("at most for 2: they request requests.cpu=1.5"))]
    #[case(("cpu", "1"), Some("at most for 2"))]
    #[case(("limits.memory", "1Gi"), Some("at most for 1: they request limits.memory=2688Mi"))]
    #[case(("memory", "2688Mi"), None)]
    // Not set, so that admission says it in its own words.
    #[case(("limits.cpu", "1"), None)]
    #[case(("persistentvolumeclaims", "2"), Some("at most for 2"))]
    #[case(("requests.storage", "20Gi"), Some("requests.storage=30720Mi"))]
    #[case(("fast.storageclass.storage.k8s.io/requests.storage", "20Gi"), Some("at most for 2"))]
    #[case(("slow.storageclass.storage.k8s.io/persistentvolumeclaims", "0"), None)]
    #[case(("services.loadbalancers", "0"), None)]
    fn a_quota_that_is_too_small_is_final(#[case] hard: (&str, &str), #[case] says: Option<&str>) {
        let evidence = planned(vec![quota(&[hard])]);
        let found = findings(&evidence);
        let Some(says) = says else { return assert!(found.is_empty(), "{found:?}") };
        assert_eq!((found[0].cause, found[0].ends), (Cause::QuotaExceeded, Ends::AtOnce));
        assert!(found[0].says.contains(says), "{}", found[0].says);
        assert!(found[0].remedy.contains("kubectl edit resourcequota team"), "{}", found[0].remedy);
    }

    /// Others may end; and an executor that runs shows what is true.
    #[test]
    fn what_others_use_is_not_final_and_nothing_is_said_after_the_start() {
        let mut evidence =
            planned(vec![Quota { used: map(&[("pods", "9")]), ..quota(&[("pods", "9")]) }]);
        assert!(findings(&evidence).is_empty(), "{:?}", findings(&evidence));
        evidence = planned(vec![quota(&[("pods", "1")])]);
        assert_eq!(diagnose(&evidence).cause, Cause::QuotaExceeded);
        evidence.planned = None;
        assert!(findings(&evidence).is_empty());
        evidence = planned(Vec::new());
        evidence.around.quotas = Looked::Unseen("forbidden".into());
        assert!(findings(&evidence).is_empty());
    }

    #[test]
    fn the_drivers_pod_counts_too() {
        let mut evidence = planned(vec![quota(&[("pods", "3")])]);
        let planned = evidence.planned.as_mut().expect("planned");
        planned.beside = vec![PodFacts::default()];
        let says = &findings(&evidence)[0].says;
        assert!(says.contains("at most for 2: they request pods=4"), "{says}");
    }

    #[rstest]
    #[case(("NotBestEffort", "", ""), true)]
    #[case(("BestEffort", "", ""), false)]
    #[case(("NotTerminating", "", ""), true)]
    #[case(("Terminating", "", ""), false)]
    #[case(("PriorityClass", "In", "high"), false)]
    #[case(("PriorityClass", "NotIn", "high"), true)]
    #[case(("PriorityClass", "In", "low"), true)]
    #[case(("PriorityClass", "Exists", ""), true)]
    #[case(("PriorityClass", "DoesNotExist", ""), false)]
    #[case(("CrossNamespacePodAffinity", "Exists", ""), false)]
    fn a_quota_of_a_scope_counts_what_matches(
        #[case] (name, operator, value): (&str, &str, &str),
        #[case] counts: bool,
    ) {
        let values = vec![value.to_owned()];
        let scope = Scope { name: name.into(), operator: operator.into(), values };
        let mut evidence = planned(vec![Quota { scopes: vec![scope], ..quota(&[("pods", "1")]) }]);
        evidence.planned.as_mut().expect("planned").priority_class = "low".into();
        assert_eq!(!findings(&evidence).is_empty(), counts);
    }
}
