//! Claims that Spark creates for each executor, with the cluster's StorageClass.

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::Variant;
use sparkproof_judge::Copies;
use sparkproof_kubernetes::access::{CLAIMS, EXEC, Rule};
use sparkproof_kubernetes::cluster::ExitCode;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_testbed::{Environment, LiveSession};

use super::on_demand;
use crate::copy::{NOT_WRITABLE, copy_into_all};
use crate::{Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext, VolumeUse};

/// Annotation of the default StorageClass.
const DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// Spark's label of the claims that it creates (`Constants.SPARK_APP_ID_LABEL`).
const OF_SPARK: &str = "spark-app-selector";
/// The smallest size of many providers.
const SIZE: &str = "1Gi";
/// Seconds: a provisioner runs a pod to remove a volume.
const GONE_WITHIN: u64 = 120;

/// The variant `3-pvc-dynamic`: each executor gets an empty volume, which is deleted with its pod.
///
/// With the driver outside of the cluster there is no driver pod that could own the claims, and
/// Spark does not reuse them (`ExecutorPodsAllocator`, 3.5.9 and 4.3.0, from the class files): a
/// replaced executor's volume is new and empty.
#[derive(Debug)]
pub struct DynamicClaim {
    variant: &'static Variant,
    class: Option<String>,
    session: Option<ClaimSession>,
}

impl DynamicClaim {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        DynamicClaim { variant, class: None, session: None }
    }
}

impl Strategy for DynamicClaim {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn unavailable<'a>(
        &'a self,
        _: &'a Context,
        environment: &'a Environment,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        Box::pin(async {
            let class = default_class(&environment.cluster.client).await?;
            let none = class.is_none().then_some("the cluster has no default StorageClass");
            Ok(none.map(str::to_owned))
        })
    }

    fn needs(&self) -> Vec<Rule> {
        EXEC.iter().chain(&CLAIMS).copied().collect()
    }

    /// Besides `deletecollection`, which every session needs since 3.4.
    fn verbs(&self) -> Vec<Rule> {
        vec![Rule { resource: "persistentvolumeclaims", verb: "create" }]
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        _: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            let looked = default_class(&scene.environment.cluster.client);
            let class = scene.context.cancel.guard(looked).await?;
            let class = class.ok_or_else(|| {
                Error::environment("the cluster has no default StorageClass")
                    .remedy(format!("annotate one with {DEFAULT}=true"))
            })?;
            self.class = Some(class);
            Ok(SetupCost::default())
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let class = self.class.as_deref();
        let class = class.ok_or_else(|| Error::internal("contributes before it is prepared"))?;
        Ok(on_demand(&scene.name(self.variant), class, SIZE, &scene.path(self.variant)))
    }

    fn populates(&self) -> bool {
        true
    }

    fn populate<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
        live: &'a LiveSession,
    ) -> LocalBoxFuture<'a, Result<(SetupCost, Copies)>> {
        Box::pin(async move {
            let path = scene.path(self.variant);
            self.session = ClaimSession::from_live(live);
            copy_into_all(scene, data, live, &path).await.map_err(|error| {
                if ExitCode::of(&error) != Some(ExitCode(NOT_WRITABLE)) {
                    return error;
                }
                Error::environment("the executor's user may not write into its volume")
                    .with_source(error)
                    .remedy(
                        "use a StorageClass whose volumes every user may write to (kind's creates \
                         them for root only), or set fsGroup in the pod template",
                    )
            })
        })
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        Location::local(scene.path(self.variant), MountKind::Disk, None)
            .in_volume(VolumeUse::OwnClaim)
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let Some(class) = self.class.take() else { return Ok(()) };
            let client = &scene.environment.cluster.client;
            let session = self.session.take();
            if scene.environment.terms.namespace.is_some() && session.is_none() {
                // Only this session's claims are deleted; the ledger finds those of a session that
                // did not start.
                return Ok(());
            }
            remove_claims(client, scene.namespace, session.as_ref()).await?;
            let volumes = Api::<PersistentVolume>::all(client.clone());
            let what = format!("the end of the volumes of namespace {}", scene.namespace);
            let waiting = Waiting::up_to(GONE_WITHIN, what);
            // They are gone when the provisioner has removed their storage.
            wait(scene.context, waiting, Source::Backoff, async || {
                match left(&volumes, scene.namespace, &class, session.as_ref()).await {
                    Ok(left) if left.is_empty() => Progress::Met(()),
                    Ok(left) => Progress::NotYet(left.join(", ")),
                    Err(error) => Progress::NotYet(error.to_string()),
                }
            })
            .await
        })
    }
}

/// Identifies a session's claims among others in a user's namespace.
#[derive(Debug)]
struct ClaimSession {
    selector: String,
    /// The prefix of its executor pods' names, and so of their claims.
    prefix: String,
}

impl ClaimSession {
    /// `None` in a namespace that sparkproof made: all claims there are the session's.
    fn from_live(live: &LiveSession) -> Option<Self> {
        let application = live.access().application.as_ref()?;
        let pod = live.executor_pods().into_keys().next()?;
        let (prefix, _) = pod.rsplit_once("-exec-")?;
        Some(ClaimSession {
            selector: format!("spark-app-selector={application}"),
            prefix: format!("{prefix}-exec-"),
        })
    }
}

/// The default StorageClass: of several the newest, as Kubernetes chooses.
async fn default_class(client: &Client) -> Result<Option<String>> {
    let classes = Api::<StorageClass>::all(client.clone());
    let listed = classes.list(&ListParams::default()).await.or_environment("listing classes")?;
    Ok(newest_default(listed.items))
}

fn newest_default(classes: Vec<StorageClass>) -> Option<String> {
    let marked = classes
        .into_iter()
        .filter(|class| class.annotations().get(DEFAULT).is_some_and(|mark| mark == "true"));
    marked.max_by_key(|c| c.creation_timestamp().map(|t| t.0)).map(|class| class.name_any())
}

/// Deletes the claims that Spark created: a killed driver leaves them with its executors' pods.
async fn remove_claims(
    client: &Client,
    namespace: &str,
    session: Option<&ClaimSession>,
) -> Result<()> {
    let claims = Api::<PersistentVolumeClaim>::namespaced(client.clone(), namespace);
    let selector = session.map_or(OF_SPARK, |session| &session.selector);
    let of_spark = ListParams::default().labels(selector);
    match claims.delete_collection(&DeleteParams::background(), &of_spark).await {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        deleted => deleted.or_environment("deleting the executors' claims").map(drop),
    }
}

/// Volumes of the namespace's claims with this class, with their state.
async fn left(
    volumes: &Api<PersistentVolume>,
    namespace: &str,
    class: &str,
    session: Option<&ClaimSession>,
) -> kube::Result<Vec<String>> {
    let listed = volumes.list(&ListParams::default()).await?;
    let ours = |volume: &PersistentVolume| {
        volume.spec.as_ref().is_some_and(|spec| {
            let claim = spec.claim_ref.as_ref();
            let of = claim.and_then(|claim| claim.namespace.as_deref());
            let name = claim.and_then(|claim| claim.name.as_deref()).unwrap_or_default();
            of == Some(namespace)
                && spec.storage_class_name.as_deref() == Some(class)
                && session.is_none_or(|session| name.starts_with(&session.prefix))
        })
    };
    let describe = |volume: PersistentVolume| {
        let phase = volume.status.as_ref().and_then(|status| status.phase.clone());
        format!("{} {}", volume.name_any(), phase.unwrap_or_default())
    };
    Ok(listed.items.into_iter().filter(|volume| ours(volume)).map(describe).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn class(name: &str, mark: &str, made: &str) -> StorageClass {
        let class = json!({ "metadata": {
            "name": name, "annotations": { DEFAULT: mark }, "creationTimestamp": made,
        }, "provisioner": "p" });
        serde_json::from_value(class).expect("a class")
    }

    #[test]
    fn the_default_class_is_found_by_its_mark() {
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        assert_eq!(newest_default(vec![class("a", "false", late)]), None);
        let several =
            vec![class("a", "true", early), class("b", "true", late), class("c", "false", late)];
        assert_eq!(newest_default(several).as_deref(), Some("b"));
    }
}
