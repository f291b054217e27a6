//! The user's cluster: the kubeconfig is only read, and only the session's namespace is created.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};

use super::connect::{answers, cluster_of};
use super::{Cluster, ClusterRecord, Provider, Via, client_of};

/// Connects to it.
///
/// # Errors
/// Bad input: the kubeconfig cannot be used. Environment: the cluster is unreachable.
pub async fn open(
    context: &Context,
    kubeconfig: &Path,
    kube_context: Option<&str>,
) -> Result<Cluster> {
    register_secrets(context, kubeconfig)?;
    // Absolute, since drivers have another working directory.
    let kubeconfig = &std::path::absolute(kubeconfig).or_input("the kubeconfig's path")?;
    let client = client_of(kubeconfig, kube_context, Via::AsKubectl).await?;
    let version = answers(context, &client, (kubeconfig, kube_context), Via::AsKubectl).await?;
    let server = server_of(kubeconfig, kube_context)?;
    let host_address = local_address_towards(&server).await?;
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
fn register_secrets(context: &Context, kubeconfig: &Path) -> Result<()> {
    let read =
        kube::config::Kubeconfig::read_from(kubeconfig).or_input("reading the kubeconfig")?;
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
    let read =
        kube::config::Kubeconfig::read_from(kubeconfig).or_input("reading the kubeconfig")?;
    cluster_of(read, kube_context)
        .and_then(|named| named.cluster?.server)
        .ok_or_else(|| Error::input(format!("{} names no server", kubeconfig.display())))
}

/// The address that this host uses towards the API server: on a flat network pods can reach it,
/// too. Connecting a UDP socket sends nothing.
async fn local_address_towards(server: &str) -> Result<IpAddr> {
    let uri: http::Uri = server.parse().or_input(format!("the server address {server}"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let target = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(443)))
        .await
        .or_environment(format!("resolving {server}"))?
        .next()
        .ok_or_else(|| Error::environment(format!("{server} has no address")))?;
    let any: SocketAddr = if target.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = std::net::UdpSocket::bind(any).or_environment("opening a socket")?;
    socket.connect(target).or_environment(format!("finding the route to {server}"))?;
    Ok(socket.local_addr().or_environment("reading the local address")?.ip())
}
