//! The Kubernetes objects of a mounter: a DaemonSet with a FUSE daemon, its keys, its namespace.

use std::path::Path;

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::core::ObjectMeta;
use serde_json::json;
use sparkproof_base::RunId;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::labels;

use super::client::{Client, KEYS};
use super::source::{MARKER, MountSource};

/// Name of the daemon's container.
pub(super) const CONTAINER: &str = "mounter";
/// The script: unmounts what an earlier daemon left, then becomes the daemon.
const MOUNT: &str = r#"set -e
while grep --quiet --fixed-strings " $1 " /proc/self/mountinfo; do umount --lazy "$1"; done
mkdir -p "$1"
shift
exec "$@"
"#;

/// The readiness probe: whether the mount shows the marker.
const SHOWS: &str = r#"mountpoint --quiet "$1" && test "$(cat "$1/$2")" = "$3""#;

/// A mounter of one client on every node that executors can run on.
pub(super) struct Daemons<'a> {
    /// The run that owns it.
    pub(super) run: &'a RunId,
    /// Name of all its objects.
    pub(super) name: &'a str,
    /// Image with the client.
    pub(super) image: &'a str,
    pub(super) client: Client,
    pub(super) source: &'a MountSource,
    /// The shared directory of the node.
    pub(super) shared: &'a Path,
    /// The daemon's mount point below it. Not the directory itself: containers see later mounts
    /// only below the directory that they mounted.
    pub(super) point: &'a Path,
}

/// A namespace in which pods may be privileged, also where the cluster's default forbids it.
pub(super) fn namespace(run: &RunId, name: &str) -> Namespace {
    let mut labels = labels::kube(run, labels::Lifetime::Run);
    labels.insert("pod-security.kubernetes.io/enforce".to_owned(), "privileged".to_owned());
    let metadata =
        ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..Default::default() };
    Namespace { metadata, ..Default::default() }
}

/// The file with the keys.
pub(super) fn secret(run: &RunId, name: &str, client: Client, source: &MountSource) -> Secret {
    let (file, text) = client.keys(source);
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels::kube(run, labels::Lifetime::Run)),
            ..Default::default()
        },
        data: Some([(file.to_owned(), ByteString(text.into_bytes()))].into()),
        ..Default::default()
    }
}

impl Daemons<'_> {
    /// The DaemonSet. Its pods have no toleration: where they run, executors can run.
    pub(super) fn daemon_set(&self) -> Result<DaemonSet> {
        let point = self.point.to_string_lossy();
        let mut command = ["sh", "-c", MOUNT, "sh", &point].map(str::to_owned).to_vec();
        command.extend(self.client.command(self.source, self.point));
        let labels = labels::kube(self.run, labels::Lifetime::Run);
        let app = json!({ "app.kubernetes.io/name": self.name });
        serde_json::from_value(json!({
            "metadata": { "name": self.name, "labels": labels },
            "spec": {
                "selector": { "matchLabels": app },
                "template": {
                    "metadata": { "labels": app },
                    "spec": {
                        "automountServiceAccountToken": false,
                        "enableServiceLinks": false,
                        // The daemon must not be process 1, which processes in its namespace
                        // cannot kill.
                        "shareProcessNamespace": true,
                        // Time to unmount.
                        "terminationGracePeriodSeconds": 5,
                        "containers": [{
                            "name": CONTAINER,
                            "image": self.image,
                            "imagePullPolicy": "Never",
                            "command": command,
                            // `Bidirectional` mount propagation needs it.
                            "securityContext": { "privileged": true, "runAsUser": 0 },
                            // Without a request the pod gets only the CPU that all others leave, on
                            // a busy node nothing, while executors wait for it.
                            "resources": { "requests": { "cpu": "10m" } },
                            // Its last output, if it ends with an error.
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "startupProbe": {
                                "exec": { "command": [
                                    "sh", "-c", SHOWS, "sh", point, MARKER, self.source.prefix
                                ] },
                                "periodSeconds": 1,
                                "timeoutSeconds": 10,
                                "failureThreshold": 60,
                            },
                            "volumeMounts": [
                                {
                                    "name": "shared",
                                    "mountPath": self.shared,
                                    "mountPropagation": "Bidirectional",
                                },
                                { "name": "keys", "mountPath": KEYS, "readOnly": true },
                            ],
                        }],
                        "volumes": [
                            {
                                "name": "shared",
                                "hostPath": { "path": self.shared, "type": "DirectoryOrCreate" },
                            },
                            {
                                "name": "keys",
                                "secret": { "secretName": self.name, "defaultMode": 0o600 },
                            },
                        ],
                    },
                },
            },
        }))
        .or_internal("describing a mounter")
    }
}

#[cfg(test)]
mod tests {
    use super::super::client::tests::source;
    use super::*;
    use rstest::rstest;
    use sparkproof_catalog::StoreKind;

    #[rstest]
    #[case(Client::S3fs, StoreKind::S3)]
    #[case(Client::Rclone, StoreKind::S3)]
    #[case(Client::Rclone, StoreKind::Azure)]
    #[case(Client::Blobfuse2, StoreKind::Azure)]
    fn a_mounter_is_as_reviewed(#[case] client: Client, #[case] kind: StoreKind) {
        let source = source(kind);
        let shared = Path::new("/var/tmp/sparkproof-7f3a0000/2-x-node");
        let daemons = Daemons {
            run: &"7f3a0000".parse().expect("an id"),
            name: "sparkproof-7f3a0000-2-x-node",
            image: "localhost/spark:1-7f3a0000-fuse",
            client,
            source: &source,
            shared,
            point: &shared.join("mounted"),
        };
        let pod = daemons.daemon_set().expect("valid").spec.expect("a spec").template;
        let text = serde_json::to_string_pretty(&pod).expect("JSON");
        assert!(!text.contains("SECRET"), "{text}");
        insta::assert_snapshot!(format!("mounter-{client:?}-{kind:?}").to_lowercase(), text);
    }
}
