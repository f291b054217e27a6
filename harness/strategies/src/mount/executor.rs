//! Strategy 2 in executors: each mounts the store, and then runs as Spark's user.

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::{SecretVolumeSource, SecurityContext, Volume, VolumeMount};
use kube::Api;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::Variant;
use sparkproof_images::Layer;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_testbed::Environment;

use super::client::{Client, KEYS};
use super::image;
use super::objects::secret;
use super::source::{MARKER, MountSource, empty, fill};
use crate::objects::create;
use crate::{Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext};

/// The script: mounts, waits at most 60 s until the mount shows the marker, then runs the image's
/// entry point as Spark's user without privileges. The daemon is a foreground process of a shell
/// job: its output is in the pod's log, and its end ends the wait.
///
/// One command a line, since `set -e` ignores a failure of the first command in `a && b`.
const SCRIPT: &str = r#"set -e
mkdir -p 'POINT'
COMMAND &
tries=0
until mountpoint --quiet 'POINT' && test "$(cat 'POINT/MARKER')" = 'PREFIX'; do
    kill -0 $!
    tries=$((tries + 1))
    test $tries -lt 600
    sleep 0.1
done
exec setpriv --reuid=185 --regid=0 --clear-groups --no-new-privs --bounding-set=-all \
    /opt/entrypoint.sh "$@"
"#;

/// A variant whose executors mount.
pub struct ExecutorMount {
    variant: &'static Variant,
    client: Client,
    prepared: Option<(MountSource, Vec<Layer>)>,
}

impl ExecutorMount {
    /// Of this variant, by this client.
    pub fn new(variant: &'static Variant, client: Client) -> Self {
        ExecutorMount { variant, client, prepared: None }
    }

    fn point(&self, scene: StrategyContext<'_>) -> PathBuf {
        scene.path(self.variant).join("mounted")
    }
}

impl Strategy for ExecutorMount {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn unavailable<'a>(
        &'a self,
        context: &'a Context,
        environment: &'a Environment,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            let engine = environment.node_engine()?;
            image::unavailable(context, engine, &environment.image, self.client).await
        })
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            let begun = Instant::now();
            let context = scene.context;
            let source = fill(scene, self.variant, data).await?;
            let engine = scene.environment.node_engine()?;
            let image = &scene.environment.image;
            let layers = image::layers(context, engine, image, self.client).await?;
            let name = scene.name(self.variant);
            // Deleted with the session's namespace.
            let keys = secret(context.run.id(), &name, self.client, &source);
            let client = scene.environment.cluster.client.clone();
            create(scene, Api::namespaced(client, scene.namespace), keys).await?;
            self.prepared = Some((source, layers));
            Ok(SetupCost { seconds: begun.elapsed().as_secs_f64(), ..SetupCost::default() })
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let Some((source, layers)) = &self.prepared else {
            return Err(Error::internal(format!("{} is not prepared", self.variant.id)));
        };
        let version = &scene.environment.image.version;
        let mut added = privileged(&scene.name(self.variant), version);
        added.command = Some(command(self.client, source, &self.point(scene)));
        added.layers.clone_from(layers);
        Ok(added)
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        let kind = MountKind::Fuse(self.client.file_system().to_owned());
        Location::local(self.point(scene), kind, self.variant.stores.first().copied())
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match &self.prepared {
                Some((source, _)) => empty(scene, source).await,
                None => Ok(()),
            }
        })
    }
}

/// The command of an executor's container, before Spark's arguments.
fn command(client: Client, source: &MountSource, point: &Path) -> Vec<String> {
    let script = SCRIPT
        .replace("COMMAND", &client.command(source, point).join(" "))
        .replace("POINT", &point.to_string_lossy())
        .replace("MARKER", MARKER)
        .replace("PREFIX", &source.prefix);
    ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec()
}

/// The privileges for mounting, and the keys from a Secret of this name.
fn privileged(name: &str, version: &SparkVersion) -> SessionOverlay {
    let mut added = SessionOverlay {
        security_context: Some(SecurityContext {
            privileged: Some(true),
            run_as_user: Some(0),
            ..Default::default()
        }),
        volumes: vec![Volume {
            name: name.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(name.to_owned()),
                default_mode: Some(0o600),
                ..Default::default()
            }),
            ..Default::default()
        }],
        mounts: vec![VolumeMount {
            name: name.to_owned(),
            mount_path: KEYS.to_owned(),
            read_only: Some(true),
            ..Default::default()
        }],
        ..Default::default()
    };
    // SPARK-57493: Spark forbids privilege escalation by default, which the API server refuses for
    // a privileged container.
    if version.minor() >= (4, 3) {
        let key = "spark.kubernetes.executor.securityContext.allowPrivilegeEscalation";
        added.conf.insert(key, "true");
    }
    added
}

#[cfg(test)]
mod tests {
    use super::super::client::tests::source;
    use super::*;
    use sparkproof_catalog::StoreKind;

    #[test]
    fn an_executor_mounts_as_reviewed() {
        let source = source(StoreKind::S3);
        let command = command(Client::S3fs, &source, Path::new("/var/tmp/x/mounted"));
        assert_eq!((command[0].as_str(), command.len()), ("sh", 4));
        assert!(!command.concat().contains("SECRET"));
        insta::assert_snapshot!(command[2]);
    }

    #[test]
    fn escalation_is_allowed_where_spark_forbids_it() {
        let conf = |minor| privileged("keys", &SparkVersion::new(4, minor, 0)).conf.len();
        assert_eq!((conf(1), conf(3)), (0, 1));
    }
}
