//! Clients from kubeconfigs; never from the user's current context by accident.

use std::path::Path;
use std::time::Duration;

use kube::Client;
use kube::config::{Cluster, Config, KubeConfigOptions, Kubeconfig, NamedCluster};

use super::proxy::{Via, proxy_here, unreadable, url_of};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};

/// The longest silence of an API server, after which a request fails: longer than that of a watch,
/// which the server ends after 290 s (kube's `watcher::Config`). A command in a pod is kept alive by
/// pings each 60 s; a log that says nothing for so long is opened again.
const ANSWER: Duration = Duration::from_secs(300);

/// A client for one context of a kubeconfig, bounded on connect and on each answer
/// (see [`ANSWER`]).
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
    bound(&mut config);
    Client::try_from(config).or_environment("making a Kubernetes client")
}

fn bound(config: &mut Config) {
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(ANSWER);
    // The time that a pooled connection was idle does not count.
    config.reset_reader_on_write = true;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An API server that takes a request and says nothing.
    #[tokio::test]
    async fn a_silent_api_server_fails_a_request() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut config = Config::new(format!("http://{address}").parse().expect("a URL"));
        bound(&mut config);
        assert_eq!(config.read_timeout, Some(ANSWER));
        config.read_timeout = Some(Duration::from_millis(50));
        let client = Client::try_from(config).expect("a client");
        let asked = tokio::time::timeout(Duration::from_secs(20), client.apiserver_version());
        let error = asked.await.expect("bounded").expect_err("silent");
        drop(listener);
        assert!(matches!(error, kube::Error::HyperError(_) | kube::Error::Service(_)), "{error:?}");
    }
}
