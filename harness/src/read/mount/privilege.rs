//! What a container needs to mount by FUSE, shown by what it is told without it: plain pods, no
//! store, no Spark.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::image;
use super::objects::namespace;
use crate::context::Context;
use crate::error::{OrFail, Result};
use crate::ledger::{Owned, give_back};
use crate::observe::{Pods, Progress, Waiting, wait};
use crate::proof::Environment;

/// The longest all of them may take.
const SECONDS: u64 = 90;

/// libfuse opens its device before s3fs asks any server: keys and store need not exist.
const SCRIPT: &str = "umask 077
cd /tmp
mkdir mounted
echo none:none > passwd
exec s3fs none mounted -f -o passwd_file=/tmp/passwd,url=http://127.0.0.1:1,ro
";

/// What a container is given; none of it is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// Root, nothing else.
    Nothing,
    /// Root with the capability to mount.
    SysAdmin,
    /// The same and the device, passed on by hostPath.
    Device,
    /// Privileged, but as Spark's user.
    User,
}

impl Privilege {
    /// All of them.
    pub const ALL: [Privilege; 4] =
        [Privilege::Nothing, Privilege::SysAdmin, Privilege::Device, Privilege::User];

    /// A short name, of letters and `-`.
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

    /// What libfuse says then.
    pub fn refusal(self) -> &'static str {
        match self {
            Privilege::Nothing | Privilege::SysAdmin => {
                "fuse: device not found, try 'modprobe fuse' first"
            }
            // Its device cgroup forbids what its file system shows.
            Privilege::Device => "fuse: failed to open /dev/fuse: Operation not permitted",
            Privilege::User => "fuse: failed to open /dev/fuse: Permission denied",
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
                    "terminationMessagePolicy": "FallbackToLogsOnError",
                    "volumeMounts": mounts,
                }],
            },
        }))
        .or_internal("describing a pod")
    }
}

/// What s3fs says in a plain pod with each privilege, all side by side in a namespace of their own.
pub async fn try_privileges(
    context: &Context,
    environment: &Environment,
) -> Result<BTreeMap<Privilege, String>> {
    let (image, _) = image::load(context, environment, super::Client::S3fs).await?;
    let cluster = &environment.cluster;
    let name = format!("sparkproof-{}-privileges", context.run.id());
    let owned = Owned::Namespace {
        kubeconfig: cluster.kubeconfig.clone(),
        context: cluster.context.clone(),
        name: name.clone(),
    };
    context.run.own(owned.clone())?;
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
            .map(|p| now.get(p.name()).and_then(|pod| said(pod)).map(|s| (p, s)).ok_or(p))
            .collect();
        match said {
            Ok(all) => Progress::Met(all),
            Err(missing) => pods.not_yet(format!("{} has not ended", missing.name())),
        }
    })
    .await;
    give_back(context, &owned).await?;
    said
}

/// The last words of a pod that ended.
fn said(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let end = status.state.as_ref()?.terminated.as_ref()?;
    Some(match &end.message {
        Some(message) => message.trim().to_owned(),
        None => format!("nothing, it ended with status {}", end.exit_code),
    })
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
}
