//! Clients from kubeconfigs; never from the user's current context by accident.

use std::path::Path;
use std::time::Duration;

use kube::Client;
use kube::config::{Cluster, Config, KubeConfigOptions, Kubeconfig, NamedCluster};

use super::proxy::{Via, proxy_here, unreadable, url_of};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};

/// A client for one context of a kubeconfig, with time-outs on connect and on each read.
pub async fn client_of(kubeconfig: &Path, context: Option<&str>, via: Via) -> Result<Client> {
    let read = read(kubeconfig)?;
    let contexts = read.contexts.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..Default::default() };
    let named = cluster_of(read.clone(), context).and_then(|named| named.cluster?.proxy_url);
    let mut config = Config::from_custom_kubeconfig(read, &options).await.map_err(|e| {
        unreadable(&e).unwrap_or_else(|| {
            Error::input(format!("using the kubeconfig {}", kubeconfig.display()))
                .because(e)
                .remedy(format!("its contexts are: {contexts}"))
        })
    })?;
    let proxy = match via {
        Via::Direct => None,
        Via::AsKubectl => proxy_here(&config.cluster_url, named.as_deref()),
    };
    config.proxy_url = proxy.as_deref().map(url_of).transpose()?;
    config.connect_timeout = Some(Duration::from_secs(5));
    Client::try_from(config).or_environment("making a Kubernetes client")
}

/// The proxy that a child process needs to reach the server of a kubeconfig's context, as a URL.
pub(crate) fn proxy_towards(
    kubeconfig: &Path,
    context: Option<&str>,
    via: Via,
) -> Result<Option<String>> {
    if via == Via::Direct {
        return Ok(None);
    }
    let cluster = cluster_of(read(kubeconfig)?, context).and_then(|named| named.cluster);
    let Some(Cluster { server: Some(server), proxy_url, .. }) = cluster else { return Ok(None) };
    let uri = server.parse().or_input(format!("the server address {server}"))?;
    Ok(proxy_here(&uri, proxy_url.as_deref()))
}

fn read(kubeconfig: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(kubeconfig)
        .or_input(format!("reading the kubeconfig {}", kubeconfig.display()))
}

/// The cluster that a context of a kubeconfig (its current one for `None`) names.
pub(crate) fn cluster_of(read: Kubeconfig, context: Option<&str>) -> Option<NamedCluster> {
    let wanted = context.map(str::to_owned).or(read.current_context)?;
    let named = read.contexts.into_iter().find(|c| c.name == wanted)?;
    let cluster = named.context?.cluster;
    read.clusters.into_iter().find(|c| c.name == cluster)
}

/// One bounded look at the API server. Unreachable: class environment; its version otherwise.
pub(super) async fn answers(
    context: &Context,
    client: &Client,
    kubeconfig: &Path,
) -> Result<String> {
    let version = async {
        tokio::time::timeout(Duration::from_secs(10), client.apiserver_version())
            .await
            .map_err(|_| Error::environment("no answer within 10 s"))?
            .or_environment("asking for its version")
    };
    let version = context.cancel.guard(version).await.map_err(|e| {
        if e.is_interruption() {
            return e;
        }
        Error::environment(format!("the cluster of {} does not answer: {e}", kubeconfig.display()))
            .remedy("check that it runs and that this machine reaches it (kubectl cluster-info)")
    })?;
    Ok(version.git_version)
}
