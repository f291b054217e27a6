//! The way from executors to the driver.

use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::verdict::Cause;

use super::fault::Change::{Advertise, Driver, FrontEnd as Shell, Init, Put, Template as Made};
use super::fault::{Fault, Template, pod};

/// Rejects what the pod sends, in its own network, with the node's program.
const FIREWALL: &str = "\
volumes: [{name: node, hostPath: {path: /}}]
initContainers:
- name: firewall
  image: $IMAGE
  command: [chroot, /node, iptables, --insert, OUTPUT, --protocol, tcp, --jump, REJECT]
  securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN, NET_RAW]}}
  volumeMounts: [{name: node, mountPath: /node}]";
/// The same by a container beside the executor, as a mesh's proxy that does not answer.
const SIDECAR: &str = "\
- name: istio-proxy
  image: $IMAGE
  command:
  - sh
  - -c
  - chroot /node iptables --insert OUTPUT --protocol tcp --jump REJECT; exec sleep infinity
  securityContext: {runAsUser: 0, capabilities: {add: [NET_ADMIN, NET_RAW]}}
  volumeMounts: [{name: node, mountPath: /node}]";
/// A name server that is not there. The file is the pod's, so all its containers have it.
const NO_NAMES: &str = r#"{
  "name": "resolver", "image": "$IMAGE", "securityContext": {"runAsUser": 0},
  "command": ["sh", "-c", "echo nameserver 127.0.0.1 > /etc/resolv.conf"]
}"#;

/// Nothing in, nothing out, for every pod of the namespace.
const DENY_ALL: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
";
const DENY_INGRESS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-ingress}
spec: {podSelector: {}, policyTypes: [Ingress]}
";
const DENY_EGRESS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-egress}
spec:
  podSelector: {matchLabels: {spark-role: executor}}
  policyTypes: [Egress]
";
/// The pods of the namespace reach each other, and nothing else: not the cluster's DNS.
const PEERS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: only-peers}
spec:
  podSelector: {matchLabels: {spark-role: executor}}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}]}]
  egress: [{to: [{podSelector: {}}]}]
";
/// Added to one of the above: policies allow what any of them allows.
const ALLOW_PEERS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-peers}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
  ingress: [{from: [{podSelector: {}}]}]
  egress: [{to: [{podSelector: {}}]}]
";
/// Not for the driver's pod, which no other policy restricts: it needs the API server, too.
const ALLOW_DNS: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-dns}
spec:
  podSelector: {matchLabels: {spark-role: executor}}
  policyTypes: [Egress]
  egress:
  - to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]
    ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
";
/// What is not in the cluster: the driver on this host.
const ALLOW_OUT: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-out}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}
";

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    vec![
        // 192.0.2.0/24 is reserved for documentation (RFC 5737).
        Fault::new("driver-at-an-address-of-nobody", Cause::DriverUnreachable)
            .with(Advertise([192, 0, 2, 2]))
            .says(&["192.0.2.2"]),
        Fault::new("driver-at-loopback", Cause::LoopbackDriver)
            .with(Advertise([127, 0, 0, 1]))
            .says(&["127.0.0.1"])
            .not(Cause::DriverUnreachable),
        Fault::new("firewall", Cause::DriverUnreachable)
            .with(pod(FIREWALL))
            .not(Cause::ExecutorsDie),
        Fault::new("sidecar", Cause::Sidecar)
            .with(Made(Template {
                pod: "terminationGracePeriodSeconds: 1\n\
                      volumes: [{name: node, hostPath: {path: /}}]",
                container: "",
                beside: SIDECAR,
            }))
            .says(&["istio-proxy"])
            .not(Cause::DriverUnreachable),
        Fault::new("names-not-resolved", Cause::DnsBroken)
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .with(Init(NO_NAMES))
            .says(&[".svc"])
            .not(Cause::DriverUnreachable),
        // Executors do not reach the driver on this host.
        Fault::new("policy-denies-all", Cause::NetworkPolicy)
            .with(Put(DENY_ALL))
            .says(&["deny-all"])
            .not(Cause::DriverUnreachable),
        Fault::new("policy-denies-egress", Cause::NetworkPolicy)
            .with(Put(DENY_EGRESS))
            .says(&["deny-egress"])
            .not(Cause::DriverUnreachable)
            .cured_by(Put(ALLOW_OUT)),
        // The driver's pod reaches neither the cluster's DNS nor the API server.
        Fault::new("policy-denies-all-to-the-drivers-pod", Cause::NetworkPolicy)
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .with(Put(DENY_ALL))
            .says(&["deny-all"])
            .not(Cause::ApiUnreachable),
        // The driver's pod does not accept its executors.
        Fault::new("policy-denies-ingress-of-the-drivers-pod", Cause::NetworkPolicy)
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .with(Put(DENY_INGRESS))
            .says(&["deny-ingress"])
            .not(Cause::DriverUnreachable)
            .cured_by(Put(ALLOW_PEERS))
            .cured_by(Put(ALLOW_OUT)),
        Fault::new("policy-without-dns", Cause::NetworkPolicy)
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .with(Put(PEERS))
            .says(&["only-peers", ".svc"])
            .not(Cause::DnsBroken)
            .cured_by(Put(ALLOW_DNS)),
    ]
}
