//! Kubernetes objects of a variant: created with labels, and deleted.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::Variant;

use crate::StrategyContext;

/// Seconds: finalizers keep a claim while a pod uses it, and a volume while a claim uses it.
const GONE_WITHIN: u64 = 120;
/// Seconds in which a controller must set a phase.
const PHASE_WITHIN: u64 = 60;

/// Name and labels of a variant's object.
pub(crate) fn meta(scene: StrategyContext<'_>, variant: &Variant) -> ObjectMeta {
    ObjectMeta {
        name: Some(scene.name(variant)),
        labels: Some(labels::kube(scene.context.run.id(), labels::Lifetime::Run)),
        ..Default::default()
    }
}

/// Creates an object; an existing one of its name is an error.
pub(crate) async fn create<K>(scene: StrategyContext<'_>, api: Api<K>, object: K) -> Result<()>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let what = describe::<K>(&object.name_any());
    let created = async {
        api.create(&PostParams::default(), &object).await.or_environment(format!("creating {what}"))
    };
    scene.context.cancel.guard(created).await.map(drop)
}

/// Deletes an object of this run, if it exists, and waits until it is gone.
pub(crate) async fn remove<K>(context: &Context, api: Api<K>, name: &str) -> Result<()>
where
    K: Resource + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let what = describe::<K>(name);
    let look = async { api.get_opt(name).await.or_environment(format!("reading {what}")) };
    let found = context.cancel.guard(look).await?;
    let run = context.run.id();
    let ours = |object: &K| object.labels().get(labels::KUBE_RUN).is_some_and(|l| *l == **run);
    if !found.as_ref().is_some_and(ours) {
        return Ok(());
    }
    let delete = async {
        match api.delete(name, &DeleteParams::background()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            deleted => deleted.map(drop).or_environment(format!("deleting {what}")),
        }
    };
    context.cancel.guard(delete).await?;
    gone(context, api, name).await
}

/// Waits until a volume or a claim has this phase. After a conflict their controller retries only
/// at its next resync, 15 s later (for one claim in three 10 to 12 s were lost, measured), or when
/// the object changes. So this changes the object.
pub(crate) async fn reach<K>(context: &Context, api: Api<K>, name: &str, phase: &str) -> Result<()>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let what = describe::<K>(name);
    let waiting = Waiting::up_to(PHASE_WITHIN, format!("{what} to be {phase}"));
    let mut looks = 0;
    wait(context, waiting, Source::Backoff, async || match api.get(name).await {
        Ok(object) => match json!(object)["status"]["phase"].as_str() {
            Some(seen) if seen == phase => Progress::Met(()),
            Some(seen @ ("Lost" | "Failed")) => {
                Progress::Never(Error::red(format!("{what} is {seen}")))
            }
            seen => {
                let seen = seen.unwrap_or("without a phase").to_owned();
                looks += 1;
                let looked = json!({ labels::KUBE_LOOKED: looks.to_string() });
                let look = json!({ "metadata": { "annotations": looked } });
                match api.patch(name, &PatchParams::default(), &Patch::Merge(look)).await {
                    Ok(_) => Progress::NotYet(seen),
                    Err(error) => Progress::NotYet(format!("{seen}; {error}")),
                }
            }
        },
        Err(error) => Progress::NotYet(error.to_string()),
    })
    .await
}

/// Waits until a deleted object is gone.
pub(crate) async fn gone<K>(context: &Context, api: Api<K>, name: &str) -> Result<()>
where
    K: Resource + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let waiting = Waiting::up_to(GONE_WITHIN, format!("the end of {}", describe::<K>(name)));
    // Polled: a watch would cost as much for one object in a short time.
    wait(context, waiting, Source::Backoff, async || match api.get_opt(name).await {
        Ok(None) => Progress::Met(()),
        Ok(Some(object)) => Progress::NotYet(state(&object)),
        Err(error) => Progress::NotYet(error.to_string()),
    })
    .await
}

/// Why it still exists.
fn state<K: Resource>(object: &K) -> String {
    match object.meta().finalizers.as_deref().unwrap_or_default() {
        [] => "there".to_owned(),
        held => format!("held by {}", held.join(", ")),
    }
}

fn describe<K: Resource>(name: &str) -> String
where
    K::DynamicType: Default,
{
    format!("{} {name}", K::kind(&K::DynamicType::default()))
}
