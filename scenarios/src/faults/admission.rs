//! What the API server refuses.

use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::verdict::Cause;

use super::fault::Change::{
    Conf, Cpu, CpuLimit, Driver, DriverCpu, Executors, FrontEnd as Shell, Put, Refused, Remove,
    Restricted, Runs, Template as Made,
};
use super::fault::{Fault, Template, pod};
use super::scheduling::BUSY;

const QUOTA_LIMITS: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {limits.cpu: '4'}}
";
/// Less than the default limit of a driver's pod.
const LITTLE_QUOTA_LIMITS: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {limits.cpu: 700m}}
";
pub(super) const QUOTA_PODS: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {pods: '1'}}
";
const QUOTA_TWO_PODS: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {pods: '2'}}
";
const QUOTA_MEMORY: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {requests.memory: 512Mi}}
";
const MORE_MEMORY: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {requests.memory: 8Gi}}
";
/// Kubernetes' own `kube-root-ca.crt` is the one.
const QUOTA_CONFIG_MAPS: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {count/configmaps: '1'}}
";
const MORE_CONFIG_MAPS: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {count/configmaps: '9'}}
";
const DEFAULT_LIMIT: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-limits}
spec: {limits: [{type: Container, default: {cpu: 200m}, defaultRequest: {cpu: 100m}}]}
";
const MOST_MEMORY: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-limits}
spec: {limits: [{type: Container, max: {memory: 512Mi}}]}
";
const ENOUGH_MEMORY: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-limits}
spec: {limits: [{type: Container, max: {memory: 4Gi}}]}
";
const LEAST_MEMORY: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-limits}
spec: {limits: [{type: Container, min: {memory: 4Gi}}]}
";
const LITTLE_MEMORY: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-limits}
spec: {limits: [{type: Container, min: {memory: 64Mi}}]}
";
const POD_LIMIT: &str = "\
apiVersion: v1
kind: LimitRange
metadata: {name: team-limits}
spec: {limits: [{type: Pod, max: {cpu: 200m}}]}
";
const RESTRICTED: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: $NAMESPACE
  labels: {pod-security.kubernetes.io/enforce: restricted}
";
const BASELINE: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: $NAMESPACE
  labels: {pod-security.kubernetes.io/enforce: baseline}
";
const POLICY: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: team-label-$NAMESPACE}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations:
  - expression: has(object.metadata.labels) && 'team' in object.metadata.labels
    message: pods need the label team
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: team-label-$NAMESPACE}
spec:
  policyName: team-label-$NAMESPACE
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NAMESPACE}}
";
/// Its Service does not exist.
const WEBHOOK: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: gate-$NAMESPACE}
webhooks:
- name: gate.team.example.com
  failurePolicy: Fail
  sideEffects: None
  timeoutSeconds: 2
  admissionReviewVersions: [v1]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NAMESPACE}}
  rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  clientConfig: {service: {name: gate, namespace: $NAMESPACE, path: /}}
";
/// 192.0.2.0/24 is reserved for documentation (RFC 5737): nothing answers.
const SLOW_WEBHOOK: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: inject-$NAMESPACE}
webhooks:
- name: inject.team.example.com
  failurePolicy: Fail
  sideEffects: None
  timeoutSeconds: 1
  admissionReviewVersions: [v1]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NAMESPACE}}
  rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  clientConfig: {url: 'https://192.0.2.1/inject'}
";
const PRIORITY_CLASS: &str = "\
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: urgent-$RUN}
value: 1
";
const RUNTIME_CLASS: &str = "\
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: sandboxed-$RUN}
handler: runc
";
const NAMESPACE: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: $NAMESPACE}
";
/// 64 characters; a label's value has at most 63.
const TOO_LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    vec![
        Fault::new("quota-limits-cpu", Cause::QuotaExceeded)
            .with(Put(QUOTA_LIMITS))
            .says(&["team-quota", "limits.cpu"])
            .cured_by(CpuLimit(1000)),
        Fault::new("quota-pods", Cause::QuotaExceeded)
            .with(Put(QUOTA_PODS))
            .with(Executors(2))
            .says(&["team-quota", "never has room for 2 executors, at most for 1", "pods"])
            .not(Cause::DriverUnreachable)
            .cured_by(Executors(1)),
        // Without the other pod it would do.
        Fault::new("quota-filled-by-another", Cause::QuotaExceeded)
            .with(Put(QUOTA_TWO_PODS))
            .with(Put(BUSY))
            .with(Runs("busy"))
            .with(Executors(2))
            .says(&["team-quota", "used pods=2"])
            .cured_by(Executors(1)),
        Fault::new("quota-memory", Cause::QuotaExceeded)
            .with(Put(QUOTA_MEMORY))
            .says(&["team-quota", "requests.memory"])
            .cured_by(Put(MORE_MEMORY)),
        Fault::new("quota-config-maps", Cause::QuotaExceeded)
            .with(Put(QUOTA_CONFIG_MAPS))
            .says(&["team-quota", "configmaps"])
            .not(Cause::DriverEnded)
            .cured_by(Put(MORE_CONFIG_MAPS)),
        Fault::new("quota-of-the-drivers-pod", Cause::QuotaExceeded)
            .with(Put(LITTLE_QUOTA_LIMITS))
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .says(&["team-quota", "limits.cpu", "--driver-cpu-limit"])
            .cured_by(DriverCpu(400))
            .cured_by(Cpu(300))
            .cured_by(CpuLimit(300)),
        Fault::new("limit-range-default", Cause::LimitRange)
            .with(Put(DEFAULT_LIMIT))
            .with(Cpu(300))
            .says(&["cpu", "200m"])
            .cured_by(CpuLimit(1000)),
        Fault::new("limit-range-most", Cause::LimitRange)
            .with(Put(MOST_MEMORY))
            .says(&["memory", "512Mi"])
            .cured_by(Put(ENOUGH_MEMORY)),
        Fault::new("limit-range-least", Cause::LimitRange)
            .with(Put(LEAST_MEMORY))
            .says(&["memory", "4Gi"])
            .cured_by(Put(LITTLE_MEMORY)),
        Fault::new("limit-range-of-pods", Cause::LimitRange)
            .with(Put(POD_LIMIT))
            .with(Cpu(300))
            .says(&["cpu", "200m"]),
        Fault::new("pod-security-restricted", Cause::PodSecurity)
            .with(Put(RESTRICTED))
            .says(&["restricted", "allowPrivilegeEscalation"])
            .cured_by(Restricted),
        Fault::new("pod-security-baseline", Cause::PodSecurity)
            .with(Put(BASELINE))
            .with(Conf("spark.kubernetes.executor.volumes.hostPath.data.mount.path", "/data"))
            .with(Conf("spark.kubernetes.executor.volumes.hostPath.data.options.path", "/tmp"))
            .says(&["baseline", "hostPath"]),
        Fault::new("policy", Cause::PolicyDenied)
            .with(Put(POLICY))
            .with(Refused("pods need the label team"))
            .says(&["pods need the label team"])
            .cured_by(Conf("spark.kubernetes.executor.label.team", "data")),
        Fault::new("webhook-without-service", Cause::WebhookFailed)
            .with(Put(WEBHOOK))
            .with(Refused("gate.team.example.com"))
            .says(&["gate.team.example.com"])
            .cured_by(Remove(WEBHOOK)),
        Fault::new("webhook-that-is-slow", Cause::WebhookFailed)
            .with(Put(SLOW_WEBHOOK))
            .with(Refused("inject.team.example.com"))
            .says(&["inject.team.example.com"])
            .cured_by(Remove(SLOW_WEBHOOK)),
        Fault::new("account-missing", Cause::AccountMissing)
            .with(pod("serviceAccountName: nobody-here\nserviceAccount: nobody-here"))
            .says(&["nobody-here"]),
        Fault::new("priority-class-missing", Cause::ClassMissing)
            .with(pod("priorityClassName: urgent-$RUN"))
            .says(&["urgent-$RUN"])
            .cured_by(Put(PRIORITY_CLASS)),
        Fault::new("runtime-class-missing", Cause::ClassMissing)
            .with(pod("runtimeClassName: sandboxed-$RUN"))
            .says(&["sandboxed-$RUN"])
            .cured_by(Put(RUNTIME_CLASS)),
        Fault::new("label-too-long", Cause::InvalidPod)
            .with(Conf("spark.kubernetes.executor.label.purpose", TOO_LONG))
            .says(&["label"])
            .cured_by(Conf("spark.kubernetes.executor.label.purpose", "short")),
        Fault::new("volume-name-invalid", Cause::InvalidPod)
            .with(Conf("spark.kubernetes.executor.volumes.emptyDir.My_Data.mount.path", "/data"))
            .says(&["My_Data"]),
        Fault::new("mount-path-twice", Cause::InvalidPod)
            .with(Made(Template {
                pod: "volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {}}]",
                container: "volumeMounts: \
                            [{name: a, mountPath: /data}, {name: b, mountPath: /data}]",
                beside: "",
            }))
            .says(&["/data"]),
        // The account goes with it, so that its token is refused.
        Fault::new("namespace-deleted", Cause::NamespaceGone)
            .with(Remove(NAMESPACE))
            .not(Cause::Unauthorized),
    ]
}
