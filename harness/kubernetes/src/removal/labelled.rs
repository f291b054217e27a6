//! Deletes a run's objects in a user's namespace by label, with the verbs that are granted.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};

use super::bounded;

/// Seconds to wait for pods, which have a grace period of 30 s by default.
const PODS_SECONDS: u64 = 90;

/// Deletes the pods, ConfigMaps, Services, Secrets and claims that a selector finds, and waits
/// until the pods are gone. Uses `deletecollection`, which every driver needs since Spark 3.4, else
/// deletes one by one.
///
/// # Errors
/// Environment: an object may not be deleted, or objects may exist that cannot be listed.
pub async fn remove(
    context: &Context,
    client: Client,
    namespace: &str,
    selector: &str,
) -> Result<()> {
    let all = ListParams::default().labels(selector);
    of_kind::<Pod>(&client, namespace, &all).await?;
    of_kind::<ConfigMap>(&client, namespace, &all).await?;
    of_kind::<Service>(&client, namespace, &all).await?;
    of_kind::<Secret>(&client, namespace, &all).await?;
    of_kind::<PersistentVolumeClaim>(&client, namespace, &all).await?;
    let pods: Api<Pod> = Api::namespaced(client, namespace);
    let waiting = Waiting::up_to(PODS_SECONDS, format!("the end of pods with {selector}"));
    // Polled until the list is empty once: a watch would cost as much.
    wait(context, waiting, Source::Backoff, async || match pods.list_metadata(&all).await {
        Ok(list) if list.items.is_empty() => Progress::Met(()),
        // Without permission to list pods, the delete has to be trusted.
        Err(error) if forbidden(&error) => Progress::Met(()),
        Ok(list) => Progress::NotYet(format!("{} pods", list.items.len())),
        Err(error) => Progress::NotYet(error.to_string()),
    })
    .await
}

async fn of_kind<K>(client: &Client, namespace: &str, all: &ListParams) -> Result<()>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let background = DeleteParams::background();
    match bounded(async { Ok(api.delete_collection(&background, all).await) }).await? {
        Ok(_) => return Ok(()),
        Err(error) if forbidden(&error) => {}
        Err(error) => return Err(failed::<K>(namespace).with_source(error)),
    }
    let listed = match bounded(async { Ok(api.list(all).await) }).await? {
        Ok(listed) => listed,
        // Without permission to create any, there are none.
        Err(error) if forbidden(&error) => match may_create::<K>(client, namespace).await? {
            false => return Ok(()),
            true => {
                return Err(Error::environment(format!(
                    "neither deletecollection nor list of {} is allowed in namespace {namespace}: \
                     leftovers there are not known",
                    K::plural(&K::DynamicType::default())
                )));
            }
        },
        Err(error) => return Err(failed::<K>(namespace).with_source(error)),
    };
    for object in listed {
        let name = object.name_any();
        match bounded(async { Ok(api.delete(&name, &background).await) }).await? {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            deleted => drop(deleted.map_err(|e| failed::<K>(namespace).with_source(e))?),
        }
    }
    Ok(())
}

fn failed<K: Resource>(namespace: &str) -> Error
where
    K::DynamicType: Default,
{
    let kind = K::plural(&K::DynamicType::default()).into_owned();
    Error::environment(format!("deleting {kind} in namespace {namespace}"))
}

fn forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

async fn may_create<K: Resource>(client: &Client, namespace: &str) -> Result<bool>
where
    K::DynamicType: Default,
{
    let attributes = ResourceAttributes {
        namespace: Some(namespace.to_owned()),
        resource: Some(K::plural(&K::DynamicType::default()).into_owned()),
        verb: Some("create".to_owned()),
        ..Default::default()
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes),
            ..Default::default()
        },
        ..Default::default()
    };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = bounded(api.create(&PostParams::default(), &review)).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use sparkproof_base::testing::test_context;

    /// Grants a verb on every kind, or nothing but the question whether one may create.
    fn server(deletes: bool, lists: bool, creates: bool) -> Client {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((request, answer)) = handle.next_request().await {
                let collection = !request.uri().path().ends_with("/one");
                let granted = match *request.method() {
                    Method::DELETE => deletes || !collection,
                    Method::GET => lists,
                    _ => true,
                };
                let body = match *request.method() {
                    Method::POST => json!({ "spec": {}, "status": { "allowed": creates } }),
                    _ if granted => json!({ "kind": "List", "apiVersion": "v1", "metadata": {},
                                            "items": [] }),
                    _ => json!({ "kind": "Status", "apiVersion": "v1", "metadata": {},
                                 "status": "Failure", "reason": "Forbidden", "code": 403,
                                 "message": "no" }),
                };
                let status = if granted { 200 } else { 403 };
                let body = Body::from(body.to_string().into_bytes());
                answer.send_response(
                    Response::builder().status(status).body(body).expect("an answer"),
                );
            }
        });
        Client::new(service, "default")
    }

    #[tokio::test]
    async fn whatever_verbs_there_are_do() {
        let (context, _keep) = test_context();
        for (deletes, lists, creates) in
            [(true, true, true), (false, true, true), (true, false, true), (false, false, false)]
        {
            let client = server(deletes, lists, creates);
            remove(&context, client, "team", "a=b").await.expect("nothing is left");
        }
        let blind = remove(&context, server(false, false, true), "team", "a=b").await;
        assert!(blind.expect_err("not known").to_string().contains("are not known"));
    }
}
