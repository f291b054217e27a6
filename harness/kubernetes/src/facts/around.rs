//! The facts of a namespace and its cluster.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    Event, LimitRange, Namespace, Node, PersistentVolumeClaim, Pod, ResourceQuota, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde::de::DeserializeOwned;
use sparkproof_base::events::Looked;
use sparkproof_judge::diagnosis::{
    Claim, Condition, EventFacts, NodeFacts, PodFacts, Policy, Quota, Scope, Surroundings,
};

use super::pod::{event, quantities};

/// The objects of a namespace and its cluster that may explain a failure, as they were listed. Each
/// kind that may not be listed says so.
#[derive(Debug, Default)]
pub struct Listed {
    /// The namespace.
    pub namespace: Looked<Namespace>,
    /// Its service accounts.
    pub accounts: Looked<Vec<ServiceAccount>>,
    /// Its quotas.
    pub quotas: Looked<Vec<ResourceQuota>>,
    /// Its LimitRanges.
    pub ranges: Looked<Vec<LimitRange>>,
    /// Its NetworkPolicies.
    pub policies: Looked<Vec<NetworkPolicy>>,
    /// Its claims.
    pub claims: Looked<Vec<PersistentVolumeClaim>>,
    /// The StorageClasses.
    pub classes: Looked<Vec<StorageClass>>,
    /// The nodes.
    pub nodes: Looked<Vec<Node>>,
    /// The Leases of `kube-system`.
    pub leases: Looked<Vec<Lease>>,
    /// The pods of `kube-system` with the label of those that serve DNS.
    pub resolvers: Looked<Vec<Pod>>,
    /// The endpoints of the cluster's DNS.
    pub dns: Looked<Vec<EndpointSlice>>,
}

/// The label of the endpoints of the Service that resolves names, and the Service.
pub const DNS_SERVICE: (&str, &str) = ("kubernetes.io/service-name", "kube-dns");
/// The label of the pods that serve DNS, in most clusters.
pub const DNS_LABEL: (&str, &str) = ("k8s-app", "kube-dns");

impl Listed {
    /// Lists all of them.
    pub async fn list(client: &kube::Client, namespace: &str) -> Listed {
        let labelled = |(key, value)| ListParams::default().labels(&format!("{key}={value}"));
        let (dns, service) = (labelled(DNS_LABEL), labelled(DNS_SERVICE));
        let all = ListParams::default();
        let (of_namespace, accounts, quotas, ranges, policies) = tokio::join!(
            async { Api::<Namespace>::all(client.clone()).get(namespace).await },
            list(Api::namespaced(client.clone(), namespace), &all),
            list(Api::namespaced(client.clone(), namespace), &all),
            list(Api::namespaced(client.clone(), namespace), &all),
            list(Api::namespaced(client.clone(), namespace), &all),
        );
        let (claims, classes, nodes, leases, resolvers, endpoints) = tokio::join!(
            list(Api::namespaced(client.clone(), namespace), &all),
            list(Api::all(client.clone()), &all),
            list(Api::all(client.clone()), &all),
            list(Api::namespaced(client.clone(), "kube-system"), &all),
            list(Api::namespaced(client.clone(), "kube-system"), &dns),
            list(Api::namespaced(client.clone(), "kube-system"), &service),
        );
        Listed {
            namespace: looked(of_namespace),
            accounts: looked(accounts),
            quotas: looked(quotas),
            ranges: looked(ranges),
            policies: looked(policies),
            claims: looked(claims),
            classes: looked(classes),
            nodes: looked(nodes),
            leases: looked(leases),
            resolvers: looked(resolvers),
            dns: looked(endpoints),
        }
    }

    /// The facts of them, for these pods of a session.
    pub fn facts(&self, pods: &[PodFacts]) -> Surroundings {
        let token = |account: &ServiceAccount| {
            (account.name_any(), account.automount_service_account_token)
        };
        let class = |class: &StorageClass| (class.name_any(), class.provisioner.clone());
        Surroundings {
            namespace_labels: of(&self.namespace, |one| one.labels().clone()),
            accounts: of(&self.accounts, |all| all.iter().map(token).collect()),
            quotas: of(&self.quotas, |all| all.iter().cloned().map(quota).collect()),
            limit_ranges: of(&self.ranges, |all| {
                all.iter().map(|one| (one.name_any(), limits(one))).collect()
            }),
            policies: of(&self.policies, |all| all.iter().map(|one| policy(one, pods)).collect()),
            claims: of(&self.claims, |all| all.iter().cloned().map(claim).collect()),
            classes: of(&self.classes, |all| all.iter().map(class).collect()),
            nodes: of(&self.nodes, |all| all.iter().cloned().map(node).collect()),
            schedulers: of(&self.leases, |all| schedulers(all)),
            dns_ready: self.dns_ready(),
        }
    }
}

impl Listed {
    /// A cluster may serve DNS by pods of any label, or by none: then it is not known.
    fn dns_ready(&self) -> Looked<usize> {
        if let Looked::Seen(slices) = &self.dns
            && !slices.is_empty()
        {
            let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
            let ready = endpoints.filter(|endpoint| {
                endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false)
            });
            return Looked::Seen(ready.count());
        }
        match &self.resolvers {
            Looked::Seen(pods) if pods.is_empty() => Looked::Unseen(
                "no Service kube-dns and no pod with the label k8s-app=kube-dns".to_owned(),
            ),
            pods => of(pods, |all| all.iter().filter(|pod| is_ready(pod)).count()),
        }
    }
}

/// Lists what there is around a session's pods. Each part that may not be listed says so.
pub async fn around(client: &kube::Client, namespace: &str, pods: &[PodFacts]) -> Surroundings {
    Listed::list(client, namespace).await.facts(pods)
}

/// The events of a namespace, oldest first.
///
/// # Errors
/// The API server's.
pub async fn events(client: &kube::Client, namespace: &str) -> kube::Result<Vec<EventFacts>> {
    let api = Api::<Event>::namespaced(client.clone(), namespace);
    Ok(in_order(api.list(&ListParams::default()).await?.items))
}

/// The facts of events, the oldest first.
pub fn in_order(mut listed: Vec<Event>) -> Vec<EventFacts> {
    let last = |event: &Event| {
        let series = event.series.as_ref().and_then(|series| series.last_observed_time.clone());
        let seen = event.last_timestamp.clone().map(|time| time.0);
        series.or(event.event_time.clone()).map(|time| time.0).or(seen)
    };
    listed.sort_by_key(|event| last(event));
    listed.into_iter().map(event).collect()
}

async fn list<K>(api: Api<K>, params: &ListParams) -> kube::Result<Vec<K>>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    Ok(api.list(params).await?.items)
}

/// An answer of the API server as a look: its own words where it refuses.
pub fn looked<T>(answer: kube::Result<T>) -> Looked<T> {
    match answer {
        Ok(seen) => Looked::Seen(seen),
        Err(kube::Error::Api(status)) => Looked::Unseen(status.message.clone()),
        Err(error) => Looked::Unseen(error.to_string()),
    }
}

fn of<T, U>(looked: &Looked<T>, facts: impl FnOnce(&T) -> U) -> Looked<U> {
    match looked {
        Looked::Seen(seen) => Looked::Seen(facts(seen)),
        Looked::Unseen(why) => Looked::Unseen(why.clone()),
    }
}

fn quota(quota: ResourceQuota) -> Quota {
    let name = quota.name_any();
    let (spec, status) = (quota.spec.unwrap_or_default(), quota.status.unwrap_or_default());
    let named = |name| Scope { name, operator: "Exists".to_owned(), values: Vec::new() };
    let selected = spec.scope_selector.into_iter().flat_map(|selector| {
        selector.match_expressions.into_iter().flatten().map(|scope| Scope {
            name: scope.scope_name,
            operator: scope.operator,
            values: scope.values.unwrap_or_default(),
        })
    });
    let scopes = spec.scopes.into_iter().flatten().map(named).chain(selected);
    Quota {
        name,
        hard: quantities(status.hard),
        used: quantities(status.used),
        scopes: scopes.collect(),
    }
}

/// As `Container max cpu=500m, default cpu=200m; Pod …`.
fn limits(range: &LimitRange) -> String {
    let items = range.spec.iter().flat_map(|spec| &spec.limits).map(|item| {
        let kinds = [
            ("min", &item.min),
            ("max", &item.max),
            ("default", &item.default),
            ("defaultRequest", &item.default_request),
        ];
        let of_kind = |(kind, values): (&str, &Option<BTreeMap<_, _>>)| {
            let values = quantities(values.clone()).into_iter();
            values.map(|(name, value)| format!("{kind} {name}={value}")).collect::<Vec<_>>()
        };
        format!(
            "{} {}",
            item.type_,
            kinds.into_iter().flat_map(of_kind).collect::<Vec<_>>().join(", ")
        )
    });
    items.collect::<Vec<_>>().join("; ")
}

fn policy(policy: &NetworkPolicy, pods: &[PodFacts]) -> Policy {
    let spec = policy.spec.clone().unwrap_or_default();
    let types = spec.policy_types.unwrap_or_default();
    let selector = spec.pod_selector.unwrap_or_default();
    let selected = pods.iter().filter(|pod| selects(&selector, &pod.labels));
    let (egress, ingress) = (
        types.iter().any(|kind| kind == "Egress"),
        // The default, also where no types are written.
        types.is_empty() || types.iter().any(|kind| kind == "Ingress"),
    );
    // An empty rule allows everything.
    let is_empty = |peers: bool, ports: bool| !peers && !ports;
    let opens_egress = egress
        && spec.egress.iter().flatten().any(|rule| {
            is_empty(
                rule.to.as_ref().is_some_and(|all| !all.is_empty()),
                rule.ports.as_ref().is_some_and(|all| !all.is_empty()),
            )
        });
    let opens_ingress = ingress
        && spec.ingress.iter().flatten().any(|rule| {
            is_empty(
                rule.from.as_ref().is_some_and(|all| !all.is_empty()),
                rule.ports.as_ref().is_some_and(|all| !all.is_empty()),
            )
        });
    Policy {
        name: policy.name_any(),
        selects: selected.map(|pod| pod.name.clone()).collect(),
        egress: egress && !opens_egress,
        ingress: ingress && !opens_ingress,
        opens_egress,
        opens_ingress,
    }
}

/// Kubernetes' rules for label selectors (`metav1.LabelSelectorAsSelector`).
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(k, v)| labels.get(k) == Some(v));
    let expressions = selector.match_expressions.iter().flatten();
    equal && { expressions }.all(|wanted| {
        let (value, values) = (labels.get(&wanted.key), wanted.values.iter().flatten());
        let is_one = value.is_some_and(|value| { values }.any(|one| one == value));
        match &*wanted.operator {
            "In" => is_one,
            "NotIn" => !is_one,
            "Exists" => value.is_some(),
            _ => value.is_none(),
        }
    })
}

fn claim(claim: PersistentVolumeClaim) -> Claim {
    let name = claim.name_any();
    let spec = claim.spec.unwrap_or_default();
    Claim {
        name,
        phase: claim.status.and_then(|status| status.phase).unwrap_or_default(),
        class: spec.storage_class_name,
        modes: spec.access_modes.unwrap_or_default(),
    }
}

fn node(node: Node) -> NodeFacts {
    let (name, labels) = (node.name_any(), node.labels().clone());
    let (spec, status) = (node.spec.unwrap_or_default(), node.status.unwrap_or_default());
    let taints = spec.taints.into_iter().flatten().map(|taint| {
        let value = taint.value.map(|value| format!("={value}")).unwrap_or_default();
        format!("{}{value}:{}", taint.key, taint.effect)
    });
    let conditions = status.conditions.into_iter().flatten().map(|condition| Condition {
        kind: condition.type_,
        status: condition.status,
        reason: condition.reason.unwrap_or_default(),
        message: condition.message.unwrap_or_default(),
    });
    NodeFacts {
        name,
        labels,
        taints: taints.collect(),
        allocatable: quantities(status.allocatable),
        conditions: conditions.collect(),
        unschedulable: spec.unschedulable == Some(true),
    }
}

/// Names of Leases of `kube-system` that are held: controllers and schedulers elect a leader by one.
fn schedulers(leases: &[Lease]) -> Vec<String> {
    let names: BTreeSet<String> = leases.iter().map(ResourceExt::name_any).collect();
    names.into_iter().collect()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    { conditions }.any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn pod(labels: &[(&str, &str)]) -> PodFacts {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        PodFacts { name: "x-exec-1".into(), labels, ..PodFacts::default() }
    }

    #[rstest]
    #[case::everything(json!({}), true)]
    #[case::equal(json!({ "matchLabels": { "spark-role": "executor" } }), true)]
    #[case::other(json!({ "matchLabels": { "spark-role": "driver" } }), false)]
    #[case::among(json!({ "matchExpressions": [{ "key": "spark-role", "operator": "In", "values": ["executor"] }] }), true)]
    #[case::not_among(json!({ "matchExpressions": [{ "key": "spark-role", "operator": "NotIn", "values": ["executor"] }] }), false)]
    #[case::there(json!({ "matchExpressions": [{ "key": "spark-role", "operator": "Exists" }] }), true)]
    #[case::absent(json!({ "matchExpressions": [{ "key": "spark-role", "operator": "DoesNotExist" }] }), false)]
    #[case::absent_and_not_among(json!({ "matchExpressions": [{ "key": "a", "operator": "NotIn", "values": ["b"] }] }), true)]
    fn a_policy_selects_as_kubernetes_does(
        #[case] selector: serde_json::Value,
        #[case] selected: bool,
    ) {
        let made: NetworkPolicy = serde_json::from_value(json!({
            "metadata": { "name": "deny" }, "spec": { "podSelector": selector, "policyTypes": ["Egress"] },
        }))
        .expect("a policy");
        let policy = policy(&made, &[pod(&[("spark-role", "executor")])]);
        assert_eq!(!policy.selects.is_empty(), selected);
        assert_eq!((policy.egress, policy.ingress), (true, false));
    }

    #[rstest]
    #[case::deny(json!({ "policyTypes": ["Egress", "Ingress"] }), (true, true, false, false))]
    #[case::allow(json!({ "policyTypes": ["Egress", "Ingress"], "egress": [{}], "ingress": [{}] }), (false, false, true, true))]
    #[case::allow_of_no_peers(json!({ "policyTypes": ["Egress"], "egress": [{ "to": [] }] }), (false, false, true, false))]
    #[case::some_ports(json!({ "policyTypes": ["Egress"], "egress": [{ "ports": [{ "port": 53 }] }] }), (true, false, false, false))]
    #[case::some_peers(json!({ "ingress": [{ "from": [{ "podSelector": {} }] }] }), (false, true, false, false))]
    fn a_policy_that_allows_everything_restricts_nothing(
        #[case] mut spec: serde_json::Value,
        #[case] expected: (bool, bool, bool, bool),
    ) {
        spec["podSelector"] = json!({});
        let made = json!({ "metadata": { "name": "p" }, "spec": spec });
        let policy = policy(&serde_json::from_value(made).expect("a policy"), &[]);
        let seen = (policy.egress, policy.ingress, policy.opens_egress, policy.opens_ingress);
        assert_eq!(seen, expected);
    }

    #[rstest]
    #[case::endpoints(Some(json!([{ "addresses": ["10.0.0.2"], "conditions": { "ready": true } }])), 0, Some(1))]
    #[case::none_is_ready(Some(json!([{ "addresses": ["10.0.0.2"], "conditions": { "ready": false } }])), 1, Some(0))]
    #[case::scaled_to_none(Some(json!([])), 0, Some(0))]
    #[case::by_pods(None, 1, Some(1))]
    #[case::of_another_kind(None, 0, None)]
    fn servers_of_dns_are_known_by_the_service_then_by_their_label(
        #[case] endpoints: Option<serde_json::Value>,
        #[case] pods: usize,
        #[case] ready: Option<usize>,
    ) {
        let slice = |endpoints: serde_json::Value| -> EndpointSlice {
            let slice = json!({ "addressType": "IPv4", "metadata": { "name": "kube-dns-x" },
                                "endpoints": endpoints });
            serde_json::from_value(slice).expect("a slice")
        };
        let pod = json!({ "metadata": { "name": "coredns" }, "status": { "conditions": [
            { "type": "Ready", "status": "True" }] } });
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let listed = Listed {
            dns: Looked::Seen(endpoints.into_iter().map(slice).collect()),
            resolvers: Looked::Seen(vec![pod; pods]),
            ..Listed::default()
        };
        assert_eq!(listed.facts(&[]).dns_ready.seen().copied(), ready);
    }

    #[test]
    fn a_limit_range_is_said_in_one_line() {
        let range: LimitRange = serde_json::from_value(json!({
            "metadata": { "name": "lr" },
            "spec": { "limits": [{ "type": "Container", "max": { "cpu": "500m" }, "default": { "cpu": "200m" } }] },
        }))
        .expect("a range");
        assert_eq!(limits(&range), "Container max cpu=500m, default cpu=200m");
    }
}
