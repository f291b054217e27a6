//! The namespace of a run: a new one, or the user's, with labels that identify the run's objects in
//! it; and the Lease that shows that the run is alive.

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::ledger::{OwnedResource, labels};
use sparkproof_catalog::plan::restricted::{ENFORCE, ENFORCE_VERSION, RESTRICTED};

use super::ClusterCapabilities;
use crate::cluster::Cluster;
use crate::lease::Lease;

/// Prepares a namespace for objects of the whole run, apart from its sessions: a new one, or the
/// user's. A new one enforces Pod Security's level `restricted` if `restricted`. Returns its name, and
/// the Lease to hold while it is used.
pub async fn prepare_namespace(
    context: &Context,
    cluster: &Cluster,
    terms: &ClusterCapabilities,
    what: &str,
    restricted: bool,
) -> Result<(String, Option<Lease>)> {
    let run = context.run.id();
    let namespace = terms.namespace.clone().unwrap_or_else(|| format!("{what}-{run}"));
    let mut granting =
        Granting { context, cluster, namespace: &namespace, restricted, owned: Vec::new() };
    let name = format!("sparkproof-{run}-{what}");
    let lease = context.cancel.guard(granting.prepare_namespace(terms, &name, None)).await?;
    Ok((namespace, lease))
}

/// The objects that are being created in one namespace, to be removed later.
pub(super) struct Granting<'a> {
    pub(super) context: &'a Context,
    pub(super) cluster: &'a Cluster,
    pub(super) namespace: &'a str,
    /// Whether a new namespace enforces Pod Security's level `restricted`.
    pub(super) restricted: bool,
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

    /// Creates the namespace, or records the labels of the run's objects in the user's; and the
    /// Lease.
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
                // In a new namespace it is deleted with that; else it is deleted last.
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
        let mut metadata = self.meta(&name);
        if self.restricted {
            // The newest rules that the API server knows: those of a version are at most as strict.
            let level = [(ENFORCE, RESTRICTED), (ENFORCE_VERSION, "latest")];
            let level = level.map(|(label, value)| (label.to_owned(), value.to_owned()));
            metadata.labels.get_or_insert_default().extend(level);
        }
        self.own(OwnedResource::Namespace {
            kubeconfig: self.cluster.kubeconfig.clone(),
            context: self.cluster.context.clone(),
            name,
        })?;
        let object = Namespace { metadata, ..Default::default() };
        create(Api::all(self.cluster.client.clone()), object).await
    }

    /// The resources, by label, that sparkproof and Spark will create in a namespace that stays.
    /// Those of sparkproof may serve several sessions and are removed with the run.
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

/// Creates an object; an existing one of its name is an error of class bad input.
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
                .remedy("choose another name; the existing one was not changed"))
        }
        Err(error) => Err(Error::environment(format!("creating {kind} {name}"))
            .with_source(error)
            .remedy("the kubeconfig's user needs permission to create namespaces and roles")),
    }
}
