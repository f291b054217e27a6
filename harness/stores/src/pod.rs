//! A server in a pod, for clusters whose network a Docker container cannot join. Driver and pods
//! reach it at a node's address and the port of a NodePort Service.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod as KubePod, Secret, Service};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_dir;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_catalog::StoreKind;
use sparkproof_kubernetes::cluster::Cluster;

use super::place::ServerPlace;
use super::running_pod::Pod;
use super::serving::{SERVER_UID, TLS_DIR, TLS_PORT, bucket, environment, memory, scheme};
use super::{Credentials, Placement, Store, StoreRecord, StoreRequest, certificate};

/// Creates pod, Service and Secret, without waiting until it serves. In a namespace of the run they
/// are deleted with it.
pub(super) async fn start(
    context: &Context,
    cluster: &Cluster,
    namespace: &str,
    image: &str,
    request: &StoreRequest<'_>,
) -> Result<Store> {
    let kind = request.kind;
    if kind == StoreKind::Hdfs {
        return Err(Error::environment(
            "HDFS in a pod is not possible: clients connect to the DataNode's pod address, which a \
             driver outside the cluster cannot reach",
        )
        .remedy("name your HDFS with --store-hdfs-uri"));
    }
    let pod = Pod {
        client: cluster.client.clone(),
        namespace: namespace.to_owned(),
        // The name has the run's id, since a user's namespace may have servers of other runs.
        name: format!("store-{}-{}", context.run.id(), request.name),
    };
    let dir = StoreRecord::dir(context.run.dir(), request.name);
    private_dir(&dir)?;
    let (credentials, file) = Credentials::issue(context, kind, &dir)?;
    let address = node_address(&cluster.client).await?;
    // Azure's clients use the first label as the account.
    let host = match (kind, &credentials) {
        (StoreKind::Azure, Some(c)) => Some(format!("{}.{}", c.account, pod.name)),
        _ => None,
    };
    let mut secrets: BTreeMap<String, String> = environment(request, credentials.as_ref())
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let variables: Vec<String> = secrets.keys().cloned().collect();
    let mut authority = None;
    if kind == StoreKind::Azure {
        let names: Vec<String> = std::iter::once(address.clone()).chain(host.clone()).collect();
        let (issued, path) = certificate::issue_into(context, &dir, &names)?;
        authority = Some(path);
        secrets.insert("cert.pem".to_owned(), issued.certificate);
        secrets.insert("key.pem".to_owned(), issued.key);
    }
    let labels = labels::kube(context.run.id(), request.scope.into());
    let objects = Objects { pod: &pod, image, request, labels, variables };
    let ports = objects.create(secrets).await?;
    let port = |name: &str| ports.get(name).copied().unwrap_or_default();
    let record = StoreRecord {
        kind,
        placement: Placement::Pod {
            kubeconfig: cluster.kubeconfig.clone(),
            context: cluster.context.clone(),
            namespace: namespace.to_owned(),
            name: pod.name.clone(),
        },
        endpoint: format!("{}://{address}:{}", scheme(kind), port("plain")),
        tls_endpoint: authority.is_some().then(|| format!("https://{address}:{}", port("tls"))),
        address,
        host,
        bucket: bucket(kind).to_owned(),
        region: None,
        image: Some(image.to_owned()),
        credentials: file,
        ca_certificate: authority,
    };
    record.write(&StoreRecord::path(context.run.dir(), request.name))?;
    Ok(Store { record, credentials, place: ServerPlace::Pod(pod) })
}

/// The internal address of any node: node ports answer on all of them.
async fn node_address(client: &Client) -> Result<String> {
    let what = "finding a node's address";
    let nodes = Api::<Node>::all(client.clone()).list(&ListParams::default()).await;
    let addresses = nodes.or_environment(what)?.into_iter().filter_map(|n| n.status?.addresses);
    addresses
        .flatten()
        // IPv4 of a dual-stack node, since Spark needs one family.
        .find(|a| a.type_ == "InternalIP" && a.address.parse::<std::net::Ipv4Addr>().is_ok())
        .map(|address| address.address)
        .ok_or_else(|| Error::environment(what).with_source("no node has an internal IPv4 address"))
}

struct Objects<'a> {
    pod: &'a Pod,
    image: &'a str,
    request: &'a StoreRequest<'a>,
    labels: BTreeMap<String, String>,
    variables: Vec<String>,
}

impl Objects<'_> {
    /// Creates Secret, pod and Service; returns the node ports by the names of their ports.
    async fn create(&self, secrets: BTreeMap<String, String>) -> Result<BTreeMap<String, i32>> {
        let what = || format!("creating {}", self.pod.name);
        let create = PostParams::default();
        let secret: Secret = from(json!({ "metadata": self.metadata(), "stringData": secrets }))?;
        self.pod.api::<Secret>().create(&create, &secret).await.or_environment(what())?;
        self.pod.api::<KubePod>().create(&create, &self.pod()?).await.or_environment(what())?;
        let service = self.pod.api::<Service>().create(&create, &self.service()?).await;
        let ports = service.or_environment(what())?.spec.and_then(|s| s.ports).unwrap_or_default();
        Ok(ports.into_iter().filter_map(|port| Some((port.name?, port.node_port?))).collect())
    }

    fn metadata(&self) -> serde_json::Value {
        let mut labels = self.labels.clone();
        labels.insert(labels::KUBE_STORE.to_owned(), self.pod.name.clone());
        json!({ "name": self.pod.name, "labels": labels })
    }

    fn pod(&self) -> Result<KubePod> {
        let name = &self.pod.name;
        let env: Vec<_> = self
            .variables
            .iter()
            .map(|key| {
                let reference = json!({ "name": name, "key": key });
                json!({ "name": key, "valueFrom": { "secretKeyRef": reference } })
            })
            .collect();
        let mut container = json!({
            "name": "store",
            "image": self.image,
            // An image that was loaded into the nodes is in no registry.
            "imagePullPolicy": "IfNotPresent",
            "env": env,
            "resources": { "requests": { "cpu": "50m", "memory": "64Mi" },
                           "limits": { "memory": memory(self.request.kind).to_string() } },
            "securityContext": { "allowPrivilegeEscalation": false, "runAsNonRoot": true,
                                 "runAsUser": SERVER_UID, "capabilities": { "drop": ["ALL"] },
                                 "seccompProfile": { "type": "RuntimeDefault" } },
        });
        let mut spec = json!({ "automountServiceAccountToken": false, "restartPolicy": "Never",
                               "terminationGracePeriodSeconds": 5 });
        if self.request.kind == StoreKind::Azure {
            container["volumeMounts"] = json!([{ "name": "tls", "mountPath": TLS_DIR }]);
            let items: Vec<_> =
                ["cert.pem", "key.pem"].iter().map(|k| json!({ "key": k, "path": k })).collect();
            let secret = json!({ "secretName": name, "items": items });
            spec["volumes"] = json!([{ "name": "tls", "secret": secret }]);
        }
        if let Some(secret) = self.request.pull_secret {
            spec["imagePullSecrets"] = json!([{ "name": secret }]);
        }
        spec["containers"] = json!([container]);
        from(json!({ "metadata": self.metadata(), "spec": spec }))
    }

    fn service(&self) -> Result<Service> {
        let mut ports = vec![json!({ "name": "plain", "port": self.request.kind.port() })];
        if self.request.kind == StoreKind::Azure {
            ports.push(json!({ "name": "tls", "port": TLS_PORT }));
        }
        let selector = json!({ labels::KUBE_STORE: self.pod.name });
        let spec = json!({ "type": "NodePort", "selector": selector, "ports": ports });
        from(json!({ "metadata": self.metadata(), "spec": spec }))
    }
}

fn from<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).or_internal("writing an object of a store")
}
