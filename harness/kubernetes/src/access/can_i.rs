//! `kubectl auth can-i`, asked as the account, before a session needs the permissions.

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};

use super::{Access, Rule};

/// A permission that the account lacks, with the API server's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The missing permission.
    pub rule: Rule,
    /// The API server's reason, often empty.
    pub reason: String,
}

/// Reviews each rule as the driver; returns the missing ones, in order.
pub async fn missing_verbs(
    context: &Context,
    access: &Access,
    rules: &[Rule],
) -> Result<Vec<Missing>> {
    denied(context, &access.client().await?, &access.namespace, rules).await
}

/// Reviews each rule as the client's user, in a namespace if the resource is namespaced; returns
/// the denied ones, in order. A review creates nothing, and every user may ask for one
/// (`system:basic-user`).
pub(super) async fn denied(
    context: &Context,
    client: &Client,
    namespace: &str,
    rules: &[Rule],
) -> Result<Vec<Missing>> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let ask = |rule: Rule| {
        let reviews = reviews.clone();
        let (group, resource, subresource) = rule.parts();
        let namespace = (!rule.is_cluster_wide()).then(|| namespace.to_owned());
        async move {
            let review = SelfSubjectAccessReview {
                spec: SelfSubjectAccessReviewSpec {
                    resource_attributes: Some(ResourceAttributes {
                        namespace,
                        group: Some(group.to_owned()),
                        resource: Some(resource.to_owned()),
                        subresource: subresource.map(str::to_owned),
                        verb: Some(rule.verb.to_owned()),
                        ..Default::default()
                    }),
                    ..Default::default()
                },
                ..Default::default()
            };
            let answer = reviews
                .create(&PostParams::default(), &review)
                .await
                .or_environment(format!("asking whether the account can {rule}"))?;
            let status = answer.status.unwrap_or_default();
            let reason = status.reason.unwrap_or_default();
            Ok((!status.allowed).then_some(Missing { rule, reason }))
        }
    };
    let asked = futures::stream::iter(rules.iter().copied()).map(ask).buffered(8);
    let answers: Vec<Option<Missing>> = context.cancel.guard(asked.try_collect()).await?;
    Ok(answers.into_iter().flatten().collect())
}
