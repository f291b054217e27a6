//! The causes as a table: what names each, what cures it, and what makes it for real. docs/causes.md
//! is made of it.

use sparkproof_base::verdict::Cause;

/// A cause, for people.
#[derive(Debug, Clone, Copy)]
pub struct CauseEntry {
    /// The cause.
    pub cause: Cause,
    /// What the rules look at, in one line.
    pub evidence: &'static str,
    /// What its user can do, in one line.
    pub remedy: &'static str,
    /// Ids of the faults that make it for real (`scenarios/src/faults`), in their order.
    pub faults: &'static [&'static str],
}

/// All causes, each once, in the order of [`Cause::ALL`].
pub fn causes() -> impl Iterator<Item = &'static CauseEntry> {
    GROUPS.iter().flat_map(|(_, entries)| *entries)
}

const fn entry(
    cause: Cause,
    evidence: &'static str,
    remedy: &'static str,
    faults: &'static [&'static str],
) -> CauseEntry {
    CauseEntry { cause, evidence, remedy, faults }
}

/// How the evidence of a cause begins that no rule gives.
#[cfg(test)]
const NO_RULE: &str = "no rule gives it yet";

/// Headings and entries, in the order and the groups of [`Cause::ALL`].
const GROUPS: &[(&str, &[CauseEntry])] = &[
    (
        "The session and its configuration",
        &[
            entry(
                Cause::LocalMaster,
                "`sparkContext.master` does not begin with `k8s://`, once the session call has \
                 returned",
                "stop the earlier session of the same process first (Geni 0.0.33 to 0.0.42 starts \
                 one when it is loaded)",
                &["local-master"],
            ),
            entry(
                Cause::OtherSession,
                "the driver's error: a read without a session argument is of another application, \
                 or its SparkContext is stopped",
                "make the session the front end's default one (Geni: \
                 `zero-one.geni.defaults/spark`), or pass it to every read",
                &[],
            ),
            entry(
                Cause::ClosedModules,
                "`because module java.base does not …` in the log of a pod or of the driver",
                "start the JVM with `--add-opens=…`, as `spark-submit` does",
                &[],
            ),
            entry(
                Cause::ConfigurationRefused,
                "before an executor works: a message of Spark, in the driver's log or error, that \
                 refuses a value, a volume, a pod template or an option of `spark-submit`; of an \
                 executor only about its memory",
                "correct what the message names (`--conf`)",
                &[
                    "number-out-of-range",
                    "name-prefix",
                    "volume-type",
                    "heap-by-option",
                    "heap-too-small",
                    "heartbeat-longer-than-timeout",
                    "template-missing",
                    "event-log-directory-missing",
                ],
            ),
            entry(
                Cause::UnknownKey,
                "a key that is no string constant in the classes of the Spark in use, and looks like one that \
                 is. It is a note: it stands beside what stopped a session, and is said when one starts",
                "correct the spelling of the key",
                &["memory-and-key"],
            ),
            entry(
                Cause::KeyWithoutEffect,
                "a key that changes nothing in this mode, e.g. `spark.kubernetes.driver.label.*` in \
                 client mode. It is a note, as `unknown-key`",
                "leave the key out, or use the one that has the effect",
                &["cpu-and-key"],
            ),
            entry(
                Cause::JvmOptions,
                "`Could not create the Java Virtual Machine` or `Error occurred during \
                 initialization of VM`, in the driver's log or an executor's; or Spark does not \
                 allow an option in `extraJavaOptions`",
                "correct the option, in the key or the variable that is named",
                &[
                    "executors-bad-option",
                    "executors-two-collectors",
                    "executors-stack-too-small",
                    "drivers-bad-option",
                    "gives-up",
                    "heap-by-option",
                    "options-and-cpu",
                ],
            ),
            entry(
                Cause::CannotBind,
                "`Service '…' failed after … retries`, a port below 1024, or an address whose \
                 name cannot be resolved: of the driver, or of an executor that does not work",
                "another port (`spark.*.port`), or an address that the machine has \
                 (`--driver-host`)",
                &["cannot-bind"],
            ),
        ],
    ),
    (
        "Refused by the API server",
        &[
            entry(
                Cause::MissingVerb,
                "`User … cannot VERB resource …` in the driver's log or error, or a watch that is \
                 refused with 403; verbs without which a session can start count only if nothing \
                 else explains the failure",
                "grant the verb that is named; `--rbac minimal` grants all that Spark needs",
                &[
                    "claim-without-the-verb",
                    "no-right-to-create-config-maps",
                    "no-right-to-watch-pods",
                ],
            ),
            entry(
                Cause::QuotaExceeded,
                "before the start: a ResourceQuota that applies to the executors, whose `hard` is below \
                 what all of them request; later: a refusal with `exceeded quota` or `failed quota: … must specify`, \
                 of a dry run too",
                "fewer or smaller executors, or the value that the quota wants, or a larger quota",
                &[
                    "quota-limits-cpu",
                    "quota-pods",
                    "quota-filled-by-another",
                    "quota-memory",
                    "quota-config-maps",
                    "quota-of-the-drivers-pod",
                    "claim-over-quota",
                    "secret-and-quota",
                    "selector-and-quota",
                ],
            ),
            entry(
                Cause::LimitRange,
                "a refusal with `maximum … usage per …`, `minimum …` or `max limit to request \
                 ratio`; or a request above a limit that Spark did not set, where there may be a \
                 LimitRange",
                "fit CPU and memory to the LimitRange, or change it",
                &[
                    "limit-range-default",
                    "limit-range-most",
                    "limit-range-least",
                    "limit-range-of-pods",
                ],
            ),
            entry(
                Cause::PodSecurity,
                "a refusal with `violates PodSecurity`, or by a PodSecurityPolicy or OpenShift's \
                 security context constraints",
                "`--restricted`, or a pod template with the fields that are named; or a namespace \
                 of another level",
                &["pod-security-restricted", "pod-security-baseline"],
            ),
            entry(
                Cause::PolicyDenied,
                "a refusal by an admission webhook (`denied the request`), a \
                 ValidatingAdmissionPolicy or another admission plugin",
                "give the pods what the policy wants (labels, annotations, a pod template), or \
                 have it exclude the namespace",
                &["policy"],
            ),
            entry(
                Cause::WebhookFailed,
                "a refusal with `failed calling webhook`",
                "start what serves the webhook, or renew its certificate, or exclude the \
                 namespace from it",
                &["webhook-without-service", "webhook-that-is-slow"],
            ),
            entry(
                Cause::AccountMissing,
                "a refusal with `error looking up service account`, or the kubelet gets no token \
                 of it",
                "make the service account, or name another (`--service-account`)",
                &["account-missing"],
            ),
            entry(
                Cause::ClassMissing,
                "a refusal with `no PriorityClass with name …` or `RuntimeClass … not found`, or \
                 an event that the node has no runtime for the RuntimeClass",
                "make the class, or name another in the pod template",
                &["priority-class-missing", "runtime-class-missing"],
            ),
            entry(
                Cause::NamespaceGone,
                "a refusal with `namespaces … not found` or `because it is being terminated`",
                "make the namespace, or use another (`--namespace`)",
                &["namespace-deleted"],
            ),
            entry(
                Cause::InvalidPod,
                "a refusal with the code 422 or 413, `is invalid: FIELD: …` or `cannot be handled \
                 as a …`",
                "correct the field that is named: a name, a label, a volume, a quantity",
                &["label-too-long", "volume-name-invalid", "mount-path-twice"],
            ),
            entry(
                Cause::NameConflict,
                "a refusal with `… already exists`",
                "delete what an earlier session left, or choose another name (`spark.app.name`, \
                 `spark.kubernetes.executor.podNamePrefix`)",
                &[],
            ),
            entry(
                Cause::ApiUnreachable,
                "an exception of the driver's Kubernetes client: no connection, a timeout, an \
                 unknown host, before it has executors; or a driver that still waits for its \
                 first answer",
                "check the server of the kubeconfig, firewalls and VPN; of a driver in a pod, the \
                 way to the Service `kubernetes`",
                &["api-server-refuses-connections", "api-server-of-no-name"],
            ),
            entry(
                Cause::Unauthorized,
                "`Unauthorized`, 401 or an exec plugin that fails, in an exception of the \
                 driver's Kubernetes client; or 401 for sparkproof's own request; or, before anything is made, a token or a \
                 client certificate of the kubeconfig that has ended or ends within a minute",
                "log in again: the kubeconfig's token or certificate is expired, revoked or of \
                 another cluster",
                &["token-not-accepted"],
            ),
            entry(
                Cause::NoTokenMounted,
                "a driver in a pod whose request fails for its credentials or for TLS, and no \
                 token is mounted: by the pod's volumes, its account, or the missing file",
                "`automountServiceAccountToken: true`, or another account (`--service-account`)",
                &["no-token-mounted"],
            ),
            entry(
                Cause::ApiTls,
                "`SSLHandshakeException`, `PKIX path` and the like in an exception of the \
                 driver's Kubernetes client",
                "give the kubeconfig the cluster's authority and a server that its certificate \
                 names; check dates and clock",
                &["authority-not-accepted"],
            ),
            entry(
                Cause::ApiThrottled,
                "429 or `Too Many Requests` in an exception of the driver's Kubernetes client, \
                 while executors are missing",
                "start fewer executors at a time (`spark.kubernetes.allocation.batch.size`)",
                &[],
            ),
            entry(
                Cause::WatchExpired,
                "`too old resource version` in the driver's log, executors are missing, and \
                 nothing is wrong with their pods",
                "start the session again; instead of Spark 3.0 use a later version, which renews \
                 the watch",
                &[],
            ),
            entry(
                Cause::Proxy,
                "a proxy's words in an exception of the driver's Kubernetes client (`Unexpected \
                 response code for CONNECT`, `Bad Gateway`), or a failed connection to another \
                 port than the API server's",
                "put the API server's host into `NO_PROXY`, or unset `HTTPS_PROXY`",
                &["proxy-that-is-down"],
            ),
        ],
    ),
    (
        "Scheduling",
        &[
            entry(
                Cause::InsufficientCpu,
                "before the start: the nodes cannot hold all executors, even if every pod ends that may leave \
                 (where no nodes are added); later: the scheduler's `Insufficient cpu`, or the kubelet rejected the \
                 pod: `OutOfcpu`",
                "fewer or smaller executors (`--executors`, `--executor-cpu`), end other pods, or \
                 add a node",
                &["cpu-for-one-of-three", "image-and-cpu", "options-and-cpu", "cpu-and-key"],
            ),
            entry(
                Cause::InsufficientMemory,
                "before the start as `insufficient-cpu`; the scheduler's `Insufficient memory`, or the kubelet rejected the pod: \
                 `OutOfmemory`",
                "fewer or smaller executors (`--executors`, `--executor-memory`), end other pods, \
                 or add a node",
                &["memory-of-no-node"],
            ),
            entry(
                Cause::InsufficientResource,
                "before the start as `insufficient-cpu`; the scheduler's `Insufficient` with another resource, or the kubelet's `OutOf…`, \
                 `UnexpectedAdmissionError`, `TopologyAffinityError`",
                "ask for less of it, or add nodes that have it",
                &["resource-of-no-node"],
            ),
            entry(
                Cause::Taint,
                "before the start as `insufficient-cpu`, of taints that stay; the scheduler's `untolerated taint` or `taint … that the pod didn't tolerate`",
                "tolerate it in a pod template (`--pod-template`), or remove it from the node",
                &["taint", "node-disk-full"],
            ),
            entry(
                Cause::NodeSelector,
                "before the start: no node has the labels; the scheduler's `didn't match node selector` or `node affinity/selector`, or the \
                 kubelet's `NodeAffinity`",
                "correct the selector or the affinity, or label a node",
                &["node-selector", "node-affinity", "selector-and-quota"],
            ),
            entry(
                Cause::NodeCordoned,
                "the scheduler's `node(s) were unschedulable`, or the taint of cordoned nodes",
                "`kubectl uncordon NODE`, or add nodes",
                &["node-cordoned"],
            ),
            entry(
                Cause::TooManyPods,
                "before the start as `insufficient-cpu`; the scheduler's `Too many pods`, or the kubelet's `OutOfpods`",
                "fewer executors, end other pods, or add nodes",
                &["too-many-pods"],
            ),
            entry(
                Cause::NoScheduler,
                "a pending pod without the condition `PodScheduled` and without an event of its \
                 scheduler: after 5 s, or 30 s if there is a sign of that scheduler",
                "install the scheduler, or do not ask for it (`spark.kubernetes.scheduler.name`, \
                 `schedulerName`)",
                &["no-scheduler"],
            ),
            entry(
                Cause::SchedulingGated,
                "the condition `SchedulingGated`, or scheduling gates of a pod without a node",
                "remove the gate from the pod template, or start the controller that removes it \
                 (Kueue: a queue with room)",
                &["scheduling-gate"],
            ),
            entry(
                Cause::Preempted,
                "the condition `DisruptionTarget` by the scheduler, the reason `Preempting`, or \
                 an event `Preempted`",
                "a higher priority (`priorityClassName` in the pod template), or more nodes",
                &["preempted"],
            ),
            entry(
                Cause::Unschedulable,
                "another reason of the scheduler, e.g. anti-affinity, spread constraints, host \
                 ports, a gang; or the kubelet's `NodePorts`, `NodeName`",
                "read the scheduler's message: it names what each node lacks",
                &["executors-apart", "host-port-taken", "secret-and-affinity"],
            ),
        ],
    ),
    (
        "Claims and volumes",
        &[
            entry(
                Cause::MissingClaim,
                "the scheduler's or the kubelet's `persistentvolumeclaim … not found` or `is \
                 being deleted`",
                "create the claim in the session's namespace, or correct its name",
                &["claim-missing"],
            ),
            entry(
                Cause::ClaimPending,
                "a pod without a node whose claim is not bound: its StorageClass does not exist, \
                 its provisioner has not made a volume, or no volume fits",
                "name a StorageClass that exists, start its provisioner, or make a \
                 PersistentVolume that fits",
                &[
                    "claim-of-no-class",
                    "claim-that-nobody-provides",
                    "claim-without-volume",
                    "claims-of-no-class",
                ],
            ),
            entry(
                Cause::ProvisioningFailed,
                "the claim's event `ProvisioningFailed`, or the scheduler's `did not have enough \
                 free storage`",
                "read the provisioner's words: access mode, size, quota, permissions; correct the \
                 claim or its StorageClass",
                &["claim-of-no-class", "claim-that-nobody-provides", "claims-of-no-class"],
            ),
            entry(
                Cause::ClaimLost,
                "a claim in the phase `Lost`, the scheduler's `bound to non-existent \
                 persistentvolume`, or a disk that the cloud does not find",
                "make the claim anew, or restore its PersistentVolume",
                &["claim-lost"],
            ),
            entry(
                Cause::SingleNodeClaim,
                "`Multi-Attach error`, `ReadWriteOncePod`, or a `ReadWriteOnce` claim whose \
                 volume is on the node of another pod",
                "a claim for each executor (`claimName=OnDemand`), or one with `ReadWriteMany`, \
                 or one executor",
                &["claim-of-one-pod"],
            ),
            entry(
                Cause::VolumeElsewhere,
                "the scheduler's `volume node affinity conflict` or `no available volume zone`, \
                 unless more nodes lack something else",
                "run the pod where the volume is, or use a volume that every node reaches",
                &["volume-elsewhere"],
            ),
            entry(
                Cause::VolumeNotMounted,
                "a container that is being created, and the kubelet's last event about it is \
                 `FailedMount`, `FailedAttachVolume` or `FailedMapVolume`; or a `subPath` that \
                 cannot be prepared",
                "what the message asks for: make the path, install the driver or the mount \
                 program on the nodes, let the server admit them",
                &["directory-missing", "volume-driver-missing"],
            ),
        ],
    ),
    (
        "Image and container",
        &[
            entry(
                Cause::ImageNeverPulled,
                "`ErrImageNeverPull`: the pull policy is Never, and the node does not have the \
                 image",
                "load the image into every node, or use another pull policy",
                &["image-never-pulled", "init-containers-image", "image-and-cpu"],
            ),
            entry(
                Cause::WrongImage,
                "a failed pull (`ErrImagePull`, `ImagePullBackOff`, …) with `not found` or \
                 `manifest unknown`, or without a reason that is known",
                "check name and tag of `--image`, push the image, or load it into every node",
                &["image-not-in-the-registry"],
            ),
            entry(
                Cause::InvalidImageName,
                "`InvalidImageName`, or a failed pull with `invalid reference format`",
                "correct the name: `--image REGISTRY/NAME:TAG`, in lower case",
                &["image-name-invalid"],
            ),
            entry(
                Cause::RegistryDenies,
                "a failed pull with `denied`, `unauthorized`, 401 or 403; or the node has the \
                 image, for other credentials",
                "check the name; for a private image give a pull secret (`--image-pull-secret`)",
                &["registry-wants-a-password", "password-and-secret"],
            ),
            entry(
                Cause::RegistryRateLimit,
                "a failed pull with `toomanyrequests` or `rate exceeded`, or the node's own `pull \
                 QPS exceeded`",
                "wait, log in with `--image-pull-secret`, or load the image into every node",
                &["registry-has-had-enough"],
            ),
            entry(
                Cause::RegistryTls,
                "a failed pull with `server gave HTTP response to HTTPS client`, `x509:` or the \
                 like",
                "give the nodes' container runtime the registry's authority, or declare the \
                 registry insecure",
                &["registry-without-tls", "registry-of-unknown-authority"],
            ),
            entry(
                Cause::RegistryUnreachable,
                "a failed pull with `dial tcp`, `no such host`, a timeout or an error 5xx",
                "check the registry's name, that it runs, and that nodes reach it",
                &["registry-refuses-connections", "registry-of-no-name"],
            ),
            entry(
                Cause::ImageOtherArchitecture,
                "`exec format error`, or a failed pull with `no match for platform in manifest`",
                "build the image for the nodes' architecture, or select nodes of the image's",
                &["image-of-another-architecture"],
            ),
            entry(
                Cause::ImageWithoutSpark,
                "a program of Spark's container is not found or not executable: in the runtime's \
                 message, in its log, or by exit code 126 or 127",
                "use an image with Spark's entrypoint and programs, and no `command` in the pod \
                 template",
                &["image-without-entrypoint", "image-without-jars", "command-missing"],
            ),
            entry(
                Cause::SecretMissing,
                "`secret … not found` or a key that it lacks, in `CreateContainerConfigError` or \
                 an event `FailedMount`",
                "make the Secret with that key in the session's namespace, or correct its name",
                &[
                    "secret-missing",
                    "secret-without-the-key",
                    "secret-of-a-volume-missing",
                    "secret-and-quota",
                    "password-and-secret",
                    "secret-and-affinity",
                ],
            ),
            entry(
                Cause::ConfigMapMissing,
                "`configmap … not found` or a key that it lacks, in `CreateContainerConfigError` \
                 or an event `FailedMount`",
                "make the ConfigMap with that key in the session's namespace, or correct its name",
                &[
                    "config-map-missing",
                    "config-map-without-the-key",
                    "config-map-of-a-volume-missing",
                ],
            ),
            entry(
                Cause::RunsAsRoot,
                "the kubelet's `runAsNonRoot` or `breaks non-root policy`",
                "set `runAsUser` to a number other than 0 (`--pod-template`), or use an image \
                 whose user is one",
                &["runs-as-root"],
            ),
            entry(
                Cause::SandboxFailed,
                "the kubelet's last event about a pod that is being made is \
                 `FailedCreatePodSandBox` or `NetworkNotReady`",
                "look at the network plugin and the container runtime of the node",
                &["sandbox-without-handler"],
            ),
            entry(
                Cause::ContainerNotCreated,
                "`CreateContainerError`, `RunContainerError`, `StartError` or a hook that fails, \
                 where no other cause fits",
                "read the runtime's message, which is quoted: a mount, a user, a profile, a device",
                &["command-missing"],
            ),
            entry(
                Cause::InitContainerFailed,
                "an init container that ended with another exit code than 0, before any other \
                 container came further",
                "read its log, and correct it in the pod template or the webhook that adds it",
                &["init-container-fails"],
            ),
        ],
    ),
    (
        "Node",
        &[
            entry(
                Cause::Evicted,
                "the reason `Evicted`, the condition `DisruptionTarget` by the kubelet, a taint \
                 or the eviction API, or an event `Evicted` or `TaintManagerEviction`",
                "by its words: free the node's memory or disk, end the drain, or tolerate the \
                 taint",
                &["executors-evicted"],
            ),
            entry(
                Cause::ScratchLimit,
                "an eviction for the size of an emptyDir or the limit of ephemeral storage; or \
                 `No space left on device` where scratch space is in memory",
                "a larger limit, or scratch space on a claim (`spark-local-dir-1`)",
                &["scratch-volume-too-small", "scratch-of-a-container-too-small"],
            ),
            entry(
                Cause::NodeDiskFull,
                "`no space left on device` of a pull, a sandbox, a mount or a process, or the \
                 node's disk pressure",
                "free disk on the node, or give it more",
                &["node-disk-full"],
            ),
            entry(
                Cause::NodeLost,
                "the node is not `Ready` or does not exist any more, it shut down, or the \
                 scheduler names its taint `not-ready` or `unreachable`",
                "see why the node ended (`kubectl describe node`), and use others",
                &["node-lost"],
            ),
        ],
    ),
    (
        "Network",
        &[
            entry(
                Cause::DriverUnreachable,
                "the driver runs, and an executor that never registered logs a failed connection \
                 to the driver's host, or has none after 60 s",
                "a driver on this host: `--driver-host` with an address that pods reach, and no \
                 firewall between; otherwise no `--driver-host`",
                &["driver-at-an-address-of-nobody", "firewall"],
            ),
            entry(
                Cause::LoopbackDriver,
                "the driver's address for pods is one by which a pod means itself (known before the start); or, as `driver-unreachable`, \
                 the driver listens only at such an address",
                "`--driver-host` with an address that pods reach, or a driver in a container or a \
                 pod (`--driver`)",
                &["driver-at-loopback"],
            ),
            entry(
                Cause::DnsBroken,
                "as `driver-unreachable`, and a name of the cluster cannot be resolved, or no DNS server of the \
                 cluster is ready (an endpoint of the Service `kube-dns`, or a pod `k8s-app=kube-dns`); also of a driver's pod that cannot resolve the API server's \
                 name",
                "start the cluster's DNS, and look at what stands between the pods and it",
                &["names-not-resolved"],
            ),
            entry(
                Cause::NetworkPolicy,
                "as `driver-unreachable`, and a NetworkPolicy restricts the pod or the driver's pod, and no \
                 executor came in spite of it; also of a driver's pod that does not reach the API \
                 server",
                "allow the session's pods to each other, to the driver and to the cluster's DNS",
                &[
                    "policy-denies-all",
                    "policy-denies-egress",
                    "policy-denies-all-to-the-drivers-pod",
                    "policy-denies-ingress-of-the-drivers-pod",
                    "policy-without-dns",
                ],
            ),
            entry(
                Cause::OtherNodesOnly,
                "as `driver-unreachable`, on all nodes but those of the driver and of executors that registered",
                "look at the network between the nodes; until then keep the pods on one node",
                &[],
            ),
            entry(
                Cause::Sidecar,
                "as `driver-unreachable`, and the pod has a container that Spark did not ask for; also of a \
                 driver's pod that does not reach the API server",
                "keep the container out of Spark's pods (Istio: annotation \
                 `sidecar.istio.io/inject=false`)",
                &["sidecar"],
            ),
        ],
    ),
    (
        "Process",
        &[
            entry(
                Cause::HeapOutOfMemory,
                "`OutOfMemoryError` or `StackOverflowError` in the log, or exit code 52",
                "raise `--executor-memory` or `--driver-memory`, or what the message names",
                &["exit-52"],
            ),
            entry(
                Cause::OutOfMemory,
                "a container that ended with `OOMKilled`, a JVM that gets no memory from it, or a \
                 limit that is too low even to start",
                "raise `--executor-memory` or `spark.executor.memoryOverhead`",
                &["container-out-of-memory", "memory-and-key"],
            ),
            entry(
                Cause::Killed,
                "exit code 137 that nothing else explains, or the kubelet ended the container for \
                 a failed probe",
                "raise `--executor-memory` or `spark.executor.memoryOverhead`, and look at the \
                 node; or correct the probe",
                &["killed"],
            ),
            entry(
                Cause::PythonOutOfMemory,
                "`MemoryError`, or `Python worker exited unexpectedly (crashed)`",
                "raise `spark.executor.memoryOverhead` or `spark.executor.pyspark.memory`, or \
                 process smaller batches",
                &[],
            ),
            entry(
                Cause::PythonMismatch,
                "`Python in worker has different version`, or no program `python` or no module \
                 `pyspark` there",
                "the same minor version of Python in driver and image (`spark.pyspark.python`)",
                &[],
            ),
            entry(
                Cause::NoLocalDirectory,
                "exit code 53, or `Failed to create local dir`",
                "an emptyDir that its user may write (a volume `spark-local-dir-…`), or another \
                 `spark.local.dir`",
                &["scratch-read-only"],
            ),
            entry(
                Cause::HeartbeatLost,
                "exit code 56, or a heartbeat that timed out, in the log of the executor or of a \
                 driver that ended",
                "look at garbage collection and CPU of driver and executor, and at the network \
                 between",
                &["exit-56"],
            ),
            entry(
                Cause::NotWritable,
                "`Read-only file system`, or `Permission denied` where a path is written, in the \
                 log; of a read, a local file that the store's client needs",
                "an emptyDir at that path, or a user who may write it (`runAsUser`, `fsGroup`)",
                &["scratch-read-only", "root-read-only"],
            ),
            entry(
                Cause::NoPasswdEntry,
                "`invalid null input: name` or `UnixPrincipal` in the log",
                "add an entry for the user's number to the image's `/etc/passwd`, or use \
                 sparkproof's image",
                &["user-without-entry"],
            ),
            entry(
                Cause::VersionMismatch,
                "words in the log that only other versions give: `InvalidClassException` of \
                 Spark's classes, `UnsupportedClassVersionError`, options or classes of Spark \
                 that are unknown",
                "the same Spark, Scala and Java in driver and image",
                &[],
            ),
            entry(
                Cause::JarMismatch,
                "`NoSuchMethodError` and the like, a number with a unit that an older Hadoop \
                 cannot read, or a class of a library that is not there",
                "jars of one version in driver and image: all of the Hadoop that Spark brings",
                &[],
            ),
            entry(
                Cause::CodeMissing,
                "`ClassNotFoundException` of other classes than Spark's, `SerializedLambda`, \
                 `ModuleNotFoundError`",
                "give the application's code to the executors (`spark.jars`, \
                 `spark.submit.pyFiles`), built for this Scala",
                &[],
            ),
            entry(
                Cause::Crashed,
                "exit code 132, 134, 135, 136 or 139, `A fatal error has been detected by the \
                 Java Runtime Environment`, or `Fatal Python error`",
                "read the problematic frame in the log: a native library or the version of Java, \
                 as a rule",
                &["crashed"],
            ),
            entry(
                Cause::ExecutorsDie,
                "executors that end, for a reason that no other rule knows",
                "read the executors' logs in the run directory",
                &["exit-1-without-a-word"],
            ),
            entry(
                Cause::TooManyFailures,
                "`Max number of executor failures … reached`, or the driver's exit code 11, if \
                 nothing says why they failed",
                "read the executors' logs; `spark.executor.maxNumFailures` is the limit",
                &[],
            ),
            entry(
                Cause::ApplicationMissing,
                "`spark-submit`, Python or the JVM does not find the application's file or main \
                 class, or a file of `spark.files` and the like",
                "name a file that exists where the driver runs, and its class (`--class`)",
                &[],
            ),
            entry(
                Cause::ApplicationFailed,
                "a driver pod of `spark-submit` that failed, if nothing else explains it: its \
                 exception, or its exit code",
                "correct the application: the driver's log has the whole exception",
                &[],
            ),
            entry(
                Cause::DriverEnded,
                "the driver's process ended or hangs, and nothing else explains it",
                "read the driver's log in the run directory",
                &[],
            ),
        ],
    ),
    (
        "Files and stores",
        &[
            entry(
                Cause::FileMissing,
                "`FileNotFoundException`, `NoSuchFileException`, `does not exist` on an executor; \
                 of a store, also 404 and `[PATH_NOT_FOUND]` on the driver",
                "put the file where it is read; the pod of a replaced executor starts without \
                 copies",
                &["file-missing", "template-missing", "event-log-directory-missing"],
            ),
            entry(
                Cause::FileNotReadable,
                "`Permission denied` and the like for a local path",
                "give the user of driver and executors permission (`chmod`, `runAsUser`, \
                 `fsGroup`; of a FUSE mount `allow_other`)",
                &["file-not-readable"],
            ),
            entry(
                Cause::DriverLacksFile,
                "a missing file for a local path, on the driver: it lists and splits files",
                "put the same bytes at the same path on the driver's host",
                &["template-missing", "event-log-directory-missing"],
            ),
            entry(
                Cause::ContentDiffers,
                "bytes or SHA-256 are not those that were written, or a file that is not of its \
                 format",
                "put the same bytes on every executor and the driver: Spark does not notice a \
                 difference",
                &["file-cut"],
            ),
            entry(
                Cause::ReadElsewhere,
                "the right bytes, but through another FileSystem class, mount or kind of volume \
                 than the strategy's",
                "check the executor's volumes and `fs.*.impl`: another source serves this path",
                &[],
            ),
            entry(
                Cause::MountGone,
                "a missing file where a FUSE mount should be and is not, `Transport endpoint is \
                 not connected`, or a stale file handle",
                "restart the daemon or the server; executors see a new mount only with \
                 `HostToContainer` propagation",
                &[],
            ),
            entry(
                Cause::StoreUnreachable,
                "`Connection refused`, a timeout, 502, 503 or 504 without another word, blocks \
                 that no DataNode serves",
                "check that the store runs, and that pods and driver reach it under the same \
                 address",
                &["store-refuses-connections"],
            ),
            entry(
                Cause::UnknownHost,
                "`UnknownHostException`",
                "make the name resolvable for pods and driver (`hostAliases`, DNS), or use an \
                 address; a bucket before the name: `fs.s3a.path.style.access=true`",
                &["store-of-no-name", "file-of-a-host-of-no-name"],
            ),
            entry(
                Cause::StoreDeniesAccess,
                "401, 403, `AccessDenied`, `SignatureDoesNotMatch`, `AuthenticationFailed`",
                "check account and key, which belong into `spark.hadoop.fs.*`",
                &["store-key-wrong"],
            ),
            entry(
                Cause::StoreNoCredentials,
                "`No AWS Credentials provided by …`, `Anonymous access is not allowed` and the \
                 like",
                "give credentials to driver and executors alike, or bind a role to the executors' \
                 service account",
                &["store-without-credentials"],
            ),
            entry(
                Cause::StoreNoRegion,
                "`Unable to find a region …`, `AuthorizationHeaderMalformed`, or a redirect to \
                 another region",
                "`--conf spark.hadoop.fs.s3a.endpoint.region=REGION`",
                &[],
            ),
            entry(
                Cause::StoreBucketMissing,
                "`NoSuchBucket`, `ContainerNotFound` and the like",
                "correct the name in the URL, or make the bucket; check the endpoint",
                &[],
            ),
            entry(
                Cause::StoreClockSkew,
                "`RequestTimeTooSkewed`, `Signature expired`, `Clock skew too great` and the like",
                "set the clock of the node or of the store",
                &[],
            ),
            entry(
                Cause::StoreTls,
                "`SSLHandshakeException`, `PKIX path`, a server that does not speak TLS",
                "`http://` in the endpoint, or the store's authority in the trust store of driver \
                 and image",
                &["store-without-tls"],
            ),
            entry(
                Cause::StoreUserDenied,
                "`Permission denied: user=…`, `AuthorizationPermissionMismatch`: the store knows \
                 the user",
                "give this user permission in the store, or read as another (HDFS: \
                 `HADOOP_USER_NAME`)",
                &[],
            ),
            entry(
                Cause::StoreWantsKerberos,
                "`SIMPLE authentication is not enabled`, `GSSException` and the like",
                "log in before the start (`spark.kerberos.principal`, `spark.kerberos.keytab`)",
                &[],
            ),
            entry(
                Cause::StoreThrottles,
                "`SlowDown`, `ServerBusy`, 429, or 503 in the words of a store's client",
                "fewer tasks at a time, or fewer and larger files; more retries \
                 (`fs.s3a.retry.limit`)",
                &[],
            ),
            entry(
                Cause::MissingJar,
                "`ClassNotFoundException` of a FileSystem, or `No FileSystem for scheme`",
                "add the jars to the image and to the driver's class path ([which \
                 jars](strategies/4-remote.md))",
                &["store-jar-missing"],
            ),
            entry(
                Cause::UnsupportedScheme,
                "`UNSUPPORTED_FILE_SYSTEM`, `UnsupportedOperationException` and the like: `wasb` \
                 on Spark 4.2 and later, `http` and `https`",
                "use another scheme",
                &[],
            ),
        ],
    ),
    (
        "No rule",
        &[entry(
            Cause::Unknown,
            "nothing that a rule knows",
            "read the logs, the events and the pods' states in the run directory",
            &[],
        )],
    ),
];

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn every_cause_has_an_entry() {
        assert_eq!(causes().map(|entry| entry.cause).collect::<Vec<_>>(), Cause::ALL);
        for CauseEntry { cause, evidence, remedy, .. } in causes() {
            for text in [evidence, remedy] {
                assert!(!text.is_empty() && !text.contains(['|', '\n']), "{cause}: {text}");
                assert!(text.matches('`').count() % 2 == 0, "{cause}: {text}");
            }
        }
    }

    /// The Rust files of a folder, without this one.
    fn sources(dir: &Path, text: &mut String) {
        for one in std::fs::read_dir(dir).expect("a folder") {
            let path = one.expect("an entry").path();
            if path.is_dir() {
                sources(&path, text);
            } else if !path.ends_with("diagnosis/causes.rs") {
                *text += &std::fs::read_to_string(&path).expect("a source");
            }
        }
    }

    #[test]
    fn every_cause_has_a_rule_or_says_that_it_has_none() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut text = String::new();
        sources(&src.join("diagnosis"), &mut text);
        sources(&src.join("read"), &mut text);
        for entry in causes() {
            let name = format!("Cause::{:?}", entry.cause);
            let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            let named = text.match_indices(&name).any(|(at, _)| ends(&text[at + name.len()..]));
            assert_eq!(named, !entry.evidence.starts_with(NO_RULE), "{name}");
        }
    }

    /// Writes the page when it differs, so that a second run is green and the change is reviewed.
    #[test]
    fn the_page_in_the_docs_is_that_of_the_table() {
        let mut page = String::from(PAGE);
        for (heading, entries) in GROUPS {
            writeln!(page, "\n## {heading}\n{COLUMNS}").expect("text");
            for CauseEntry { cause, evidence, remedy, faults } in *entries {
                let faults: Vec<String> = faults.iter().map(|id| format!("`{id}`")).collect();
                let faults =
                    if faults.is_empty() { "recorded".to_owned() } else { faults.join(", ") };
                writeln!(page, "| `{cause}` | {evidence} | {remedy} | {faults} |").expect("text");
            }
        }
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/causes.md");
        if std::fs::read_to_string(&path).unwrap_or_default() != page {
            std::fs::write(&path, page).expect("written");
            panic!("docs/causes.md was written anew: review it");
        }
    }

    const COLUMNS: &str =
        "| cause | evidence | what to do | made for real by |\n| --- | --- | --- | --- |";

    const PAGE: &str = "# Causes

Every cause that sparkproof names, with the evidence that its rules look at and what its user can do. A \
diagnosis quotes its evidence, and its remedy is often more exact than the one here. How a cause is \
chosen: [diagnosing.md](diagnosing.md).

The last column has the faults that scenarios make for real on a cluster, by their ids in \
`scenarios/src/faults`. Each of them expects its cause to be named. A fault with two right names, or \
with two causes at once, stands at both. `recorded` stands where none of these faults makes the cause: \
its rules are tested on recorded or written evidence, and some of these causes are made by other \
scenarios (`scenarios/tests/live`).

This page is made of the table in `harness/judge/src/diagnosis/causes.rs` by its test, and a test of the \
scenarios compares the last column with the faults.
";
}
