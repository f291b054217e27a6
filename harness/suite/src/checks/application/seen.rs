//! What the pods of an application show.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;
use sparkproof_judge::{FoundLines, Object, PodMemory};
use sparkproof_spark::session::FinishedApplication;

/// An object's identity and owners.
pub(super) fn object(object: &impl ResourceExt) -> Object {
    Object {
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
        owners: object.owner_references().iter().map(|owner| owner.uid.clone()).collect(),
    }
}

/// A pod's account; empty if it has none.
pub(super) fn account_of(pod: &Pod) -> String {
    let account = pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone());
    account.unwrap_or_default()
}

/// Something of each executor's pod, by name.
pub(super) fn of_each<T>(
    finished: &FinishedApplication,
    of: impl Fn(&Pod) -> T,
) -> BTreeMap<String, T> {
    finished.executors.iter().map(|(name, pod)| (name.clone(), of(pod))).collect()
}

/// The value of a variable of a pod's containers.
pub(super) fn variable(pod: &Pod, name: &str) -> Option<String> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let mut variables = containers.flat_map(|container| container.env.iter().flatten());
    variables.find(|variable| variable.name == name).and_then(|variable| variable.value.clone())
}

/// The memory of a pod's first container.
pub(super) fn memory(pod: &Pod) -> PodMemory {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let resources = container.and_then(|container| container.resources.as_ref());
    let of = |quantities: Option<&BTreeMap<String, Quantity>>| {
        quantities.and_then(|all| all.get("memory")).map(|quantity| quantity.0.clone())
    };
    PodMemory {
        request: of(resources.and_then(|resources| resources.requests.as_ref())),
        limit: of(resources.and_then(|resources| resources.limits.as_ref())),
    }
}

/// The names of a pod's claims.
pub(super) fn claims(pod: &Pod) -> Vec<String> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let claims = volumes.filter_map(|volume| volume.persistent_volume_claim.as_ref());
    claims.map(|claim| claim.claim_name.clone()).collect()
}

/// The lines with these words in the log of an executor's pod, if it was read.
pub(super) fn logged(finished: &FinishedApplication, pod: &Pod, words: &str) -> Option<FoundLines> {
    finished.pod_logs.get(&pod.name_any()).map(|log| FoundLines::of(log, words))
}
