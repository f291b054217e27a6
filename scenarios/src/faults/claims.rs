//! Claims and volumes.

use sparkproof::verdict::Cause;

use super::fault::Change::{Conf, Executors, May, Put, Template as Made};
use super::fault::{Change, Fault, Template};

/// By the cluster's default class.
const CLAIM: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
";
const NO_CLASS: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec:
  storageClassName: fast-$RUN
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
";
const NOBODY_PROVIDES: &str = "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: slow-$NAMESPACE}
provisioner: example.com/nobody
volumeBindingMode: Immediate
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec:
  storageClassName: slow-$NAMESPACE
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
";
const NO_VOLUME: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec:
  storageClassName: ''
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
";
/// As after its volume was deleted.
const LOST: &str = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data, annotations: {pv.kubernetes.io/bind-completed: 'yes'}}
spec:
  storageClassName: ''
  volumeName: gone-$NAMESPACE
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
";
const ONE_POD: &str = "\
apiVersion: v1
kind: PersistentVolume
metadata: {name: one-$NAMESPACE}
spec:
  storageClassName: ''
  capacity: {storage: 10Mi}
  accessModes: [ReadWriteOncePod]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: /tmp}
  claimRef: {namespace: $NAMESPACE, name: team-data}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec:
  storageClassName: ''
  volumeName: one-$NAMESPACE
  accessModes: [ReadWriteOncePod]
  resources: {requests: {storage: 10Mi}}
";
const ELSEWHERE: &str = "\
apiVersion: v1
kind: PersistentVolume
metadata: {name: elsewhere-$NAMESPACE}
spec:
  storageClassName: ''
  capacity: {storage: 10Mi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {path: /tmp}
  claimRef: {namespace: $NAMESPACE, name: team-data}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [elsewhere]}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: team-data}
spec:
  storageClassName: ''
  volumeName: elsewhere-$NAMESPACE
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
";
const QUOTA: &str = "\
apiVersion: v1
kind: ResourceQuota
metadata: {name: team-quota}
spec: {hard: {requests.storage: 100Mi}}
";

/// A fault whose executors mount the claim `team-data`.
pub(super) fn mounted(id: &'static str, cause: Cause) -> Fault {
    const OF: &str = "spark.kubernetes.executor.volumes.persistentVolumeClaim.data.mount.path";
    const NAME: &str =
        "spark.kubernetes.executor.volumes.persistentVolumeClaim.data.options.claimName";
    Fault::new(id, cause).with(Conf(OF, "/team")).with(Conf(NAME, "team-data"))
}

/// A fault whose executors each have a claim of their own, of this class.
pub(super) fn on_demand(id: &'static str, cause: Cause, class: &'static str) -> Fault {
    macro_rules! of {
        ($key:literal) => {
            concat!("spark.kubernetes.executor.volumes.persistentVolumeClaim.data.", $key)
        };
    }
    Fault::new(id, cause)
        .with(Conf(of!("mount.path"), "/scratch"))
        .with(Conf(of!("options.claimName"), "OnDemand"))
        .with(Conf(of!("options.sizeLimit"), "1Gi"))
        .with(Conf(of!("options.storageClass"), class))
}

fn volume(pod: &'static str) -> Change {
    Made(Template { pod, container: "volumeMounts: [{name: data, mountPath: /data}]", beside: "" })
}

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    let create = || May("persistentvolumeclaims", "create");
    vec![
        mounted("claim-missing", Cause::MissingClaim).says(&["team-data"]).cured_by(Put(CLAIM)),
        mounted("claim-of-no-class", Cause::ProvisioningFailed)
            .or(Cause::ClaimPending)
            .with(Put(NO_CLASS))
            .says(&["team-data"])
            .not(Cause::Unschedulable),
        mounted("claim-that-nobody-provides", Cause::ClaimPending)
            .or(Cause::ProvisioningFailed)
            .with(Put(NOBODY_PROVIDES))
            .says(&["team-data"])
            .not(Cause::Unschedulable),
        mounted("claim-without-volume", Cause::ClaimPending)
            .with(Put(NO_VOLUME))
            .says(&["team-data"])
            .not(Cause::Unschedulable),
        mounted("claim-lost", Cause::ClaimLost).with(Put(LOST)).says(&["team-data"]),
        mounted("claim-of-one-pod", Cause::SingleNodeClaim)
            .with(Put(ONE_POD))
            .with(Executors(2))
            .says(&["team-data"])
            .not(Cause::DriverUnreachable)
            .cured_by(Executors(1)),
        mounted("volume-elsewhere", Cause::VolumeElsewhere)
            .with(Put(ELSEWHERE))
            .not(Cause::NodeSelector),
        Fault::new("directory-missing", Cause::VolumeNotMounted)
            .with(volume(
                "volumes: [{name: data, hostPath: {path: /no/such/directory, type: Directory}}]",
            ))
            .says(&["/no/such/directory"]),
        Fault::new("volume-driver-missing", Cause::VolumeNotMounted)
            .with(volume("volumes: [{name: data, csi: {driver: none.example.com}}]"))
            .says(&["none.example.com"]),
        // Spark makes the pod first, and deletes it when the claim is refused.
        on_demand("claim-over-quota", Cause::QuotaExceeded, "standard")
            .with(Put(QUOTA))
            .with(create())
            .says(&["team-quota", "requests.storage"])
            .not(Cause::MissingClaim),
        on_demand("claim-without-the-verb", Cause::MissingVerb, "standard")
            .says(&["persistentvolumeclaims"])
            .not(Cause::MissingClaim),
        on_demand("claims-of-no-class", Cause::ProvisioningFailed, "fast-$RUN")
            .or(Cause::ClaimPending)
            .with(create())
            .not(Cause::Unschedulable),
    ]
}
