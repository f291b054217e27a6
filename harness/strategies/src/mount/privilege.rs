//! The privileges that a container needs for FUSE, shown by the errors without them, in plain pods
//! without a store and without Spark.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::wait::{Progress, Waiting, wait};
use sparkproof_images::spark::SparkImage;
use sparkproof_judge::MountAttempt;
use sparkproof_kubernetes::cluster::Cluster;
use sparkproof_kubernetes::observe::Pods;
use sparkproof_kubernetes::release::release;
use sparkproof_machine::engine::Engine;

use super::image;
use super::objects::namespace;

/// Seconds for all of them.
const SECONDS: u64 = 90;

/// libfuse opens its device before s3fs contacts a server, so keys and store need not exist. The
/// first line of output is the mode of the device in the container, if it has one.
const SCRIPT: &str = "umask 077
exec > /dev/termination-log 2>&1
cd /tmp
mkdir mounted
echo none:none > passwd
echo device: $(stat -c %a /dev/fuse 2> /dev/null)
exec s3fs none mounted -f -o passwd_file=/tmp/passwd,url=http://127.0.0.1:1,ro
";

/// The privileges of a container; none of these is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Only root.
    Nothing,
    /// Root with the capability to mount.
    SysAdmin,
    /// The same with the device, by hostPath.
    Device,
    /// Privileged, but as Spark's user.
    User,
}

impl Privilege {
    /// All of them.
    pub const ALL: [Privilege; 4] =
        [Privilege::Nothing, Privilege::SysAdmin, Privilege::Device, Privilege::User];

    /// A short name, with letters and `-`.
    pub fn name(self) -> &'static str {
        match self {
            Privilege::Nothing => "nothing",
            Privilege::SysAdmin => "sys-admin",
            Privilege::Device => "device",
            Privilege::User => "user",
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Privilege::Nothing => "as root without any privilege",
            Privilege::SysAdmin => "as root with SYS_ADMIN",
            Privilege::Device => "as root with SYS_ADMIN and /dev/fuse by hostPath",
            Privilege::User => "privileged, as uid 185",
        }
    }

    /// The error of libfuse.
    pub fn refusal(self) -> &'static str {
        match self {
            Privilege::Nothing | Privilege::SysAdmin => {
                "fuse: device not found, try 'modprobe fuse' first"
            }
            // The device cgroup forbids what the file mode allows.
            Privilege::Device => "fuse: failed to open /dev/fuse: Operation not permitted",
            Privilege::User => "fuse: failed to open /dev/fuse: Permission denied",
        }
    }

    /// Why nothing is refused here, if the host grants the missing privilege. The device has the
    /// host's mode: 666 with udev, 600 with devtmpfs alone.
    pub fn granted(self, tried: &MountAttempt) -> Option<String> {
        match (self, tried.device_mode) {
            (Privilege::User, Some(mode)) if mode & 0o006 == 0o006 => Some(format!(
                "every user can open /dev/fuse on this host (mode {mode:o}), so a privileged \
                 container does not need root"
            )),
            _ => None,
        }
    }

    fn security_context(self) -> Value {
        match self {
            Privilege::Nothing => json!({ "runAsUser": 0 }),
            Privilege::SysAdmin | Privilege::Device => {
                json!({ "runAsUser": 0, "capabilities": { "add": ["SYS_ADMIN"] } })
            }
            Privilege::User => json!({ "privileged": true, "runAsUser": 185 }),
        }
    }

    fn pod(self, image: &str) -> Result<Pod> {
        let (mut mounts, mut volumes) = (Vec::new(), Vec::new());
        if self == Privilege::Device {
            mounts.push(json!({ "name": "fuse", "mountPath": "/dev/fuse" }));
            let path = json!({ "path": "/dev/fuse", "type": "CharDevice" });
            volumes.push(json!({ "name": "fuse", "hostPath": path }));
        }
        serde_json::from_value(json!({
            "metadata": { "name": self.name() },
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": false,
                "volumes": volumes,
                "containers": [{
                    "name": "try",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": ["sh", "-c", SCRIPT],
                    "securityContext": self.security_context(),
                    "volumeMounts": mounts,
                }],
            },
        }))
        .or_internal("describing a pod")
    }
}

fn parse(message: &str, exit: i32) -> MountAttempt {
    let (device, said) = message.split_once('\n').unwrap_or((message, ""));
    let mode = device.strip_prefix("device:").map(str::trim);
    MountAttempt {
        device_mode: mode.and_then(|mode| u32::from_str_radix(mode, 8).ok()),
        said: said.trim().to_owned(),
        exit,
    }
}

/// Runs s3fs in a plain pod with each privilege, concurrently in a separate namespace.
pub async fn try_privileges(
    context: &Context,
    engine: &Engine,
    image: &SparkImage,
    cluster: &Cluster,
) -> Result<BTreeMap<Privilege, MountAttempt>> {
    let nodes = cluster.executor_nodes();
    let (image, _) = image::load(context, engine, image, &nodes, super::Client::S3fs).await?;
    let name = format!("sparkproof-{}-privileges", context.run.id());
    let owned = OwnedResource::Namespace {
        kubeconfig: cluster.kubeconfig.clone(),
        context: cluster.context.clone(),
        name: name.clone(),
    };
    context.run.record(owned.clone())?;
    let params = PostParams::default();
    let pods = Pods::watch(cluster.client.clone(), &name, None, context.recorder.clone());
    let made = async {
        let what = "making pods that try to mount";
        let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
        let made = namespaces.create(&params, &namespace(context.run.id(), &name)).await;
        made.or_environment(what)?;
        let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &name);
        for privilege in Privilege::ALL {
            api.create(&params, &privilege.pod(&image)?).await.or_environment(what)?;
        }
        Ok(())
    };
    context.cancel.guard(made).await?;
    let waiting = Waiting::up_to(SECONDS, "pods that try to mount");
    let said = wait(context, waiting, pods.changes(), async || {
        let now = pods.now();
        let said: Result<BTreeMap<_, _>, _> = Privilege::ALL
            .into_iter()
            .map(|p| now.get(p.name()).and_then(|pod| ended(pod)).map(|tried| (p, tried)).ok_or(p))
            .collect();
        match said {
            Ok(all) => Progress::Met(all),
            Err(missing) => pods.not_yet(format!("{} has not ended", missing.name())),
        }
    })
    .await;
    release(context, &owned).await?;
    said
}

/// How the container of a pod ended; `None` while it runs.
fn ended(pod: &Pod) -> Option<MountAttempt> {
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let end = status.state.as_ref()?.terminated.as_ref()?;
    Some(parse(end.message.as_deref().unwrap_or_default(), end.exit_code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gets_what_its_title_says() {
        let pod = |p: Privilege| serde_json::to_value(p.pod("x").expect("valid")).expect("JSON");
        let context = |p| pod(p).pointer("/spec/containers/0/securityContext").cloned();
        assert_eq!(context(Privilege::User), Some(json!({ "privileged": true, "runAsUser": 185 })));
        let device = pod(Privilege::Device);
        assert_eq!(
            device.pointer("/spec/volumes/0/hostPath/path"),
            Some(&json!("/dev/fuse")),
            "{device}"
        );
        assert!(pod(Privilege::SysAdmin).pointer("/spec/volumes/0").is_none());
    }

    /// Seen where the host's udev had set 666: s3fs mounted, found no server, and ended with 0.
    #[test]
    fn a_device_that_is_open_to_all_refuses_no_user() {
        let open = parse("device: 666\n", 0);
        assert!(Privilege::User.granted(&open).is_some_and(|why| why.contains("mode 666")));
        assert_eq!(Privilege::Device.granted(&open), None, "its device cgroup refuses");
        let refusal = Privilege::User.refusal();
        let closed = parse(&format!("device: 600\n{refusal}\n"), 1);
        assert_eq!(
            closed,
            MountAttempt { device_mode: Some(0o600), said: refusal.into(), exit: 1 }
        );
        assert_eq!(Privilege::User.granted(&closed), None);
        assert_eq!(parse("device:\nfuse: device not found", 1).device_mode, None);
    }
}
