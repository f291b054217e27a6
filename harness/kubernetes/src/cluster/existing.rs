//! The user's cluster: the kubeconfig is only read, and only the session's namespace is created.

use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use kube::config::Kubeconfig;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_machine::address::towards;

use super::connect::{answers, cluster_of};
use super::{Cluster, ClusterRecord, Provider, Via, client_of, expiry};

/// Connects to it.
///
/// # Errors
/// Bad input: the kubeconfig cannot be used. Environment: the cluster is unreachable.
pub async fn open(
    context: &Context,
    kubeconfig: &Path,
    kube_context: Option<&str>,
) -> Result<Cluster> {
    let read = Kubeconfig::read_from(kubeconfig).or_input("reading the kubeconfig")?;
    register_secrets(context, &read)?;
    expiry::check(&read, kube_context, Timestamp::now())?;
    // Absolute, since drivers have another working directory.
    let kubeconfig = &std::path::absolute(kubeconfig).or_input("the kubeconfig's path")?;
    let client = client_of(kubeconfig, kube_context, Via::AsKubectl).await?;
    let version = answers(context, &client, (kubeconfig, kube_context), Via::AsKubectl).await?;
    let server = server_of(kubeconfig, kube_context)?;
    let host_address = host_address(&client, &server).await?;
    let record = ClusterRecord {
        name: kube_context.unwrap_or("current-context").to_owned(),
        provider: Provider::Existing,
        kubeconfig: kubeconfig.to_owned(),
        context: kube_context.map(str::to_owned),
        server,
        kubernetes_version: version,
        host_address,
        node_containers: Vec::new(),
    };
    Ok(Cluster { record, client })
}

/// Registers the keys in a kubeconfig as secrets: a driver that acts as its user gets them, and no
/// output may show them.
fn register_secrets(context: &Context, read: &Kubeconfig) -> Result<()> {
    // kube's serializer exposes the keys.
    let read = serde_json::to_value(read).or_internal("reading the kubeconfig")?;
    for user in read["users"].as_array().into_iter().flatten() {
        for key in ["token", "password", "client-key-data"] {
            if let Some(secret) = user["user"][key].as_str() {
                context.recorder.secrets().register(secret);
            }
        }
    }
    Ok(())
}

/// The `server` of a kubeconfig's context, as written.
pub(super) fn server_of(kubeconfig: &Path, kube_context: Option<&str>) -> Result<String> {
    let read = Kubeconfig::read_from(kubeconfig).or_input("reading the kubeconfig")?;
    cluster_of(read, kube_context)
        .and_then(|named| named.cluster?.server)
        .ok_or_else(|| Error::input(format!("{} names no server", kubeconfig.display())))
}

/// The address that this host uses towards the API server: on a flat network pods can reach it,
/// too. To an API server at a loopback address (nodes in containers or behind a tunnel) it would be
/// one by which a pod means itself; the one towards a node is taken instead.
async fn host_address(client: &kube::Client, server: &str) -> Result<IpAddr> {
    let uri: http::Uri = server.parse().or_input(format!("the server address {server}"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let target = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(443)))
        .await
        .or_environment(format!("resolving {server}"))?
        .next()
        .ok_or_else(|| Error::environment(format!("{server} has no address")))?;
    let here = towards(target)?;
    if !here.is_loopback() {
        return Ok(here);
    }
    let Some(node) = address_of_a_node(client).await else { return Ok(here) };
    Ok(towards((node, target.port()).into()).unwrap_or(here))
}

/// The address of a node inside the cluster's network; `None` if nodes may not be listed.
async fn address_of_a_node(client: &kube::Client) -> Option<IpAddr> {
    let nodes =
        Api::<Node>::all(client.clone()).list(&ListParams::default().limit(1)).await.ok()?;
    let addresses = nodes.items.first()?.status.as_ref()?.addresses.as_ref()?;
    let inside = addresses.iter().find(|address| address.type_ == "InternalIP")?;
    inside.address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::{Request, Response};
    use kube::client::Body;
    use rstest::rstest;
    use serde_json::json;

    fn nodes(address: Option<&str>) -> kube::Client {
        let answer = match address {
            Some(address) => (
                200,
                json!({ "kind": "NodeList", "apiVersion": "v1", "metadata": {},
                "items": [{ "metadata": { "name": "n" }, "status": { "addresses": [
                    { "type": "Hostname", "address": "n" },
                    { "type": "InternalIP", "address": address }] } }] }),
            ),
            None => (
                403,
                json!({ "kind": "Status", "status": "Failure", "code": 403,
                "message": "forbidden", "reason": "Forbidden" }),
            ),
        };
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            while let Some((_, reply)) = handle.next_request().await {
                let body = Body::from(answer.1.to_string().into_bytes());
                reply
                    .send_response(Response::builder().status(answer.0).body(body).expect("valid"));
            }
        });
        kube::Client::new(service, "n")
    }

    /// The node's is a loopback address of another number, so that the test needs no network.
    #[rstest]
    #[case::by_a_node(Some("127.0.0.9"), "127.0.0.1")]
    #[case::nodes_may_not_be_listed(None, "127.0.0.1")]
    #[tokio::test]
    async fn a_server_at_loopback_is_reached_and_pods_get_another_address(
        #[case] node: Option<&str>,
        #[case] address: &str,
    ) {
        let found = host_address(&nodes(node), "https://127.0.0.1:6443").await.expect("an address");
        assert_eq!(found.to_string(), address);
        let of_node = address_of_a_node(&nodes(node)).await;
        assert_eq!(of_node.map(|ip| ip.to_string()).as_deref(), node);
    }
}
