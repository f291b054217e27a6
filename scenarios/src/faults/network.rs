//! The way from executors to the driver.

use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::verdict::Cause;

use super::fault::Change::{Advertise, Driver, FrontEnd as Shell, Init, Template as Made};
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

/// The faults of this group. None by a NetworkPolicy: the network of an assembled node does not enforce
/// them.
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
    ]
}
