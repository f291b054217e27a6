//! The way between executors and the driver: addresses, names, policies, nodes, meshes.

mod attempt;

use std::collections::BTreeSet;
use std::net::IpAddr;

use sparkproof_base::events::Looked;
use sparkproof_base::verdict::Cause;
use sparkproof_catalog::plan::DriverPlace;

pub(super) use self::attempt::{API, names_host, not_connected};
use self::attempt::{How, Seen, TO_ITSELF};
use super::evidence::{ContainerFacts, Evidence, PodFacts, PodRole, Policy};
use super::finding::{Ends, Finding, PodRule, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[planned_loopback];
pub(super) const POD: &[PodRule] = &[way_to_driver];

/// What explains that an executor does not reach the driver, the most specific first.
const WAYS: [fn(&Seen<'_>) -> Option<Finding>; 8] =
    [loopback, no_dns, mesh, policy, other_nodes, dns, container, unreachable];

/// Only pods that never registered, while the driver is there: it cannot be reached after its end.
fn way_to_driver(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let seen = Seen::of(evidence, pod)?;
    WAYS.iter().find_map(|way| way(&seen))
}

fn is_address(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse().ok()
}

/// Whether a machine means itself by this host.
fn is_loopback(host: &str) -> bool {
    match is_address(host) {
        Some(ip) => ip.is_loopback(),
        None => {
            matches!(host, "localhost" | "ip6-localhost" | "localhost.localdomain")
                || host.ends_with(".localhost")
        }
    }
}

/// Whether only its own machine has this address.
fn is_of_one_machine(host: &str) -> bool {
    is_loopback(host)
        || match is_address(host) {
            Some(IpAddr::V4(ip)) => ip.is_unspecified() || ip.is_link_local(),
            Some(IpAddr::V6(ip)) => ip.is_unspecified() || ip.is_unicast_link_local(),
            None => false,
        }
}

/// Known before the driver starts. Executors on the network of a node may mean the driver by it.
fn planned_loopback(evidence: &Evidence) -> Option<Finding> {
    let planned = evidence.planned.as_ref()?;
    let asked = &evidence.asked;
    (is_of_one_machine(&asked.driver_host) && !planned.host_network).then(|| {
        Finding::new(Cause::LoopbackDriver, means_itself(evidence), not_itself(evidence))
            .because("driver's host", asked.driver_host.as_str())
            .ends(Ends::AtOnce)
    })
}

fn means_itself(evidence: &Evidence) -> String {
    let host = &evidence.asked.driver_host;
    format!("the driver's address for pods is {host}, by which a pod means itself")
}

fn not_itself(evidence: &Evidence) -> String {
    let mut remedy = to_be_reached(evidence).to_owned();
    if evidence.asked.driver == DriverPlace::Host {
        remedy += "; for nodes in Docker, this host is the gateway of their network (docker network inspect)";
    }
    remedy
}

fn loopback(seen: &Seen<'_>) -> Option<Finding> {
    let asked = &seen.evidence.asked;
    let says = if is_of_one_machine(&asked.driver_host) {
        means_itself(seen.evidence)
    } else if TO_ITSELF.is_match(seen.line) {
        format!("it takes the driver's host {} for itself: a loopback address", asked.driver_host)
    } else if is_loopback(&asked.driver_address) && seen.how == How::Refused {
        format!("the driver listens only at {}, which pods cannot reach", asked.driver_address)
    } else {
        return None;
    };
    let ends = if seen.how == How::Waits { Ends::AtDeadline } else { Ends::AtOnce };
    let finding = seen.finding(Cause::LoopbackDriver, says, not_itself(seen.evidence));
    Some(finding.because("driver's host", asked.driver_host.as_str()).ends(ends))
}

fn no_dns(seen: &Seen<'_>) -> Option<Finding> {
    let by_name = is_address(seen.host()).is_none() && !seen.host().is_empty();
    let asks = seen.how == How::Unresolved || (seen.how == How::Waits && by_name);
    (asks && seen.evidence.around.dns_ready == Looked::Seen(0)).then(|| {
        seen.finding(
            Cause::DnsBroken,
            format!("no DNS server of the cluster is ready, and it asks for {}", seen.host()),
            START_DNS,
        )
        .because("kube-system", NO_DNS_IS_READY)
        .ends(if seen.how == How::Waits { Ends::AtDeadline } else { Ends::IfItStays })
    })
}

/// The evidence when no DNS server is ready.
pub(super) const NO_DNS_IS_READY: &str = "the Service kube-dns has no ready endpoint, or no pod with the label k8s-app=kube-dns is ready";

/// The remedy when no DNS server is ready.
pub(super) const START_DNS: &str = "start the cluster's DNS: kubectl -n kube-system get pods -l k8s-app=kube-dns says why it is \
     not ready (scaled to 0, no node for it), kubectl -n kube-system scale deployment coredns --replicas=2 \
     starts it again";

/// The remedy when the DNS servers are ready, or nobody could look.
pub(super) const LOOK_AT_DNS: &str = "look at the cluster's DNS (kubectl -n kube-system get pods -l k8s-app=kube-dns, and their \
     logs), and at what stands between the pods and it";

fn dns(seen: &Seen<'_>) -> Option<Finding> {
    let of_cluster = seen.evidence.asked.driver == DriverPlace::Pod || seen.host().contains(".svc");
    let asked = if names_host(seen.line, API) { API } else { seen.host() };
    (seen.how == How::Unresolved && of_cluster).then(|| {
        seen.finding(Cause::DnsBroken, format!("it cannot resolve the name {asked}"), LOOK_AT_DNS)
    })
}

/// Policies that restrict what a pod may send, or what the driver's pod may receive.
pub(super) fn policies<'a>(evidence: &'a Evidence, pod: &str) -> Vec<&'a Policy> {
    let Looked::Seen(policies) = &evidence.around.policies else { return Vec::new() };
    let selects = |policy: &Policy, name: &str| policy.selects.iter().any(|pod| pod == name);
    let driver = evidence.pods.iter().find(|pod| pod.role == PodRole::Driver);
    // What one policy allows, no other forbids.
    let may_send = policies.iter().any(|policy| policy.opens_egress && selects(policy, pod));
    let may_receive = driver.is_some_and(|driver| {
        policies.iter().any(|policy| policy.opens_ingress && selects(policy, &driver.name))
    });
    let stands = |policy: &&Policy| {
        let takes =
            driver.is_some_and(|driver| driver.name != pod && selects(policy, &driver.name));
        (policy.egress && !may_send && selects(policy, pod))
            || (policy.ingress && !may_receive && takes)
    };
    policies.iter().filter(stands).collect()
}

/// Policies of a pod, except those with which another executor reached the driver.
fn policy(seen: &Seen<'_>) -> Option<Finding> {
    let evidence = seen.evidence;
    let came: Vec<&PodFacts> = evidence.executors().filter(|pod| pod.reached_driver()).collect();
    let lets_through =
        |policy: &&Policy| came.iter().any(|pod| policies(evidence, &pod.name).contains(policy));
    let mut between = policies(evidence, &seen.pod.name);
    between.retain(|policy| !lets_through(policy));
    if between.is_empty() {
        return None;
    }
    let says = format!("{}, and {} restricts it", seen.says(), names_of(&between));
    let remedy = match evidence.asked.driver {
        DriverPlace::Pod => {
            "allow the session's pods to each other (label spark-app-selector), ingress and egress, \
             and egress to the cluster's DNS (port 53, UDP and TCP)"
                .to_owned()
        }
        _ => format!(
            "allow the session's pods egress to the driver at {} and to the cluster's DNS (port 53, \
             UDP and TCP), and to each other",
            seen.host()
        ),
    };
    let finding = seen.finding(Cause::NetworkPolicy, says, remedy);
    Some(between.iter().fold(finding, |finding, policy| with_policy(finding, policy)))
}

/// `NetworkPolicy a` or `NetworkPolicies a, b`.
pub(super) fn names_of(policies: &[&Policy]) -> String {
    let names: Vec<&str> = policies.iter().map(|policy| &*policy.name).collect();
    let kind = if names.len() == 1 { "NetworkPolicy" } else { "NetworkPolicies" };
    format!("{kind} {}", names.join(", "))
}

/// A policy as evidence.
pub(super) fn with_policy(finding: Finding, policy: &Policy) -> Finding {
    let ways = [(policy.ingress, "ingress"), (policy.egress, "egress")];
    let ways: Vec<&str> = ways.iter().filter(|(is, _)| *is).map(|(_, way)| *way).collect();
    let text = format!("restricts {} of {}", ways.join(" and "), policy.selects.join(", "));
    finding.because(format!("NetworkPolicy {}", policy.name), text)
}

/// Parts of the names of containers that stand between a pod and others.
const MESHES: [&str; 9] =
    ["istio", "linkerd", "envoy", "mesh-", "-mesh", "consul", "kuma", "daprd", "osm-"];

/// Containers that Spark did not ask for: all but its own, which has the template's name or the
/// default one.
fn strange<'a>(evidence: &'a Evidence, pod: &'a PodFacts) -> Vec<&'a ContainerFacts> {
    let key = match pod.role {
        PodRole::Driver => "spark.kubernetes.driver.podTemplateContainerName",
        _ => "spark.kubernetes.executor.podTemplateContainerName",
    };
    let named = evidence.asked.conf.get(key).map(String::as_str);
    let default = ["spark-kubernetes-executor", "spark-kubernetes-driver"];
    let is_named = |c: &&ContainerFacts| {
        default.contains(&&*c.name) || named.is_some_and(|name| c.name == name)
    };
    let runs: Vec<_> = pod.containers.iter().filter(|c| !c.init).collect();
    let of_image = |c: &&ContainerFacts| c.image == evidence.asked.image;
    let own = runs.iter().copied().find(is_named);
    let own = own.or_else(|| runs.iter().copied().find(of_image)).or_else(|| runs.first().copied());
    // An init container that still runs is a sidecar, others have ended.
    let stays = |c: &&ContainerFacts| !c.init || (c.ended.is_none() && is_mesh(c));
    let is_own = |c: &&ContainerFacts| own.is_some_and(|own| own.name == c.name);
    pod.containers.iter().filter(|c| stays(c) && !is_own(c)).collect()
}

fn is_mesh(container: &ContainerFacts) -> bool {
    let image = container.image.rsplit('/').next().unwrap_or_default();
    MESHES.iter().any(|part| container.name.contains(part) || image.contains(part))
}

/// The container of a mesh in a pod.
pub(super) fn mesh_of<'a>(evidence: &'a Evidence, pod: &'a PodFacts) -> Option<&'a str> {
    let strange = strange(evidence, pod);
    strange.into_iter().find(|container| is_mesh(container)).map(|container| &*container.name)
}

/// What to do about a mesh's container.
pub(super) const WITHOUT_MESH: &str = "keep it out of Spark's pods: --conf spark.kubernetes.executor.annotation.sidecar.istio.io/inject=false \
     (Istio; other meshes have an annotation like it, set the same way, for the driver's pod with driver \
     in place of executor), or a pod template whose start waits for it";

fn sidecar(seen: &Seen<'_>, name: &str) -> Finding {
    let says =
        format!("{}, and the pod has a container {name} that Spark did not ask for", seen.says());
    seen.finding(Cause::Sidecar, says, WITHOUT_MESH).because("container", name)
}

fn mesh(seen: &Seen<'_>) -> Option<Finding> {
    mesh_of(seen.evidence, seen.pod).map(|name| sidecar(seen, name))
}

/// Another container than a mesh's, if no executor with one like it reached the driver.
fn container(seen: &Seen<'_>) -> Option<Finding> {
    let has = |pod: &PodFacts, name: &str| pod.containers.iter().any(|c| c.name == name);
    let mut came = seen.evidence.executors().filter(|pod| pod.reached_driver());
    let strange = strange(seen.evidence, seen.pod);
    let first = strange.first().filter(|_| seen.how != How::Waits)?;
    (!came.any(|pod| has(pod, &first.name))).then(|| sidecar(seen, &first.name))
}

/// All executors that fail are on other nodes than the driver and the executors that came.
fn other_nodes(seen: &Seen<'_>) -> Option<Finding> {
    let evidence = seen.evidence;
    let node = |pod: &PodFacts| pod.node.clone();
    let driver = evidence.pods.iter().filter(|pod| pod.role == PodRole::Driver);
    let driver: BTreeSet<String> = driver.filter_map(node).collect();
    let came = evidence.executors().filter(|pod| pod.reached_driver());
    let came: BTreeSet<String> = came.filter_map(node).collect();
    let fails: Vec<&PodFacts> =
        evidence.executors().filter(|pod| Seen::of(evidence, pod).is_some()).collect();
    let bad: BTreeSet<String> = fails.iter().filter_map(|pod| pod.node.clone()).collect();
    let good: BTreeSet<String> = driver.union(&came).cloned().collect();
    let known = fails.iter().all(|pod| pod.node.is_some()) && !good.is_empty();
    // Without an executor that came, it must be silence, and no policy.
    let no_policy = matches!(&evidence.around.policies, Looked::Seen(all) if all.is_empty());
    let fits = match seen.how {
        // The DNS servers may be on the nodes that are cut off.
        How::Unresolved | How::Waits => !came.is_empty(),
        How::Silent => !came.is_empty() || no_policy,
        How::Refused | How::Other => false,
    };
    if !(known && fits && good.is_disjoint(&bad)) {
        return None;
    }
    let list = |nodes: &BTreeSet<String>| nodes.iter().cloned().collect::<Vec<_>>().join(", ");
    let says = format!(
        "executors on {} do not reach the driver at {}, those on {} are not cut off",
        list(&bad),
        seen.host(),
        list(&good)
    );
    Some(seen.finding(
        Cause::OtherNodesOnly,
        says,
        "look at the network between the nodes (the CNI's pods, a firewall on their tunnel's port, \
         routes); until then keep the pods on one node with --conf \
         spark.kubernetes.node.selector.kubernetes.io/hostname=NODE",
    ))
}

fn unreachable(seen: &Seen<'_>) -> Option<Finding> {
    Some(seen.finding(Cause::DriverUnreachable, seen.says(), to_be_reached(seen.evidence)))
}

/// The remedy, which depends on the places of driver and cluster: sparkproof's container cannot join
/// the network of the user's cluster, and only a driver on this host has an address to choose.
fn to_be_reached(evidence: &Evidence) -> &'static str {
    match (evidence.asked.driver, evidence.asked.cluster_of_user) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::testing::said;
    use crate::diagnosis::{Asked, diagnose};
    use rstest::rstest;

    const HOST: &str = "s-driver.team.svc";

    /// What an executor of Spark 3.5 and 4 prints when it gives up.
    fn gave_up(host: &str, root: &str) -> String {
        format!(
            "26/01/01 10:00:00 INFO SecurityManager: SecurityManager: authentication disabled\n\
             Exception in thread \"main\" java.lang.reflect.UndeclaredThrowableException\n\
             \tat org.apache.hadoop.security.UserGroupInformation.doAs(UserGroupInformation.java:1894)\n\
             Caused by: org.apache.spark.SparkException: Exception thrown in awaitResult: \n\
             \tat org.apache.spark.util.SparkThreadUtils$.awaitResult(SparkThreadUtils.scala:56)\n\
             Caused by: java.io.IOException: Failed to connect to {host}\n\
             \tat org.apache.spark.network.client.TransportClientFactory.createClient(TransportClientFactory.java:294)\n\
             {root}\n\
             \tat java.base/java.lang.Thread.run(Unknown Source)\n"
        )
    }

    const UNKNOWN: &str = "Caused by: java.net.UnknownHostException: s-driver.team.svc";
    const REFUSED: &str = "Caused by: io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: /10.0.0.9:7078";
    const NO_ROUTE: &str = "Caused by: io.netty.channel.AbstractChannel$AnnotatedNoRouteToHostException: No route to host: /10.0.0.9:7078";
    const WAITED: &str = "Caused by: java.io.IOException: Connecting to s-driver.team.svc/10.0.0.9:7078 timed out (120000 ms)";
    const SLOW: &str = "26/01/01 10:00:40 WARN TransportClientFactory: DNS resolution failed for s-driver.team.svc/<unresolved>:7078 took 40035 ms";

    fn in_pod(log: &str) -> Evidence {
        let mut evidence = said(log);
        evidence.asked.driver = DriverPlace::Pod;
        evidence.asked.driver_host = HOST.into();
        let node = Some("a".to_owned());
        evidence.pods.push(PodFacts {
            name: "s-driver".into(),
            role: PodRole::Driver,
            phase: "Running".into(),
            node,
            has_token: true,
            ..PodFacts::default()
        });
        evidence
    }

    fn other(evidence: &mut Evidence, change: impl FnOnce(&mut PodFacts)) {
        let mut pod = PodFacts { name: "x-exec-2".into(), ..PodFacts::default() };
        change(&mut pod);
        evidence.pods.push(pod);
    }

    fn came(pod: &mut PodFacts) {
        (pod.registered, pod.phase) = (true, "Running".into());
    }

    fn policy(name: &str, selects: &[&str], egress: bool, ingress: bool) -> Policy {
        let selects = selects.iter().map(|&name| name.to_owned()).collect();
        Policy { name: name.into(), selects, egress, ingress, ..Policy::default() }
    }

    fn with(mut evidence: Evidence, change: impl FnOnce(&mut Evidence)) -> Evidence {
        change(&mut evidence);
        evidence
    }

    /// Another policy allows everything, which counts for both.
    #[test]
    fn what_one_policy_allows_no_other_forbids() {
        let mut evidence = in_pod(SLOW);
        let deny = policy("deny", &["x-exec-1"], true, false);
        sees(&mut evidence, vec![deny.clone()]);
        assert_eq!(policies(&evidence, "x-exec-1").len(), 1);
        let allow = Policy { opens_egress: true, ..policy("allow", &["x-exec-1"], false, false) };
        sees(&mut evidence, vec![deny.clone(), allow.clone()]);
        assert!(policies(&evidence, "x-exec-1").is_empty());
        let allow = Policy { selects: vec!["other".into()], ..allow };
        sees(&mut evidence, vec![deny, allow]);
        assert_eq!(policies(&evidence, "x-exec-1").len(), 1);
    }

    /// Known before the driver starts; executors on a node's own network may mean the driver by it.
    #[rstest]
    #[case("127.0.0.1", false, Some(Cause::LoopbackDriver))]
    #[case("0.0.0.0", false, Some(Cause::LoopbackDriver))]
    #[case("localhost", false, Some(Cause::LoopbackDriver))]
    #[case("127.0.0.1", true, None)]
    #[case("172.18.0.1", false, None)]
    fn a_loopback_address_is_refused_before_the_start(
        #[case] host: &str,
        #[case] host_network: bool,
        #[case] cause: Option<Cause>,
    ) {
        let mut evidence = Evidence::default();
        evidence.asked.driver_host = host.into();
        assert!(crate::diagnosis::findings(&evidence).is_empty());
        evidence.planned = Some(crate::diagnosis::Planned {
            host_network,
            ..crate::diagnosis::Planned::default()
        });
        let found = crate::diagnosis::findings(&evidence);
        assert_eq!(
            found.first().map(|one| (one.cause, one.ends)),
            cause.map(|one| (one, Ends::AtOnce))
        );
        let says = found.first().map(|one| one.says.clone()).unwrap_or_default();
        assert!(cause.is_none() || says.contains(host), "{says}");
    }

    fn sees(evidence: &mut Evidence, policies: Vec<Policy>) {
        evidence.around.policies = Looked::Seen(policies);
    }

    fn contains(evidence: &mut Evidence, names: &[&str]) {
        let one = |&name: &&str| ContainerFacts { name: name.into(), ..ContainerFacts::default() };
        evidence.pods[0].containers = names.iter().map(one).collect();
    }

    fn at_work(evidence: &mut Evidence, age: u64) {
        evidence.pods[0].phase = "Running".into();
        evidence.pods[0].age = Some(age);
    }

    const STARTED: &str = "26/01/01 10:00:00 INFO SecurityManager: Changing view acls to: 185\n\
        26/01/01 10:00:00 INFO SecurityManager: SecurityManager: authentication disabled";

    #[rstest]
    #[case::name(in_pod(&gave_up("s-driver.team.svc:7078", UNKNOWN)), Cause::DnsBroken, &["s-driver.team.svc"])]
    #[case::name_that_is_asked_slowly(in_pod(SLOW), Cause::DnsBroken, &["s-driver.team.svc"])]
    #[case::no_server(with(in_pod(SLOW), |e| e.around.dns_ready = Looked::Seen(0)), Cause::DnsBroken, &["no DNS server", HOST])]
    #[case::no_server_yet_quiet(with(in_pod(STARTED), |e| { at_work(e, 90); e.around.dns_ready = Looked::Seen(0) }), Cause::DnsBroken, &["no DNS server"])]
    #[case::refused(in_pod(&gave_up("s-driver.team.svc/10.0.0.9:7078", REFUSED)), Cause::DriverUnreachable, &["refused"])]
    #[case::no_route(in_pod(&gave_up("s-driver.team.svc/10.0.0.9:7078", NO_ROUTE)), Cause::DriverUnreachable, &["no answer"])]
    #[case::quiet(with(in_pod(STARTED), |e| at_work(e, 90)), Cause::DriverUnreachable, &["no connection to the driver"])]
    #[case::cut(in_pod("26/01/01 10:00:00 ERROR TransportResponseHandler: Still have 1 requests outstanding when connection from s-driver.team.svc/10.0.0.9:7078 is closed"), Cause::DriverUnreachable, &[])]
    #[case::cut_at_once(in_pod("Caused by: java.io.IOException: Connection from s-driver.team.svc/10.0.0.9:7078 closed"), Cause::DriverUnreachable, &[])]
    #[case::policy_of_executors(
        with(in_pod(WAITED), |e| sees(e, vec![policy("deny", &["x-exec-1"], true, false)])),
        Cause::NetworkPolicy, &["NetworkPolicy deny"]
    )]
    #[case::policy_of_the_driver(
        with(in_pod(WAITED), |e| sees(e, vec![policy("deny", &["s-driver"], false, true)])),
        Cause::NetworkPolicy, &["deny"]
    )]
    #[case::policy_and_names(
        with(in_pod(&gave_up("s-driver.team.svc:7078", UNKNOWN)), |e| sees(e, vec![policy("deny", &["x-exec-1"], true, true)])),
        Cause::NetworkPolicy, &["deny", "resolve"]
    )]
    #[case::policy_while_it_waits(
        with(in_pod(STARTED), |e| { at_work(e, 90); sees(e, vec![policy("a", &["x-exec-1"], true, true), policy("b", &["x-exec-1"], true, true)]) }),
        Cause::NetworkPolicy, &["NetworkPolicies a, b"]
    )]
    // No DNS at all is the reason, whatever the policies.
    #[case::policy_and_no_dns(
        with(in_pod(SLOW), |e| { e.around.dns_ready = Looked::Seen(0); sees(e, vec![policy("deny", &["x-exec-1"], true, true)]) }),
        Cause::DnsBroken, &[]
    )]
    // Spark's own policy lets only the session's pods in; another selects nobody.
    #[case::policy_elsewhere(
        with(in_pod(WAITED), |e| sees(e, vec![policy("own", &["x-exec-1"], false, true), policy("n", &[], true, true)])),
        Cause::DriverUnreachable, &[]
    )]
    #[case::policy_that_lets_through(
        with(in_pod(WAITED), |e| { other(e, came); sees(e, vec![policy("ok", &["x-exec-1", "x-exec-2"], true, true)]) }),
        Cause::DriverUnreachable, &[]
    )]
    #[case::other_node(
        with(in_pod(WAITED), |e| { e.pods[0].node = Some("b".into()); other(e, |p| { came(p); p.node = Some("a".into()) }) }),
        Cause::OtherNodesOnly, &["on b", "on a"]
    )]
    #[case::other_node_alone(
        with(in_pod(WAITED), |e| { e.pods[0].node = Some("b".into()); sees(e, Vec::new()) }),
        Cause::OtherNodesOnly, &[]
    )]
    #[case::names_on_another_node(
        with(in_pod(SLOW), |e| { e.pods[0].node = Some("b".into()); other(e, |p| { came(p); p.node = Some("a".into()) }) }),
        Cause::OtherNodesOnly, &["on b"]
    )]
    #[case::same_node_too(
        with(in_pod(WAITED), |e| { e.pods[0].node = Some("b".into()); other(e, |p| { p.log = WAITED.into(); p.node = Some("a".into()) }) }),
        Cause::DriverUnreachable, &[]
    )]
    #[case::refused_on_another_node(
        with(in_pod(&gave_up("s-driver.team.svc/10.0.0.9:7078", REFUSED)), |e| { e.pods[0].node = Some("b".into()); sees(e, Vec::new()) }),
        Cause::DriverUnreachable, &[]
    )]
    #[case::istio(
        with(in_pod(&gave_up("s-driver.team.svc/10.0.0.9:7078", REFUSED)), |e| contains(e, &["istio-proxy", "spark-kubernetes-executor"])),
        Cause::Sidecar, &["istio-proxy"]
    )]
    #[case::some_container(
        with(in_pod(&gave_up("s-driver.team.svc/10.0.0.9:7078", REFUSED)), |e| contains(e, &["spark-kubernetes-executor", "guard"])),
        Cause::Sidecar, &["guard"]
    )]
    // Istio takes the connection itself, and closes it (Spark 2.4 to 4).
    #[case::istio_closes(
        with(in_pod("26/01/01 10:00:00 INFO TransportClientFactory: Successfully created connection to s-driver.team.svc/10.0.0.9:7078 after 99 ms (0 ms spent in bootstraps)\n26/01/01 10:00:00 ERROR TransportResponseHandler: Still have 1 requests outstanding when connection from  s-driver.team.svc/10.0.0.9:7078 is closed"), |e| contains(e, &["spark-kubernetes-executor", "istio-proxy"])),
        Cause::Sidecar, &["istio-proxy"]
    )]
    #[case::only_sparks(
        with(in_pod(WAITED), |e| contains(e, &["spark-kubernetes-executor"])),
        Cause::DriverUnreachable, &[]
    )]
    #[case::a_template_names_sparks(
        with(in_pod(WAITED), |e| {
            contains(e, &["main"]);
            e.asked.conf.insert("spark.kubernetes.executor.podTemplateContainerName".into(), "main".into());
        }),
        Cause::DriverUnreachable, &[]
    )]
    fn the_way_has_a_name(
        #[case] evidence: Evidence,
        #[case] cause: Cause,
        #[case] words: &[&str],
    ) {
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(words.iter().all(|word| diagnosis.says.contains(word)), "{diagnosis}");
    }

    fn outside(host: &str, address: &str, log: &str) -> Evidence {
        let mut evidence = said(log);
        let (driver_host, driver_address) = (host.into(), address.into());
        evidence.asked = Asked { driver_host, driver_address, ..evidence.asked };
        evidence
    }

    #[rstest]
    #[case("127.0.0.1", "", &gave_up("/127.0.0.1:7078", REFUSED), Cause::LoopbackDriver)]
    #[case("localhost", "", &gave_up("localhost/127.0.0.1:7078", REFUSED), Cause::LoopbackDriver)]
    #[case("0.0.0.0", "", &gave_up("/0.0.0.0:7078", REFUSED), Cause::LoopbackDriver)]
    #[case("::1", "", &gave_up("/[::1]:7078", REFUSED), Cause::LoopbackDriver)]
    #[case("169.254.3.1", "", &gave_up("/169.254.3.1:7078", NO_ROUTE), Cause::LoopbackDriver)]
    // A name that the pod resolves to itself.
    #[case("laptop", "", &gave_up("laptop/127.0.1.1:7078", REFUSED), Cause::LoopbackDriver)]
    #[case("10.0.0.9", "127.0.0.1", &gave_up("/10.0.0.9:7078", REFUSED), Cause::LoopbackDriver)]
    #[case("10.0.0.9", "0.0.0.0", &gave_up("/10.0.0.9:7078", REFUSED), Cause::DriverUnreachable)]
    #[case("10.0.0.9", "10.0.0.9", &gave_up("/10.0.0.9:7078", REFUSED), Cause::DriverUnreachable)]
    // The name of a machine that is not the cluster's.
    #[case("laptop", "", "java.net.UnknownHostException: laptop", Cause::DriverUnreachable)]
    // The executor's own name; a file's host.
    #[case(
        "10.0.0.9",
        "",
        "java.net.UnknownHostException: x-exec-1: x-exec-1: Temporary failure in name resolution",
        Cause::Unknown
    )]
    #[case(
        "10.0.0.9",
        "",
        "java.net.ConnectException: Call From x/10.1.1.1 to localhost:8020 failed on connection exception",
        Cause::Unknown
    )]
    fn an_address_of_one_machine_is_none_for_pods(
        #[case] host: &str,
        #[case] address: &str,
        #[case] log: &str,
        #[case] cause: Cause,
    ) {
        let diagnosis = diagnose(&outside(host, address, log));
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
    }

    #[rstest]
    #[case::young(with(in_pod(STARTED), |e| at_work(e, 20)))]
    #[case::connected(with(in_pod(&format!("{STARTED}\n26/01/01 10:00:01 INFO TransportClientFactory: Successfully created connection to /10.0.0.9:7078 after 52 ms")), |e| at_work(e, 90)))]
    #[case::without_info(with(in_pod("WARN NativeCodeLoader: Unable to load"), |e| at_work(e, 90)))]
    #[case::with_a_policy(with(in_pod(STARTED), |e| { at_work(e, 20); sees(e, vec![policy("deny", &["x-exec-1"], true, true)]) }))]
    #[case::with_a_mesh(with(in_pod(STARTED), |e| { at_work(e, 20); contains(e, &["istio-proxy", "spark-kubernetes-executor"]) }))]
    #[case::registered(with(in_pod(&gave_up("s-driver.team.svc/10.0.0.9:7078", REFUSED)), |e| came(&mut e.pods[0])))]
    fn a_healthy_start_is_no_finding(#[case] evidence: Evidence) {
        assert_eq!(super::super::findings(&evidence), Vec::new());
    }

    #[test]
    fn a_wait_ends_only_for_what_does_not_heal() {
        let ends = |evidence: &Evidence| super::super::findings(evidence)[0].ends;
        let log = gave_up("s-driver.team.svc/10.0.0.9:7078", REFUSED);
        let mut evidence = in_pod(&log);
        assert_eq!(ends(&evidence), Ends::AtDeadline, "the first may have come too early");
        other(&mut evidence, |pod| pod.log.clone_from(&log));
        assert_eq!(ends(&evidence), Ends::IfItStays);
        other(&mut evidence, came);
        assert_eq!(ends(&evidence), Ends::AtDeadline);
        let log = gave_up("/127.0.0.1:7078", REFUSED);
        assert_eq!(ends(&outside("127.0.0.1", "", &log)), Ends::AtOnce);
    }
}
