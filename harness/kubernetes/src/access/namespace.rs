//! Where a run works on a cluster: a namespace of ours, or the user's with what says whose is what in
//! it; and the Lease that says that the run lives.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::ledger::{OwnedResource, labels};

use super::ClusterCapabilities;
use crate::cluster::Cluster;
use crate::lease::Lease;

/// Room for what a run needs as long as it lives, beside its sessions: a namespace of ours, or the
/// user's; its name, and the Lease to be held as long as it is used.
pub async fn prepare_namespace(
    context: &Context,
    cluster: &Cluster,
    terms: &ClusterCapabilities,
    what: &str,
) -> Result<(String, Option<Lease>)> {
    let run = context.run.id();
    let namespace = terms.namespace.clone().unwrap_or_else(|| format!("{what}-{run}"));
    let mut granting = Granting { context, cluster, namespace: &namespace, owned: Vec::new() };
    let name = format!("sparkproof-{run}-{what}");
    let lease = context.cancel.guard(granting.prepare_namespace(terms, &name, None)).await?;
    Ok((namespace, lease))
}

/// What is being made in one namespace, and has to be removed.
pub(super) struct Granting<'a> {
    pub(super) context: &'a Context,
    pub(super) cluster: &'a Cluster,
    pub(super) namespace: &'a str,
    pub(super) owned: Vec<OwnedResource>,
}

impl Granting<'_> {
    pub(super) fn own(&mut self, entry: OwnedResource) -> Result<()> {
        self.owned.push(entry.clone());
        self.context.run.record(entry)
    }

    pub(super) fn meta(&self, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels::kube(self.context.run.id(), labels::Lifetime::Run)),
            ..Default::default()
        }
    }

    /// A namespace of ours, or what says whose is what in the user's; and the Lease.
    pub(super) async fn prepare_namespace(
        &mut self,
        terms: &ClusterCapabilities,
        lease: &str,
        application: Option<&str>,
    ) -> Result<Option<Lease>> {
        let ours = terms.namespace.is_none();
        if ours {
            self.namespace().await?;
        }
        let held = match terms.leased() {
            false => None,
            true => {
                // In a namespace of ours it goes with that; else last.
                if !ours {
                    self.own(self.lease(lease))?;
                }
                let (client, namespace) = (&self.cluster.client, self.namespace);
                Some(Lease::take(self.context, client, namespace, lease, application).await?)
            }
        };
        if !ours {
            self.labelled(application)?;
        }
        Ok(held)
    }

    fn lease(&self, name: &str) -> OwnedResource {
        OwnedResource::Lease {
            kubeconfig: self.cluster.kubeconfig.clone(),
            context: self.cluster.context.clone(),
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    async fn namespace(&mut self) -> Result<()> {
        let name = self.namespace.to_owned();
        let metadata = self.meta(&name);
        self.own(OwnedResource::Namespace {
            kubeconfig: self.cluster.kubeconfig.clone(),
            context: self.cluster.context.clone(),
            name,
        })?;
        let object = Namespace { metadata, ..Default::default() };
        create(Api::all(self.cluster.client.clone()), object).await
    }

    /// What we and what Spark will make in a namespace that stays. What is ours may be of several
    /// sessions: it is removed with the run.
    fn labelled(&mut self, application: Option<&str>) -> Result<()> {
        let entry = |selector: String| OwnedResource::Labelled {
            kubeconfig: self.cluster.kubeconfig.clone(),
            context: self.cluster.context.clone(),
            namespace: self.namespace.to_owned(),
            selector,
        };
        let of_run = entry(format!("{}={}", labels::KUBE_RUN, self.context.run.id()));
        if !self.context.run.owned().contains(&of_run) {
            self.context.run.record(of_run)?;
        }
        match application.map(|id| entry(format!("spark-app-selector={id}"))) {
            Some(of_spark) => self.own(of_spark),
            None => Ok(()),
        }
    }
}

/// Creates an object; one of its name that exists is an error of class bad input.
pub(super) async fn create<K>(api: Api<K>, object: K) -> Result<()>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let kind = K::kind(&K::DynamicType::default()).into_owned();
    let name = object.meta().name.clone().unwrap_or_default();
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            Err(Error::input(format!("{kind} {name} exists already: {}", status.message))
                .remedy("choose another name; nothing of yours was changed"))
        }
        Err(error) => Err(Error::environment(format!("creating {kind} {name}"))
            .with_source(error)
            .remedy("the kubeconfig's user needs the right to set up namespaces and roles")),
    }
}
