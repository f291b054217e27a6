//! Why a node does not mount a volume.

use sparkproof_base::verdict::Cause;

/// What to do where executors share a volume that they cannot share.
pub(super) const ONE_EACH: &str = "give each executor a claim of its own \
     (spark.kubernetes.executor.volumes.persistentVolumeClaim.*.options.claimName=OnDemand), use a \
     claim of ReadWriteMany, or run one executor (--executors 1)";

/// What takes a while to heal: a volume is being detached from the last session's node; a node that
/// has just joined has no drivers yet.
pub(super) const LATER: [&str; 3] =
    ["already exclusively attached", "list of registered csi drivers", "does not contain driver"];

/// Spark makes its own ConfigMaps beside or after the pod, as Kubernetes does that of its CA; the
/// kubelet's caches are late too.
pub(super) const MENDS: [&str; 11] = [
    "istio-ca-root-cert",
    "-delegation-tokens\"",
    "-conf-map\"",
    "-hadoop-config\"",
    "-krb5-file\"",
    "kube-root-ca.crt",
    "failed to sync",
    "not registered",
    // Says only that it was slow.
    "timed out waiting for the condition",
    "context deadline exceeded",
    "deadlineexceeded",
];

/// A cause by words of the kubelet, its plugins, CSI drivers, or `mount`, in lower case.
pub(super) type Mount = (&'static [&'static str], Cause, &'static str, &'static str);

pub(super) const MOUNTS: [Mount; 15] = [
    (
        // `operation_generator.go` of the attach controller.
        &["multi-attach error", "already exclusively attached", "volumeinuse", "is in use by"],
        Cause::SingleNodeClaim,
        "its volume is attached to another node, and may be on one at a time",
        ONE_EACH,
    ),
    (
        &["failed to sync", "not registered"],
        Cause::VolumeNotMounted,
        "the kubelet has not got what the volume is made of yet",
        "wait: the next try mends it; else look at the kubelet and the API server",
    ),
    (
        &["serviceaccounts \"", "failed to fetch token: serviceaccount"],
        Cause::AccountMissing,
        "no token for the pod's service account",
        "make the service account, or name another one (--service-account)",
    ),
    (
        // `secret.go`, `projected.go`.
        &["secret \"", "secrets \"", "non-existent secret key"],
        Cause::SecretMissing,
        "a Secret that it mounts, or a key of it, does not exist",
        "make the Secret with that key in the session's namespace, or correct its name in \
         spark.kubernetes.executor.secrets.* or the pod template",
    ),
    (
        // `configmap.go`, `projected.go`.
        &["configmap \"", "configmaps \"", "non-existent config key"],
        Cause::ConfigMapMissing,
        "a ConfigMap that it mounts, or a key of it, does not exist",
        "make the ConfigMap with that key in the session's namespace, or correct its name in the \
         configuration or the pod template",
    ),
    (
        // `csi_client.go`, `csi_attacher.go`, `plugins.go`.
        &[
            "list of registered csi drivers",
            "csinode",
            "no volume plugin matched",
            "waiting for external-attacher",
        ],
        Cause::VolumeNotMounted,
        "the CSI driver of its volume does not run, or not on this node",
        "install the driver, and see its pods (DaemonSet) on the pod's node",
    ),
    (
        // `host_path.go`.
        &["hostpath type check failed"],
        Cause::VolumeNotMounted,
        "the path on the node is missing, or of another type",
        "make the path on every node, correct it, or use type DirectoryOrCreate (Spark: \
         …volumes.hostPath.*.options.path and .type)",
    ),
    (
        &["bad option; ", "/sbin/mount.", "unknown filesystem type", "executable file not found"],
        Cause::VolumeNotMounted,
        "the node has no program to mount this kind of volume",
        "install the client on every node (nfs-common or nfs-utils for NFS, cifs-utils for SMB)",
    ),
    (
        &["access denied by server", "permission denied", "operation not permitted"],
        Cause::VolumeNotMounted,
        "the server or the node denies the mount",
        "allow the nodes in the server's exports, and see the path and its rights",
    ),
    (
        &[
            "connection refused",
            "connection timed out",
            "no route to host",
            "host is down",
            "failed to resolve server",
            "name or service not known",
            "network is unreachable",
        ],
        Cause::VolumeNotMounted,
        "the node does not reach the volume's server",
        "see the server's name and port, and whether the node reaches it: nodes resolve names \
         without the cluster's DNS",
    ),
    (
        &["no such file or directory", "does not exist", "no such device"],
        Cause::VolumeNotMounted,
        "what the volume names does not exist on the server or the node",
        "make the path or the device, or correct it in the volume",
    ),
    (
        &["persistentvolumeclaim \""],
        Cause::MissingClaim,
        "a claim that it mounts is not there any more",
        "make the claim anew in the session's namespace",
    ),
    (
        &["invalidvolume.notfound"],
        Cause::ClaimLost,
        "the disk of its volume is gone",
        "make the claim anew: its disk was deleted",
    ),
    (
        &["attachvolume", "failedattachvolume"],
        Cause::VolumeNotMounted,
        "its volume cannot be attached to the node",
        "see the volume's driver and the cloud's words in the event",
    ),
    (
        &["timed out waiting for the condition", "context deadline exceeded", "deadlineexceeded"],
        Cause::VolumeNotMounted,
        "its volumes were not ready in time",
        "see the events of the volume's driver, and whether the server answers",
    ),
];
